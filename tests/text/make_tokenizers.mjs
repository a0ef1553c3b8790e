// node make_tokenizers.mjs FOLDER: trains the small tokenizers of tests/golden/data/tokenizers with tokenizers 0.23.2 from
// npm (import path: the working directory's node_modules). Each has the normalizer, pre_tokenizer, post_processor, decoder
// and flags of a published kind over a vocabulary of its own; KIND/tokenizer.json is what comes out.

import { createRequire } from 'node:module';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const { Tokenizer } = createRequire(process.cwd() + '/')('tokenizers');
const output = process.argv[2];
const corpus = readFileSync(new URL('../../LICENSE', import.meta.url), 'utf8') + `
The little hybrid's attention heads don't all retrieve; they've been counted, and we'll say which: 12 of 144, or 8.3%.
I'm sure it'd be 1,024 tokens in 2025. YES, IT'S TRUE! What's "this"?  Tabs\tand   runs of    spaces, (brackets) [too].
for (int i = 0; i < 4096; ++i) { sum += weights[i] * values[i]; }  // a comment\n\n\n    return sum / 3.14159;\r\n
Zażółć gęślą jaźń. Ça va déjà très bien, où êtes-vous? Größe, Übermut, naïve façade. El niño comió piñas mañana.
Съешь же ещё этих мягких французских булок, да выпей чаю. Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.
我们需要多少个注意力头？注意力就是检索。日本語のテキストも少しあります。カタカナ。안녕하세요, 주의는 검색입니다.
مرحبا بالعالم، كيف حالك؟ שלום עולם. नमस्ते दुनिया, आप कैसे हैं? สวัสดีชาวโลก
x² + y² = z², ½ of 100 ≈ 50 — “quoted” … naïve 🙂🙂 👩‍👩‍👧‍👦 ✓ ①②③ Ⅷ ﬁne
`.repeat(3);

// Byte-pair merges, by counts of pairs in words; of equals, the first in code order.
function train(words, merges) {
  let counted = [...words].map(([word, count]) => [[...word], count]);
  const found = [];
  const pieces = new Set(counted.flatMap(([letters]) => letters));
  while (found.length < merges) {
    const pairs = new Map();
    for (const [letters, count] of counted)
      for (let i = 0; i + 1 < letters.length; ++i) {
        const pair = letters[i] + '\u0000' + letters[i + 1];
        pairs.set(pair, (pairs.get(pair) ?? 0) + count);
      }
    let best = null;
    for (const [pair, count] of pairs)
      if (!best || count > best[1] || (count === best[1] && pair < best[0])) best = [pair, count];
    if (!best || best[1] < 2) break;
    const [left, right] = best[0].split('\u0000');
    found.push([left, right]);
    pieces.add(left + right);
    counted = counted.map(([letters, count]) => {
      const joined = [];
      for (let i = 0; i < letters.length; ++i)
        if (letters[i] === left && letters[i + 1] === right) joined.push(letters[i++] + right);
        else joined.push(letters[i]);
      return [joined, count];
    });
  }
  return { pieces: [...pieces], merges: found };
}

const byteLetters = () => {
  const letters = [];
  for (let byte = 0, next = 256; byte < 256; ++byte) {
    const itself = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    letters.push(String.fromCodePoint(itself ? byte : next++));
  }
  return letters;
};
const bytePieces = () => [...Array(256).keys()].map((byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);

const mark = (content, more = {}) =>
  ({ content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...more });
const plain = (content, more = {}) => mark(content, { special: false, ...more });
const byteLevel = (more = {}) =>
  ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false, ...more });
const split = (expression, behavior = 'Isolated', invert = false) =>
  ({ type: 'Split', pattern: { Regex: expression }, behavior, invert });
const metaspace = (prepend_scheme, more = {}) => ({ type: 'Metaspace', replacement: '▁', prepend_scheme, split: true, ...more });
const replace = (from, to) => ({ type: 'Replace', pattern: { String: from }, content: to });
const template = (name) => (ids) => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: name, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: { [name]: { id: name, ids: [ids(name)], tokens: [name] } },
});
const spaceDecoder = (strips) => ({ type: 'Sequence', decoders: [replace('▁', ' '), { type: 'ByteFallback' }, { type: 'Fuse' },
  ...(strips ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [])] });
