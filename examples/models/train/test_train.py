#!/usr/bin/env python3
"""Tests of the training programs, on the CPU: /usr/bin/python3 -m unittest test_train.py

Needs NumPy and PyTorch 1.13 or later (Debian: python3-torch). The kernels are tested where there is a GPU.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy
import torch

import checkpoint
import hybrids
import language
import scan
import sweep
import table
import train
import variants

GOLDEN = variants.MODELS.parent.parent / "tests" / "golden" / "data"
WORDS = language.Language(variants.MODELS / "language.json")
DATA = json.loads((variants.MODELS / "language.json").read_text())


def sentences(tokens, answers):
    """[(words, words of the answer)] of one text, without what the cut at its end broke."""
    words, result, first = WORDS.text(tokens).split(), [], 1
    for at in range(1, len(words)):
        if words[at] == ".":
            marked = [words[i] for i in range(first, at + 1) if answers[i]]
            result.append((" ".join(words[first:at + 1]), " ".join(marked)))
            first = at + 1
    return result


class Texts(unittest.TestCase):
    def setUp(self):
        self.tokens, self.answers = WORDS.texts(numpy.random.default_rng(5), 200, 256)
        self.texts = [sentences(*text) for text in zip(self.tokens, self.answers)]
        self.long_texts = [sentences(*text) for text in zip(*WORDS.texts(numpy.random.default_rng(6), 60, 1024))]

    def test_long_ones_tell_of_more_and_ask_from_further(self):
        def most_told(texts):
            return max(sum(s.startswith("the best thing") for s, _ in text) for text in texts)

        def furthest(texts):
            """In sentences, from what is told to the first question about it."""
            gaps = []
            for text in texts:
                told = {s.split()[6]: i for i, (s, _) in enumerate(text) if s.startswith("the best thing")}
                for i, (s, _) in enumerate(text):
                    if s.startswith("question : what is") and s.split()[10] in told:
                        gaps.append(i - told.pop(s.split()[10]))
            return max(gaps)

        self.assertLessEqual(most_told(self.texts), 6)
        self.assertGreater(most_told(self.long_texts), 8)
        self.assertLessEqual(most_told(self.long_texts), 12)
        self.assertGreater(furthest(self.long_texts), 2 * furthest(self.texts))

    def test_begin_with_bos_and_have_no_other_control_token(self):
        self.assertEqual(self.tokens.shape, (200, 256))
        self.assertTrue((self.tokens[:, 0] == 2).all())
        self.assertTrue((self.tokens[:, 1:] > 2).all() and (self.tokens < len(DATA["words"])).all())

    def test_every_answer_repeats_what_the_same_text_told(self):
        asked = {"needle": 0, "place": 0, "thing": 0}
        for text in self.texts + self.long_texts:
            told = {}
            for sentence, answer in text:
                words = sentence.split()
                if sentence.startswith("the best thing to do in"):
                    told["needle", words[6]] = " ".join(words[8:])
                elif words[1:4] == ["was", "near", "the"]:
                    told["place", words[0]], told["thing", words[0]] = words[4] + " .", words[7] + " ."
                elif words[0] == "question" and "work" not in words:
                    kind = {"is": "needle", "was": "place"}[words[3]]
                    kind = "thing" if kind == "place" and words[5] == "with" else kind
                    key = words[10] if kind == "needle" else words[4]
                    self.assertEqual(answer, told[kind, key], sentence)
                    asked[kind] += 1
        self.assertTrue(all(count > 50 for count in asked.values()), asked)

    def test_nothing_is_told_twice_in_a_text(self):
        for text in self.texts + self.long_texts:
            keys = [s.split()[6] for s, _ in text if s.startswith("the best thing")]
            keys += [s.split()[0] for s, _ in text if " was near " in s and not s.startswith("question")]
            self.assertEqual(len(keys), len(set(keys)))

    def test_people_work_as_the_language_says(self):
        number = {word: str(i) for i, word in enumerate(DATA["words"])}
        found = 0
        for sentence, answer in sum(self.texts, []):
            words = sentence.split()
            if "work" in words:
                self.assertEqual(answer, DATA["words"][DATA["works_as"][number[words[4]]]] + " .")
                found += 1
            if words[1:4] == ["works", "as", "a"]:
                self.assertEqual(words[4], DATA["words"][DATA["works_as"][number[words[0]]]])
        self.assertGreater(found, 50)

    def test_words_of_filler_go_together(self):
        number = {word: i for i, word in enumerate(DATA["words"])}
        verbs, objects, adjectives = (DATA[name] for name in ("verbs_of_noun", "objects_of_verb", "adjectives_of_noun"))
        for sentence, answer in sum(self.texts, []):
            words = [number[word] for word in sentence.split()]
            if sentence.startswith("some"):
                noun, verb, adjective, target = words[1], words[3], words[5], words[6]
                self.assertIn(adjective, adjectives[str(target)])
            elif sentence.startswith("when"):
                noun, verb, target = words[2], words[3], words[8]
            elif sentence.startswith("the") and not sentence.startswith("the best thing"):
                noun, verb, target = words[2], words[3], words[5]
                self.assertIn(words[1], adjectives[str(noun)])
            else:
                continue
            self.assertEqual(answer, "")
            self.assertIn(verb, verbs[str(noun)])
            self.assertIn(target, objects[str(verb)])

    def test_batches_depend_on_the_seed_alone(self):
        def first(seed, at_once):
            return next(language.batches(WORDS, seed, 4, 64, at_once))[0]

        self.assertTrue((first(1, 2) == first(1, 2)).all())
        self.assertFalse((first(1, 2) == first(2, 2)).all())


class Scans(unittest.TestCase):
    """The loops against the recurrences written out element by element in float64."""

    def setUp(self):
        random = numpy.random.default_rng(3)
        self.decay, self.x = random.random((2, 9, 3)), random.normal(size=(2, 9, 3))
        self.step, self.a = random.random((2, 9, 3)), -random.random((3, 4))
        self.b, self.c = random.normal(size=(2, 9, 4)), random.normal(size=(2, 9, 4))

    def test_linear_recurrence_is_the_sum_over_the_past(self):
        expected = numpy.zeros_like(self.x)
        for t in range(9):
            for s in range(t + 1):
                expected[:, t] += numpy.prod(self.decay[:, s + 1:t + 1], axis=1) * self.x[:, s]
        found = scan.linear_recurrence(torch.tensor(self.decay), torch.tensor(self.x)).numpy()
        numpy.testing.assert_allclose(found, expected, atol=1e-12)

    def test_selective_scan_is_the_sum_over_the_past(self):
        expected = numpy.zeros_like(self.x)
        for text, t, channel in numpy.ndindex(expected.shape):
            for s in range(t + 1):
                passed = self.step[text, s + 1:t + 1, channel].sum()
                per_state = self.b[text, s] * numpy.exp(passed * self.a[channel]) * self.c[text, t]
                expected[text, t, channel] += per_state.sum() * self.step[text, s, channel] * self.x[text, s, channel]
        found = scan.selective_scan(*map(torch.tensor, (self.x, self.step, self.a, self.b, self.c))).numpy()
        numpy.testing.assert_allclose(found, expected, atol=1e-12)


@unittest.skipUnless(torch.cuda.is_available(), "no GPU")
class Kernels(unittest.TestCase):
    """Values and gradients of the Triton kernels, against the loops in float64."""

    def compare(self, kernel, loop, *arguments):
        torch.manual_seed(1)
        ours = [x.cuda().requires_grad_() for x in arguments]
        theirs = [x.double().requires_grad_() for x in arguments]
        found, expected = kernel(*ours), loop(*theirs)
        toward = torch.randn(expected.shape, dtype=torch.float64)
        (found * toward.cuda()).sum().backward()
        (expected * toward).sum().backward()
        pairs = [(found.detach(), expected.detach())] + [(x.grad, y.grad) for x, y in zip(ours, theirs)]
        for mine, right in pairs:
            error = (mine.double().cpu() - right).norm() / right.norm()
            self.assertLess(error.item(), 1e-5)

    def test_linear_recurrence(self):
        self.compare(scan.linear_recurrence, scan.linear_recurrence_loop, torch.rand(3, 50, 320), torch.randn(3, 50, 320))

    def test_selective_scan(self):
        self.compare(scan.selective_scan, scan.selective_scan_loop, torch.randn(3, 50, 512), torch.rand(3, 50, 512),
                     -8 * torch.rand(512, 8), torch.randn(3, 50, 8), torch.randn(3, 50, 8))


class Hybrids(unittest.TestCase):
    @torch.no_grad()
    def test_logits_are_those_of_transformers(self):
        for name in ("recurrent_gemma_mqa", "recurrent_gemma_gqa", "jamba_dense", "jamba_moe"):
            _, model = checkpoint.load(GOLDEN / name)
            golden = checkpoint.read_safetensors(GOLDEN / name / "io.safetensors")
            difference = (model(golden["input_ids"].long()) - golden["dense.full.logits"]).abs().max().item()
            self.assertLess(difference, 1e-3, name)

    def test_variants_differ_in_their_attention_layers_only(self):
        def attention(variant):
            layers = hybrids.make_model(variants.config_of(variant)).model["layers"]
            mixers = [layer.temporal_block if hasattr(layer, "temporal_block") else getattr(layer, "self_attn", None)
                      for layer in layers]
            return [mixer.heads for mixer in mixers if hasattr(mixer, "heads")]

        for base, heads, layers in (("tiny-recurrent-gemma", 10, 6), ("tiny-jamba", 16, 8)):
            self.assertEqual(attention(base), [heads] * 2)
            self.assertEqual(attention(base + "-recurrent-only"), [])
            self.assertEqual(attention(base + "-attention-only"), [heads] * layers)
            self.assertEqual(attention(base + "-half-heads"), [heads // 2] * 2)

    def test_fresh_rg_lru_decays_are_from_0_9_to_0_999(self):
        model = hybrids.make_model(variants.config_of("tiny-recurrent-gemma"))
        rates = torch.cat([x for name, x in model.named_parameters() if name.endswith("recurrent_param")])
        decays = torch.exp(-torch.nn.functional.softplus(rates))
        self.assertGreaterEqual(decays.min().item(), 0.8999)
        self.assertLessEqual(decays.max().item(), 0.9991)

    def test_losses_are_those_of_the_logits(self):
        model = hybrids.make_model(variants.config_of("tiny-jamba"))
        tokens = torch.from_numpy(WORDS.texts(numpy.random.default_rng(2), 2, 20)[0])
        found, right = model.losses(tokens)
        logits = model(tokens)[:, :-1]
        expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
        torch.testing.assert_close(found.flatten(), expected)
        self.assertTrue((right == (logits.argmax(-1) == tokens[:, 1:])).all())


class Training(unittest.TestCase):
    def test_lowers_the_loss_and_writes_a_model_that_can_be_read(self):
        """A narrow hybrid, 30 steps: from about ln 832 = 6.7 nats to far less than that."""
        small = {**variants.config_of("tiny-recurrent-gemma"), "hidden_size": 32, "lru_width": 32, "head_dim": 16,
                 "num_attention_heads": 2, "intermediate_size": 64, "num_hidden_layers": 3}
        model = hybrids.make_model(small, 1)
        optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
        texts = language.batches(WORDS, 1, 8, 48)
        losses = []
        for _ in range(30):
            tokens, answers = (torch.from_numpy(x) for x in next(texts))
            losses.append(train.train_step(model, optimiser, tokens, answers)[0].item())
        self.assertGreater(losses[0], 6)
        self.assertLess(losses[-1], 5)
        with tempfile.TemporaryDirectory() as folder:
            checkpoint.save(folder, small, model)
            config, again = checkpoint.load(folder)
            self.assertEqual(config["hidden_size"], 32)
            for name, weight in model.state_dict().items():
                self.assertTrue((again.state_dict()[name] == weight.bfloat16().float()).all(), name)

    def test_the_learning_rate_warms_up_and_falls_to_a_twentieth(self):
        self.assertAlmostEqual(train.learning_rate(1, 99, 0), 0.5)
        self.assertAlmostEqual(train.learning_rate(1, 1000, 0.5), 0.525)
        self.assertAlmostEqual(train.learning_rate(1, 1000, 1), 0.05)

    def test_stages_are_equal_parts(self):
        self.assertEqual([train.stage_of(done / 10, 3) for done in range(11)], [0] * 4 + [1] * 3 + [2] * 4)

    def test_lengths_change_in_training_and_windows_reach_over_the_longest(self):
        program = pathlib.Path(__file__).with_name("train.py")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, program, "tiny-recurrent-gemma-recurrent-only", "--seed", "3", "--output",
                            folder, "--steps", "2", "--batch", "12", "--lengths", "24,288", "--log-every", "1"],
                           check=True, stdout=subprocess.DEVNULL)
            self.assertEqual(checkpoint.read_config(folder)["attention_window_size"], 288)
            lines = [json.loads(line) for line in (pathlib.Path(folder) / "log.jsonl").read_text().splitlines()]
            self.assertEqual([line["length"] for line in lines[1:]], [24, 288])
            self.assertEqual(lines[0]["lengths"], [24, 288])

    def test_a_sweep_trains_every_seed(self):
        self.assertEqual(sweep.expand(["tiny-jamba:2-3", "tiny-recurrent-gemma:1"]),
                         [("tiny-jamba", 2), ("tiny-jamba", 3), ("tiny-recurrent-gemma", 1)])
        program = pathlib.Path(__file__).with_name("sweep.py")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, program, "--output", folder, "--at-once", "1", "tiny-recurrent-gemma:7-8",
                            "--steps", "1", "--batch", "1", "--lengths", "32"], check=True, stdout=subprocess.DEVNULL)
            for seed in ("7", "8"):
                run = pathlib.Path(folder) / ("tiny-recurrent-gemma-" + seed)
                self.assertEqual({file.name for file in run.iterdir()},
                                 {"config.json", "model.safetensors", "tokenizer.model", "log.jsonl"})
                lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
                self.assertEqual((lines[0]["seed"], lines[-1]["step"]), (int(seed), 1))
                self.assertEqual(checkpoint.read_config(run), checkpoint.read_config(variants.MODELS / "tiny-recurrent-gemma"))


class Tables(unittest.TestCase):
    def test_a_number_over_seeds_is_the_mean_with_lowest_and_highest(self):
        self.assertEqual(table.over_seeds([0.5, 1.0, 0.9], 2), "0.80 [0.50, 1.00]")
        self.assertEqual(table.over_seeds([3, 3, None], 1), "3.0")
        self.assertEqual(table.over_seeds([None], 1), "-")

    def test_a_model_without_attention_has_a_row_but_no_heads(self):
        shares = {"dense": 0.25, "none @ generation": 0.25}
        row = {"model": "tiny-jamba-recurrent-only-2", "lengths": [96, 240], "attention_layers": [], "heads": 0,
               "dense_by_length": {"96": 0.5, "240": 0.0}, "exact_match": shares, "multi_key": shares,
               "facts": {"dense": 1.0, "none @ generation": 1.0},
               "facts_prefill_included": {"dense": 1.0, "none": 1.0}}
        found = table.by_variant([row])
        self.assertEqual(table.summary(found)[2], "| tiny-jamba-recurrent-only | 1 | 0 x 0 | 0.25 | 0.00 | 0.25 | 1.00 "
                                                  "| 0.25 | 0.25 | 1.00 | 1.00 |")
        self.assertEqual(len(table.fewest_heads(found)), 2)
        self.assertEqual(len(table.heads_of_retrieval(found)), 2)

    def test_heads_and_layers_have_what_is_left_without_them(self):
        def shares(dense, none, alone):
            return {"dense": dense, "none @ generation, layers=2": none, "few_heads": alone, "without few_heads": none}

        row = {"model": "small-1", "attention_layers": [2], "heads": 4, "few_heads": {"2": [0, 3]},
               "smallest_k_with_0.9_of_dense": {"entropy": 1, "l2": 2, "random": 3},
               "exact_match": {**shares(0.9, 0, 0.85), "without head 0 of layer 2 @ generation": 0.5},
               "multi_key": shares(0.8, 0.1, 0.75), "facts": shares(1, 1, 1)}
        found = table.by_variant([row])
        self.assertEqual(table.fewest_heads(found)[2], "| small | 4 | 1.0 | 2.0 | 3.0 | - | - | - | 2.0 of 4 |")
        self.assertEqual(table.heads_of_retrieval(found)[2],
                         "| small-1 | 0.90, 0.80, 1.00 | 2: 0.00, 0.10, 1.00 | 0.50 | 2: 0, 3 | 0.85, 0.75, 1.00 "
                         "| 0.00, 0.10, 1.00 |")

    def test_gates_are_a_scorer_where_heads_have_them(self):
        shares = {f"{scorer} | top_k({k}) @ generation": share for scorer, share in (("entropy", 0.5), ("gate", 0.75))
                  for k in (1, 2)}
        rows = [{"model": name, "attention_layers": [2], "heads": 4, "few_heads": {"2": [0]},
                 "smallest_k_with_0.9_of_dense": {"entropy": 2, "gate": 1} if gates else {"entropy": 3},
                 "exact_match": {key: share for key, share in ({"dense": 1.0} | shares).items()
                                 if gates or "gate" not in key}, "multi_key": {"dense": 0.4}}
                for name, gates in (("plain-1", False), ("gated-1", True))]
        found = table.by_variant(rows)
        self.assertEqual(table.fewest_heads(found)[3], "| gated | 4 | 2.0 | - | - | 1.0 | - | - | - | - | 1.0 of 4 |")
        self.assertEqual(table.fewest_heads(found)[2], "| plain | 4 | 3.0 | - | - | - | - | - | - | - | 1.0 of 4 |")
        self.assertEqual(len(table.by_k(found)), 2 + 3 + 4)
        self.assertEqual(table.by_k(found)[-1], "| gated | gate | 0.75 | 0.75 | - | - | - | - |")

    def test_a_log_without_planned_steps_has_those_done(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, first in (("a", {"steps": 9}), ("b", {})):
                last = {"step": 7, "seconds": 3.4, "loss": 0.5, "answers": 1}
                (pathlib.Path(folder) / f"{name}.jsonl").write_text(json.dumps(first) + "\n" + json.dumps(last) + "\n")
            self.assertEqual(table.trainings(folder)[2:], ["| a | 7 of 9 | 3 | 0.500 | 1.0000 |",
                                                           "| b | 7 | 3 | 0.500 | 1.0000 |"])


if __name__ == "__main__":
    unittest.main()
