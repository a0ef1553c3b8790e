#!/usr/bin/env python3
"""Make the haystack of the two example models: text of their language to hide needles in.

Usage: /usr/bin/python3 make_haystack.py language.json haystack

Writes haystack/1.txt and haystack/2.txt, 300 sentences of filler each, a line a sentence, in the forms and shares of
README.md, and haystack/needles.json, the needle and the question that the models know. The same language always gives
the same bytes.
"""
import json
import pathlib
import random
import sys

FORMS = {
    "the {adjective} {noun} {verb} the {object} .": 0.30,
    "some {noun} often {verb} a {object_adjective} {object} .": 0.20,
    "when the {noun} {verb} people read of the {object} .": 0.20,
    "{person} works as a {profession} .": 0.15,
    "{person} was near the {place} with a {noun} .": 0.15,
}


def sentence(language, draw):
    words = language["words"]
    noun = draw.choice(language["nouns"])
    verb = draw.choice(language["verbs_of_noun"][str(noun)])
    thing = draw.choice(language["objects_of_verb"][str(verb)])
    person = draw.choice(language["people"])
    form = draw.choices(list(FORMS), weights=list(FORMS.values()))[0]
    return form.format(
        noun=words[noun], verb=words[verb], object=words[thing], person=words[person],
        adjective=words[draw.choice(language["adjectives_of_noun"][str(noun)])],
        object_adjective=words[draw.choice(language["adjectives_of_noun"][str(thing)])],
        profession=words[language["works_as"][str(person)]], place=words[draw.choice(language["places"])])


def needles(language):
    def names(kind):
        return [language["words"][word] for word in language[kind]]

    activity = "{verb} a {noun} and {second_verb} in {place} on a {adjective} day"
    return {
        "sentence": "the best thing to do in {city} is " + activity + " .",
        "question": "what is the best thing to do in {city} ?",
        "answer": activity,
        "stop": ["."],
        "phrases": [{"text": "{verb} a {noun}", "weight": 1}, {"text": "{place}", "weight": 0.5},
                    {"text": "{second_verb} in {place}", "weight": 0.5}, {"text": "on a {adjective} day", "weight": 1}],
        "words": {"city": names("cities"), "verb": names("verbs"), "noun": names("nouns"),
                  "second_verb": names("verbs"), "place": names("places"), "adjective": names("adjectives")},
        "prompt": {"before_context": "", "before_question": " question : ", "after_question": " answer :", "between": " "},
    }


def main(path, folder):
    language = json.loads(pathlib.Path(path).read_text())
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    draw = random.Random(1)
    for name in ("1.txt", "2.txt"):
        (folder / name).write_text("".join(sentence(language, draw) + "\n" for _ in range(300)))
    (folder / "needles.json").write_text(json.dumps(needles(language)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