const chat = [mark('<|endoftext|>'), mark('<|im_start|>'), mark('<|im_end|>'), plain('<think>'), plain('</think>'), plain('<tool_call>')];
const llama = [mark('<unk>'), mark('<s>'), mark('</s>')];

const end = String.raw`|\s*[\r\n]+|\s+(?!\S)|\s+`;
const contractions = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`;
const words = {
  qwen: contractions + String.raw`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*` + end,
  qwen3_5: contractions + String.raw`|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*` + end,
  llama3: contractions + String.raw`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*` + end,
  tekken: String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+` +
    String.raw`|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*` + end,
};
const splitThenBytes = (expression) => ({ type: 'Sequence', pretokenizers: [split(expression), byteLevel()] });

// `first`: pieces before all others; `added`: tokens, those of the vocabulary among them; `unknown`: unk_token.
const kinds = {
  gpt2: { bytes: true, pre: byteLevel({ use_regex: true }), post: byteLevel({ add_prefix_space: true }), added: [mark('<|endoftext|>'), mark('<|pad|>', { normalized: true })] },
  gpt2_prefix: { bytes: true, pre: byteLevel({ use_regex: true, add_prefix_space: true }), post: null, added: [mark('<|endoftext|>', { lstrip: true })] },
  qwen: { bytes: true, normalizer: { type: 'NFC' }, pre: splitThenBytes(words.qwen), post: byteLevel(), added: chat, model: { continuing_subword_prefix: '', end_of_word_suffix: '' } },
  qwen3_5: { bytes: true, normalizer: { type: 'NFC' }, pre: splitThenBytes(words.qwen3_5), post: byteLevel(), added: chat },
  llama3: { bytes: true, pre: splitThenBytes(words.llama3), added: [mark('<|begin_of_text|>'), mark('<|eot_id|>')], model: { ignore_merges: true },
    post: (ids) => ({ type: 'Sequence', processors: [byteLevel({ use_regex: true }), template('<|begin_of_text|>')(ids)] }) },
  tekken: { bytes: true, pre: splitThenBytes(words.tekken), post: template('<s>'), first: ['<unk>', '<s>', '</s>', '[INST]'], added: [...llama, mark('[INST]')], model: { ignore_merges: true } },
  granite: { bytes: true, pre: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel({ use_regex: true })] }, post: null,
    first: ['<|end_of_text|>', '<fim_prefix>'], added: [mark('<|end_of_text|>'), mark('<fim_prefix>'), mark('<|start_of_role|>'), plain('<|tool_call|>')] },
  falcon: { bytes: true, post: null, added: [mark('>>TITLE<<'), mark('<|endoftext|>')], pre: { type: 'Sequence', pretokenizers: [
    { type: 'Punctuation', behavior: 'Contiguous' }, byteLevel({ use_regex: true }), { type: 'Digits', individual_digits: false }, split('[0-9][0-9][0-9]')] } },
  llama2: { first: ['<unk>', '<s>', '</s>', ...bytePieces()], unknown: '<unk>', added: [...llama, plain('<pad>', { normalized: true })], post: template('<s>'), decoder: spaceDecoder(true),
    normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, replace(' ', '▁')] }, pre: null, model: { byte_fallback: true, fuse_unk: true } },
  metaspace_first: { first: ['<unk>', '<s>', '</s>', ...bytePieces()], unknown: '<unk>', added: [...llama, plain('<end>', { rstrip: true })], post: template('<s>'), decoder: spaceDecoder(true),
    pre: metaspace('first', { split: false }), model: { byte_fallback: true, fuse_unk: true } },
  metaspace_always: { first: ['<unk>', '<s>', '</s>'], unknown: '<unk>', added: llama, post: template('<s>'), decoder: metaspace('always'), pre: metaspace('always'), model: { fuse_unk: true } },
  metaspace_never: { first: ['<unk>', '<s>', '</s>'], unknown: '<unk>', added: [...llama, plain('▁▁'), plain('word', { single_word: true })], post: template('<s>'), decoder: metaspace('never'), pre: metaspace('never') },
  gemma: { first: ['<pad>', '<eos>', '<bos>', '<unk>', '<start_of_turn>', '\n\n', '\n\n\n', '▁▁', '▁▁▁', '<table>', ...bytePieces()], unknown: '<unk>', post: template('<bos>'), decoder: spaceDecoder(false),
    added: [mark('<pad>'), mark('<eos>'), mark('<bos>'), mark('<unk>'), mark('<start_of_turn>'), ...['\n\n', '\n\n\n', '▁▁', '▁▁▁', '<table>'].map((one) => plain(one))],
    normalizer: replace(' ', '▁'), pre: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false }, model: { byte_fallback: true, fuse_unk: true } },
  nfkc_digits: { first: ['<unk>'], unknown: '<unk>', normalizer: { type: 'Sequence', normalizers: [{ type: 'Strip', strip_left: true, strip_right: true }, { type: 'NFKC' }, { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' }] }, post: null,
    pre: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: false }, metaspace('always')] }, added: [mark('<unk>'), plain('ﬁne', { normalized: true, single_word: true, lstrip: true, rstrip: true })] },
  nfd_removed: { normalizer: { type: 'NFD' }, post: null, added: [plain('é', { normalized: true })], pre: { type: 'Sequence', pretokenizers: [split(String.raw`\s+`, 'Removed'), split(String.raw`\p{L}+`, 'MergedWithNext'), split('[.,]', 'MergedWithPrevious', true), { type: 'Punctuation' }] } },
  nfkd_inverted: { first: ['<unk>'], unknown: '<unk>', normalizer: { type: 'NFKD' }, post: null, added: [mark('<unk>', { lstrip: true, rstrip: true })], pre: split(String.raw`\w+|[^\w\s]+`, 'Removed', true), legacy: true },
};

