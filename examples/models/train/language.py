"""Texts of the small hybrids' language, drawn at random: what training reads.

A text is <bos> and then sentences, cut at a given length. Every text draws its own share of filler; the rest tells
things and asks about things told before, many times in one text. Models that saw one question a text never learnt to
look back. The model card, ../README.md, describes the language.

    the best thing to do in CITY is VERB a NOUN and VERB in PLACE on a ADJECTIVE day .            told of up to 6 cities
    PERSON was near the PLACE with a NOUN .                                                       and of up to 8 people
    question : what is the best thing to do in CITY ? answer : VERB a NOUN and VERB in PLACE on a ADJECTIVE day .
    question : what was PERSON near ? answer : PLACE .                                            multi-key recall
    question : what was PERSON with ? answer : NOUN .
    question : what does PERSON work as ? answer : PROFESSION .                                   from the weights

All texts of a batch grow together, a sentence a turn, so that NumPy does the work.
"""
import json

import numpy

CITIES_TOLD, PEOPLE_TOLD = 6, 8  # at most, in one text

ACTIVITY = "VERB a NOUN and VERB2 in PLACE on a ADJECTIVE day ."
# Each kind of sentence: its form, and how many of its last tokens are an answer.
FORMS = {
    "described": ("the ADJECTIVE NOUN VERB the OBJECT .", 0),
    "often": ("some NOUN often VERB a ADJECTIVE OBJECT .", 0),
    "while_reading": ("when the NOUN VERB people read of the OBJECT .", 0),
    "works": ("PERSON works as a PROFESSION .", 0),
    "near": ("PERSON was near the PLACE with a NOUN .", 0),
    "needle": ("the best thing to do in CITY is " + ACTIVITY, 0),
    "ask_needle": ("question : what is the best thing to do in CITY ? answer : " + ACTIVITY, 12),
    "ask_place": ("question : what was PERSON near ? answer : PLACE .", 2),
    "ask_thing": ("question : what was PERSON with ? answer : NOUN .", 2),
    "ask_work": ("question : what does PERSON work as ? answer : PROFESSION .", 2),
}
KINDS = list(FORMS)
FILLER = {"described": 0.3, "often": 0.2, "while_reading": 0.2, "works": 0.15, "near": 0.15}
TELLING = {"needle": 0.7, "near": 0.3}
ASKING = {"ask_needle": 0.55, "ask_place": 0.175, "ask_thing": 0.175, "ask_work": 0.1}
TELLING_SHARE = 0.35  # of the sentences that are no filler
FILLER_SHARE = (0.1, 0.8)  # a text's share of filler is drawn from this range

SLOTS = ["VERB", "VERB2", "NOUN", "OBJECT", "PLACE", "ADJECTIVE", "PERSON", "PROFESSION", "CITY"]


class Language:
    """language.json as arrays, and the random texts."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        self.words = data["words"]
        number = {word: i for i, word in enumerate(self.words)}
        self.bos = number["<bos>"]
        for name in ("cities", "verbs", "nouns", "places", "adjectives", "people"):
            setattr(self, name, numpy.array(data[name]))
        # Rows of words that a word goes with, by its token: a word without any has a row of zeros, never read.
        self.verbs_of_noun = self._table(data["verbs_of_noun"])
        self.objects_of_verb = self._table(data["objects_of_verb"])
        self.adjectives_of_noun = self._table(data["adjectives_of_noun"])
        self.works_as = self._table({word: [job] for word, job in data["works_as"].items()})[:, 0]

        # A form as numbers: tokens, -1 - i for slot i, and 0 (<pad>, which no form has) after its end.
        self.lengths = numpy.array([len(form.split()) for form, _ in FORMS.values()])
        self.forms = numpy.zeros((len(FORMS), self.lengths.max()), dtype=numpy.int64)
        self.answers = numpy.zeros(self.forms.shape, dtype=bool)
        for kind, (form, answer) in enumerate(FORMS.values()):
            words = form.split()
            self.forms[kind, :len(words)] = [-1 - SLOTS.index(w) if w in SLOTS else number[w] for w in words]
            self.answers[kind, len(words) - answer:len(words)] = True

    def _table(self, lists):
        width = max(len(words) for words in lists.values())
        table = numpy.zeros((len(self.words), width), dtype=numpy.int64)
        for word, words in lists.items():
            table[int(word)] = words
        return table

    def text(self, tokens):
        return " ".join(self.words[token] for token in tokens)

    def texts(self, random, count, length):
        """Draws `count` texts of `length` tokens with a numpy Generator.

        Gives tokens [count, length] and, in the same shape, whether each token is one of an answer.
        """
        rows = numpy.arange(count)
        tokens = numpy.zeros((count, length + self.forms.shape[1]), dtype=numpy.int64)
        answers = numpy.zeros(tokens.shape, dtype=bool)
        tokens[:, 0] = self.bos
        end = numpy.ones(count, dtype=numpy.int64)  # where the next sentence goes
        book = Book(self, random, count)
        filler_share = random.uniform(*FILLER_SHARE, count)
        while end.min() < length:
            kinds = self._kinds(random, filler_share)
            kinds = book.possible(kinds, random)
            slots = self._slots(random, count)
            book.fill(kinds, slots, random)

            form = self.forms[kinds]
            filled = numpy.take_along_axis(slots, numpy.maximum(-1 - form, 0), axis=1)
            sentence = numpy.where(form < 0, filled, form)
            # Rows that are full write their sentences past their end, where they are cut off.
            at = numpy.minimum(end, length)[:, None] + numpy.arange(form.shape[1])
            tokens[rows[:, None], at] = sentence
            answers[rows[:, None], at] = self.answers[kinds]
            end += self.lengths[kinds]
        return tokens[:, :length], answers[:, :length]

    def _kinds(self, random, filler_share):
        """The kind of each row's next sentence."""
        count = len(filler_share)

        def draw(shares):
            return random.choice([KINDS.index(kind) for kind in shares], count, p=list(shares.values()))

        group = random.random(count)
        telling = filler_share + (1 - filler_share) * TELLING_SHARE
        return numpy.where(group < filler_share, draw(FILLER), numpy.where(group < telling, draw(TELLING), draw(ASKING)))

    def _slots(self, random, count):
        """Words for every slot, as a sentence of filler or a new activity needs them: [count, slot]."""

        def one_of(words):
            return words[random.integers(len(words), size=count)]

        def one_with(table, words):
            return table[words, random.integers(table.shape[1], size=count)]

        slots = numpy.empty((count, len(SLOTS)), dtype=numpy.int64)
        noun, person = one_of(self.nouns), one_of(self.people)
        verb = one_with(self.verbs_of_noun, noun)
        target = one_with(self.objects_of_verb, verb)
        slots[:, SLOTS.index("NOUN")] = noun
        slots[:, SLOTS.index("VERB")] = verb
        slots[:, SLOTS.index("OBJECT")] = target
        slots[:, SLOTS.index("ADJECTIVE")] = one_with(self.adjectives_of_noun, noun)
        slots[:, SLOTS.index("VERB2")] = one_of(self.verbs)
        slots[:, SLOTS.index("PLACE")] = one_of(self.places)
        slots[:, SLOTS.index("PERSON")] = person
        slots[:, SLOTS.index("PROFESSION")] = self.works_as[person]
        slots[:, SLOTS.index("CITY")] = one_of(self.cities)
        return slots


