bool with_this_version_works();
bool with_next_version_works();

int main() { return with_this_version_works() && with_next_version_works() ? 0 : 1; }
