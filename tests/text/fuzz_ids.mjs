// node fuzz_ids.mjs TOKENIZERS OUTPUT SEED: 1,000 fuzzed texts, and what tokenizers 0.23.2 from npm (in the working
// directory's node_modules) makes of each with every TOKENIZERS/KIND/tokenizer.json.
// OUTPUT/texts.json is a list of texts; OUTPUT/KIND/ids.txt has a line a text: its ids, two digits of base 64 each, without
// special tokens around it; OUTPUT/KIND/said.json what the ids of the first 100 are decoded to, special ones left out.

import { createRequire } from 'node:module';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const { Tokenizer } = createRequire(process.cwd() + '/')('tokenizers');
const [folder, output, seed] = process.argv.slice(2);
const kinds = readdirSync(folder, { withFileTypes: true }).filter((one) => one.isDirectory()).map((one) => one.name).sort();
const files = Object.fromEntries(kinds.map((kind) => [kind, readFileSync(`${folder}/${kind}/tokenizer.json`, 'utf8')]));

// mulberry32
let state = Number(seed) >>> 0;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let x = Math.imul(state ^ (state >>> 15), 1 | state);
  x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
  return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
}
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];
const times = (n, make) => Array.from({ length: n }, make).join('');

const names = [...new Set(kinds.flatMap((kind) => JSON.parse(files[kind]).added_tokens.map((one) => one.content)))];
const wordy = ['the', 'The', 'attention', 'heads', 'retrieve', 'tokens', 'License', 'software', 'hybrid', 'return', 'unmergeable',
  'word', 'words', 'keyword', 'don', 'naïve', 'façade', 'Größe', 'jaźń', 'niño', 'булок', 'чаю', 'ψυχοφθόρα', '注意力', '日本語',
  'テキスト', '안녕하세요', 'مرحبا', 'שלום', 'नमस्ते', 'हैं', 'สวัสดี', 'ﬁne', 'ﬃ', 'Ⅷ', '½', 'x²', 'İstanbul', 'ǆ', 'ß', 'ſ', 'Å', 'Ω'];
const tails = ["'s", "'S", "'t", "'re", "'LL", "'d", '’s', "'ſ", "''", "'"];
const spaces = [' ', ' ', ' ', '  ', '   ', '\t', '\n', '\n\n', '\r\n', '\n \n', ' \n', '\u00a0', '\u3000', '\u2028', '\u0085', '\u200b', '\u202f', '\ufeff', '\v', '\f', '\x1c'];
const marks = ['.', ',', '!', '?', '...', '—', '…', '“', '”', '(', ')', '[', ']', '{', '}', '//', '/', '/*', '#', '$', '€', '+', '=', '<', '>', '<=', '|', '_', '__', '~', '^', '`', '、', '。', '？', '«', '؟', '।', '¿', '§', '°'];
const odd = ['▁', '▁▁', '▁▁▁▁', 'Ġ', 'Ċ', '<0x41>', '<0x0A>', '<s', '</s>s', '<|', '|>', '<unk', '\u0000', '\u0001', '\u007f', '\u00ad', '\u200d', '\u200c',
  'e\u0301', '\u0301', 'a\u0323\u0307', 'a\u0307\u0323', 'A\u030a', '\u1100\u1161\u11a8', '\uac01', '\u2126', '\u212b', '\u0958', '\u0344', '\ufb01', '\uff21', '\ufdfa', '🙂', '👩‍👩‍👧‍👦', '🇩🇪', '👍🏽', '✓', '①', '𝔘𝔫𝔦', '𝟙𝟚', '\ue000', '\ufffd', '\u{10ffff}', '𐀀', '﷽'];
const scripts = [[0x20, 0x7e], [0xa0, 0x17f], [0x300, 0x36f], [0x370, 0x3ff], [0x400, 0x4ff], [0x5d0, 0x5ea], [0x620, 0x669], [0x904, 0x96f],
  [0xe01, 0xe5b], [0x1100, 0x11ff], [0x1e00, 0x1eff], [0x2000, 0x206f], [0x2070, 0x209c], [0x20a0, 0x20bf], [0x2100, 0x218b], [0x2190, 0x23ff], [0x2460, 0x24ff],
  [0x3000, 0x30ff], [0x3131, 0x318e], [0x3200, 0x33ff], [0x4e00, 0x9fa5], [0xac00, 0xd7a3], [0xf900, 0xfa6d], [0xfb00, 0xfb06], [0xff01, 0xffee], [0x10400, 0x1049d], [0x1d400, 0x1d7ff], [0x1f300, 0x1f64f], [0x20000, 0x2a6d6], [0x2f800, 0x2fa1d]];
const assigned = /[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Z}\p{C}]/u;
function letter() {
  const [first, last] = pick(scripts);
  const one = String.fromCodePoint(first + below(last - first + 1));
  return assigned.test(one) ? one : '?';
}
const makers = [
  () => pick(wordy), () => pick(wordy), () => pick(wordy) + pick(tails), () => pick(wordy).toUpperCase(), () => pick(spaces), () => pick(spaces), () => ' ', () => ' ',
  () => times(1 + below(8), () => String(below(10))), () => pick(['٣', '৪', '²', '¾', '㊈', '１２', 'Ⅻ']) + below(1000), () => pick(marks), () => times(1 + below(4), () => pick(marks)),
  () => pick(odd), () => pick(names), () => pick(names), () => pick(spaces) + pick(names) + pick(spaces), () => pick(names).slice(0, -1),
  () => times(1 + below(6), letter), () => pick(wordy).normalize(pick(['NFD', 'NFKD', 'NFC'])), () => times(1 + below(12), () => pick([' ', '\n', '\t', '▁', '\u00a0'])),
];
const texts = Array.from({ length: 1000 }, (_, i) => (i === 0 ? '' : times(1 + below(i % 50 === 0 ? 60 : 14), () => pick(makers)())));

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
mkdirSync(output, { recursive: true });
writeFileSync(`${output}/texts.json`, JSON.stringify(texts, null, 0).replace(/","/g, '",\n"') + '\n');
for (const kind of kinds) {
  const words = Tokenizer.fromString(files[kind]);
  const lines = [];
  const said = [];
  for (const text of texts) {
    const ids = (await words.encode(text, null, { addSpecialTokens: false })).getIds();
    lines.push(ids.map((id) => digits[id >> 6] + digits[id & 63]).join(''));
    if (said.length < 100) said.push(await words.decode(ids, true));
  }
  mkdirSync(`${output}/${kind}`, { recursive: true });
  writeFileSync(`${output}/${kind}/ids.txt`, lines.join('\n') + '\n');
  writeFileSync(`${output}/${kind}/said.json`, JSON.stringify(said, null, 0).replace(/","/g, '",\n"') + '\n');
}
