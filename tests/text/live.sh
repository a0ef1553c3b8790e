#!/bin/sh
# live.sh TESTS FOLDER: texts of a new seed, encoded by Hugging Face's tokenizers from npm and by ours, a program of unit
# tests. FOLDER keeps what npm brings. Where there is no npm, or it gets nothing, the last line says that it was skipped.
set -eu

tests=$1 folder=$2 here=$(cd "$(dirname "$0")" && pwd)
for program in node npm; do
  command -v $program > /dev/null || { echo "skipped: $program was not found"; exit 0; }
done
mkdir -p "$folder"
cd "$folder"
if [ ! -d node_modules/tokenizers ]; then
  npm install --no-save --no-audit --no-fund --ignore-scripts --fetch-retries=0 tokenizers@0.23.2 > npm.log 2>&1 ||
    { echo "skipped: npm could not get tokenizers 0.23.2"; exit 0; }
fi
seed=$(date +%s)
echo "seed $seed"
node "$here/fuzz_ids.mjs" "$here/../golden/data/tokenizers" fresh "$seed"
HEADCOUNT_FUZZED=$folder/fresh exec "$tests" --test-case='json_tokenizer*fuzzed*'