for (const [kind, made] of Object.entries(kinds)) {
  const shape = (vocab, merges, added, post) => ({ version: '1.0', truncation: null, padding: null, added_tokens: added,
    normalizer: made.normalizer ?? null, pre_tokenizer: made.pre, post_processor: post,
    decoder: made.decoder ?? (made.bytes ? byteLevel({ add_prefix_space: true, trim_offsets: true, use_regex: true }) : null),
    model: { type: 'BPE', dropout: null, unk_token: made.unknown ?? null, continuing_subword_prefix: null, end_of_word_suffix: null,
      fuse_unk: false, byte_fallback: false, ignore_merges: false, ...made.model, vocab, merges } });
  const bare = Tokenizer.fromString(JSON.stringify(shape({ '▁': 0 }, [], [], null)));
  const counted = new Map();
  for (const line of corpus.split(/(?<=\n)(?=\S)/)) {
    const normal = bare.getNormalizer()?.normalizeString(line) ?? line;
    const pieces = bare.getPreTokenizer()?.preTokenizeString(normal).map(([piece]) => piece) ??
      normal.split(/(?=▁)/);
    for (const piece of pieces) counted.set(piece, (counted.get(piece) ?? 0) + 1);
  }
  const { pieces, merges } = train(counted, 500);
  const vocab = {};
  for (const piece of [...(made.first ?? []), ...(made.bytes ? byteLetters() : []), ...pieces]) vocab[piece] ??= Object.keys(vocab).length;
  if (made.model?.ignore_merges) vocab[made.bytes ? 'Ġunmergeable' : '▁unmergeable'] = Object.keys(vocab).length;
  let next = Object.keys(vocab).length;
  const added = made.added.map((one) => ({ id: vocab[one.content] ?? next++, ...one })).sort((a, b) => a.id - b.id);
  const ids = (name) => added.find((one) => one.content === name).id;
  const post = typeof made.post === 'function' ? made.post(ids) : made.post;
  const file = shape(vocab, made.legacy ? merges.map((pair) => pair.join(' ')) : merges, added, post);
  Tokenizer.fromString(JSON.stringify(file));
  mkdirSync(`${output}/${kind}`, { recursive: true });
  writeFileSync(`${output}/${kind}/tokenizer.json`, JSON.stringify(file) + '\n');
}