class Book:
    """What each text of a batch tells, and how much of it has been told so far."""

    def __init__(self, language, random, count):
        self.rows = numpy.arange(count)
        self.language = language

        def different(words, most):
            """`most` different words for each text."""
            return words[random.random((count, len(words))).argpartition(most, axis=1)[:, :most]]

        def any_of(words, most):
            return words[random.integers(len(words), size=(count, most))]

        self.cities = different(language.cities, CITIES_TOLD)
        self.activities = {"VERB": any_of(language.verbs, CITIES_TOLD), "NOUN": any_of(language.nouns, CITIES_TOLD),
                           "VERB2": any_of(language.verbs, CITIES_TOLD), "PLACE": any_of(language.places, CITIES_TOLD),
                           "ADJECTIVE": any_of(language.adjectives, CITIES_TOLD)}
        self.people = different(language.people, PEOPLE_TOLD)
        self.meetings = {"PLACE": any_of(language.places, PEOPLE_TOLD), "NOUN": any_of(language.nouns, PEOPLE_TOLD)}
        self.cities_told = numpy.zeros(count, dtype=numpy.int64)
        self.people_told = numpy.zeros(count, dtype=numpy.int64)
        # A text tells of fewer cities than the most, often of one only.
        self.cities_to_tell = random.integers(1, CITIES_TOLD + 1, size=count)

    def possible(self, kinds, random):
        """The kinds of the next sentences, with another in place of each that cannot be: a question about something
        before anything is told tells it instead, and telling when all is told becomes filler."""
        kinds = kinds.copy()
        about_person = numpy.isin(kinds, [KINDS.index("ask_place"), KINDS.index("ask_thing")])
        kinds[about_person & (self.people_told == 0)] = KINDS.index("near")
        kinds[(kinds == KINDS.index("ask_needle")) & (self.cities_told == 0)] = KINDS.index("needle")
        all_told = ((kinds == KINDS.index("needle")) & (self.cities_told == self.cities_to_tell)) | (
            (kinds == KINDS.index("near")) & (self.people_told == PEOPLE_TOLD))
        kinds[all_told] = KINDS.index("described")
        return kinds

    def fill(self, kinds, slots, random):
        """Puts the words of what is told or asked into the slots, and remembers what is told. The sentences of filler
        take an adjective that goes with their noun or object; those are chosen here, too."""
        often = kinds == KINDS.index("often")
        table = self.language.adjectives_of_noun
        objects = slots[often, SLOTS.index("OBJECT")]
        slots[often, SLOTS.index("ADJECTIVE")] = table[objects, random.integers(table.shape[1], size=len(objects))]

        for tell, ask, key, keys, values, told in (
                (["needle"], ["ask_needle"], "CITY", self.cities, self.activities, self.cities_told),
                (["near"], ["ask_place", "ask_thing"], "PERSON", self.people, self.meetings, self.people_told)):
            tells = numpy.isin(kinds, [KINDS.index(kind) for kind in tell])
            asks = numpy.isin(kinds, [KINDS.index(kind) for kind in ask])
            which = numpy.where(tells, told, random.integers(numpy.maximum(told, 1)))  # the next one, or any told
            rows = self.rows[tells | asks]
            which = which[tells | asks]
            slots[rows, SLOTS.index(key)] = keys[rows, which]
            for slot, words in values.items():
                slots[rows, SLOTS.index(slot)] = words[rows, which]
            told += tells


def batches(language, seed, size, length, at_once=16):
    """Endless batches of (tokens, answers), each [size, length]. The seed alone determines them."""
    random = numpy.random.default_rng(seed)
    while True:
        tokens, answers = language.texts(random, size * at_once, length)
        for first in range(0, size * at_once, size):
            yield tokens[first:first + size], answers[first:first + size]
