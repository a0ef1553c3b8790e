// The source of a target that only precompiles headers.
