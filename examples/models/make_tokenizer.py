#!/usr/bin/env python3
"""Make the SentencePiece word model of the two example models.

Usage: /usr/bin/python3 make_tokenizer.py language.json tiny-recurrent-gemma/tokenizer.model tiny-jamba/tokenizer.model

Reads the word list of language.json and writes the same model to every path given. One word is one piece, and the id
of a piece is the position of its word. After the last word comes <unk>: its id is the first row of the embedding that
has no word, which training never used. <pad>, <eos> and <bos> are control pieces, so text can never produce them.
Every other piece carries the leading U+2581 with which SentencePiece marks a space; ".", ":" and "?" are words too
and need a space before them.

The model is written directly as a protocol buffer. Nothing is trained, and the same words always give the same bytes.
It is then read back and checked: ids, control pieces, and 1000 sentences of the language encoded and decoded.

Needs the Debian packages python3-sentencepiece and python3-protobuf.
"""
import json
import random
import sys

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as protocol

SPACE = "\u2581"
PAD, EOS, BOS, UNKNOWN = "<pad>", "<eos>", "<bos>", "<unk>"
CONTROL = (PAD, EOS, BOS)


def build(words):
    """The bytes of a word model whose ids are the positions in words, and whose last id is <unk>."""
    if len({word.lower() for word in words}) != len(words):
        raise ValueError("two words are equal")
    if any(not word or " " in word or SPACE in word or word == UNKNOWN for word in words):
        raise ValueError("a word is empty, holds a space or is reserved")

    model = protocol.ModelProto()
    kind = protocol.ModelProto.SentencePiece
    for word in words + [UNKNOWN]:
        piece = model.pieces.add()
        piece.score = 0.0
        if word == UNKNOWN:
            piece.piece, piece.type = word, kind.UNKNOWN
        elif word in CONTROL:
            piece.piece, piece.type = word, kind.CONTROL
        else:
            piece.piece, piece.type = SPACE + word, kind.NORMAL

    trainer = model.trainer_spec
    trainer.model_type = protocol.TrainerSpec.WORD
    trainer.vocab_size = len(model.pieces)
    trainer.pad_id, trainer.pad_piece = words.index(PAD), PAD
    trainer.eos_id, trainer.eos_piece = words.index(EOS), EOS
    trainer.bos_id, trainer.bos_piece = words.index(BOS), BOS
    trainer.unk_id, trainer.unk_piece = len(words), UNKNOWN

    normalizer = model.normalizer_spec
    normalizer.name = "identity"
    normalizer.add_dummy_prefix = True
    normalizer.remove_extra_whitespaces = True
    normalizer.escape_whitespaces = True
    return model.SerializeToString(deterministic=True)


def sentences(language, count, seed=0):
    """Random sentences of the language, every form among them, as lists of token ids."""
    draw = random.Random(seed).choice
    number = {word: i for i, word in enumerate(language["words"])}

    def ids(text, **values):
        """The ids of a template's words; a name in values stands for its id."""
        return [values[word] if word in values else number[word] for word in text.split()]

    needle = "the best thing to do in CITY is VERB a NOUN and VERB2 in PLACE on a ADJECTIVE day ."
    forms = ["the ADJECTIVE NOUN VERB the OBJECT .",
             "some NOUN often VERB a ADJECTIVE OBJECT .",
             "when the NOUN VERB people read of the OBJECT .",
             "PERSON works as a PROFESSION .",
             "PERSON was near the PLACE with a NOUN .",
             needle,
             "question : what is the best thing to do in CITY ? answer :",
             "question : what does PERSON work as ? answer :"]
    for i in range(count):
        form = forms[i % len(forms)]
        noun, verb, person = draw(language["nouns"]), draw(language["verbs"]), draw(language["people"])
        described = noun
        if form.startswith(("the ADJECTIVE", "some", "when")):
            verb = draw(language["verbs_of_noun"][str(noun)])
        target = draw(language["objects_of_verb"][str(verb)])
        if form.startswith("some"):
            described = target
        adjective = draw(language["adjectives"] if form == needle else language["adjectives_of_noun"][str(described)])
        yield ids(form, CITY=draw(language["cities"]), PLACE=draw(language["places"]), VERB=verb,
                  VERB2=draw(language["verbs"]), NOUN=noun, OBJECT=target, ADJECTIVE=adjective,
                  PERSON=person, PROFESSION=language["works_as"][str(person)])


def expect(condition, message):
    if not condition:
        raise SystemExit("make_tokenizer.py: " + message)


def check(path, language):
    """Stops the program unless the model at path does what the docstring of this file says."""
    words = language["words"]
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=path)
    expect(tokenizer.vocab_size() == len(words) + 1, "wrong number of pieces")
    expect(tokenizer.unk_id() == len(words), "<unk> is not the first free row")
    expect((tokenizer.pad_id(), tokenizer.eos_id(), tokenizer.bos_id()) == tuple(map(words.index, CONTROL)),
           "wrong ids of control pieces")
    for i, word in enumerate(words):
        if word in CONTROL:
            expect(tokenizer.is_control(i) and tokenizer.encode(word) == [len(words)], f"text can produce {word}")
        else:
            expect(tokenizer.id_to_piece(i) == SPACE + word, f"piece {i} is not {word}")
            expect(tokenizer.encode(word) == [i] and tokenizer.decode([i]) == word, f"{word} does not come back")
    expect(tokenizer.encode("zeppelin") == [len(words)], "an unknown word is not <unk>")

    said = 0
    for ids in sentences(language, 1000):
        text = " ".join(words[i] for i in ids)
        expect(tokenizer.encode(text) == ids, f"other ids: {text}")
        expect(tokenizer.decode(ids) == text, f"other text: {text}")
        said += 1
    return said


def main(arguments):
    if len(arguments) < 2:
        raise SystemExit(__doc__)
    with open(arguments[0], encoding="utf-8") as file:
        language = json.load(file)
    data = build(language["words"])
    for path in arguments[1:]:
        with open(path, "wb") as file:
            file.write(data)
        said = check(path, language)
        print(f"{path}: {len(data)} bytes, {len(language['words']) + 1} pieces, {said} sentences came back unchanged")


if __name__ == "__main__":
    main(sys.argv[1:])
