#!/usr/bin/env python3
"""What trained models can do under policies for their attention heads, with transformers' own code, eager and float32.

Usage: python3 evaluate.py --output measured.jsonl [--answers FOLDER] MODEL_FOLDER...

Needles: exact match of 11 tokens; the prompt is read with all heads and policies act from the second answer token on.
Multi-key recall and facts have answers of one token: their question is read under the policy. All answers are scored in
one pass over prompt and answer, which finds the same matches as decoding greedily.
"""
import argparse
import collections
import importlib
import json
import pathlib
import sys
import random
import time

import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import language  # noqa: E402: it is beside this folder


transformers.utils.logging.disable_progress_bar()
transformers.logging.set_verbosity_error()
ST = {"policy": None, "start": 0, "record": None, "gates": {}, "random": None, "apply": True, "layer": None}


def scores(module, weights, metric):
    """[batch, head, query]: heads with the largest are kept."""
    if metric == "entropy":
        return ((weights + 1e-12) * torch.log2(weights + 1e-12)).sum(-1)
    if metric == "l2":
        return weights.pow(2).sum(-1).sqrt()
    if metric == "random":
        return torch.rand(weights.shape[:3], generator=ST["random"], device=weights.device)
    if metric == "gate":
        return ST["gates"][module.layer_idx].transpose(1, 2)
    raise ValueError(metric)


def wrap(module):
    if hasattr(module, "_plain"):
        return
    module._plain = module.eager_attention_forward

    def forward(layer, q, k, v, mask, scaling=None, dropout=0.0, **rest):
        out, weights = module._plain(layer, q, k, v, mask, scaling=scaling, dropout=dropout, **rest)
        queries, keys = weights.shape[2:]
        if ST["policy"] is not None and ST["layer"] in (None, layer.layer_idx):
            metric, k = ST["policy"]
            best = scores(layer, weights, metric).sort(dim=1, descending=True, stable=True).indices[:, :k]
            kept = torch.zeros(weights.shape[:3], device=weights.device).scatter_(1, best, 1.0)
            acts = torch.arange(keys - queries, keys, device=weights.device) >= ST["start"]
            kept = torch.where(acts[None, None], kept, 1.0)
            if ST["record"] is not None:
                ST["record"].append((layer.layer_idx, kept.bool()))
            if ST["apply"]:
                out = out * kept.transpose(1, 2)[..., None]
        return out, weights

    module.eager_attention_forward = forward


def load(folder):
    config = transformers.AutoConfig.from_pretrained(folder)
    kind = getattr(transformers, config.architectures[0])
    wrap(importlib.import_module(kind.__module__))
    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").cuda().eval()
    if config.model_type == "qwen3_next":
        for i, layer in enumerate(model.model.layers):
            if hasattr(layer, "self_attn"):
                def hook(module, inputs, out, i=i, heads=config.num_attention_heads):
                    ST["gates"][i] = out.view(*out.shape[:2], heads, 2, -1)[..., 1, :].sigmoid().mean(-1)
                layer.self_attn.q_proj.register_forward_hook(hook)
    return model


class Prompts:
    def __init__(self, path):
        self.l = language.Language(path)
        self.number = {w: i for i, w in enumerate(self.l.words)}

    def words(self, text, **slots):
        return [slots[w] if w in slots else self.number[w] for w in text.split()]

    def filler(self, r):
        l, p = self.l, r.random()
        noun = int(r.choice(l.nouns))
        verb = int(r.choice(l.verbs_of_noun[noun]))
        thing = int(r.choice(l.objects_of_verb[verb]))
        w = self.words
        if p < .3:
            return w("the A N V the O .", A=int(r.choice(l.adjectives_of_noun[noun])), N=noun, V=verb, O=thing)
        if p < .5:
            return w("some N often V a A O .", N=noun, V=verb, A=int(r.choice(l.adjectives_of_noun[thing])), O=thing)
        if p < .7:
            return w("when the N V people read of the O .", N=noun, V=verb, O=thing)
        person = int(r.choice(l.people))
        if p < .85:
            return w("P works as a J .", P=person, J=int(l.works_as[person]))
        return w("P was near the L with a N .", P=person, L=int(r.choice(l.places)), N=noun)

    def needle(self, r, length, depth, others=3):
        l, w = self.l, self.words
        cities = [int(c) for c in r.sample(list(l.cities), others + 1)]
        values = [w("V a N and U in L on a A day .", V=int(r.choice(l.verbs)), N=int(r.choice(l.nouns)),
                    U=int(r.choice(l.verbs)), L=int(r.choice(l.places)), A=int(r.choice(l.adjectives)))
                  for _ in cities]
        told = [w("the best thing to do in C is", C=c) + v for c, v in zip(cities, values)]
        question = w("question : what is the best thing to do in C ? answer :", C=cities[0])
        room = length - 1 - len(question)
        while sum(map(len, told)) > room:
            told.pop()
        fill = room - sum(map(len, told))
        sentences = []
        while sum(map(len, sentences)) < fill:
            sentences.append(self.filler(r))
        if sentences:  # the text begins within a sentence
            sentences.insert(0, sentences.pop()[sum(map(len, sentences)) - fill:])
        places = [round(depth * len(sentences))] + [r.randint(0, len(sentences)) for _ in told[1:]]
        text = [self.l.bos]
        for i in range(len(sentences) + 1):
            for place, sentence in sorted(zip(places, told)):
                if place == i:
                    text += sentence
            if i < len(sentences):
                text += sentences[i]
        return text + question, values[0]

    def meetings(self, r, length):
        """A context, and four questions of it with their answers, all of one length."""
        l, w = self.l, self.words
        people = [int(p) for p in r.sample(list(l.people), 8)]
        places, things = [int(r.choice(l.places)) for _ in people], [int(r.choice(l.nouns)) for _ in people]
        sentences = [w("P was near the L with a N .", P=p, L=a, N=b) for p, a, b in zip(people, places, things)]
        room = length - 1 - 9
        while sum(map(len, sentences)) < room:
            s = self.filler(r)
            if not set(people) & set(s):
                sentences.append(s)
        over = sum(map(len, sentences)) - room
        begun = sentences.pop()[over:]  # the text begins within a sentence
        r.shuffle(sentences)
        text = begun + [x for s in sentences for x in s]
        asked = ["question : what was P near ? answer :", "question : what was P with ? answer :"]
        return [([l.bos] + text + w(asked[i % 2], P=people[i]), (places, things)[i % 2][i]) for i in range(4)]

    def fact(self, r, person, filler=48):
        l = self.l
        text = [l.bos]
        while len(text) < filler:
            s = self.filler(r)
            if person not in s:
                text += s
        text = text[:filler] + self.words("question : what does P work as ? answer :", P=person)
        right = int(l.works_as[person])
        jobs = sorted(set(int(x) for x in l.works_as[l.people]))
        choices = r.sample([j for j in jobs if j != right], 3)
        choices.insert(r.randint(0, 3), right)
        return text, choices, choices.index(right)


@torch.no_grad()
def logits(model, ids, policy, start):
    ST.update(policy=policy, start=start)
    return model(input_ids=torch.tensor(ids, device="cuda"), use_cache=False).logits.float()


def matches(model, prompts, policy):
    """Which needles are found, and how many of their words."""
    ids = [p + v for p, v in prompts]
    n = len(prompts[0][0])
    best = logits(model, ids, policy, n)[:, n - 1:n + 10].argmax(-1)
    return (best == torch.tensor([v[:11] for _, v in prompts], device="cuda")).all(1).tolist()


@torch.no_grad()
def greedy(model, prompts, count, policy):
    n = len(prompts[0])
    ST.update(policy=policy, start=n)
    cache = transformers.DynamicCache(config=model.config)
    ids, out = torch.tensor(prompts, device="cuda"), []
    for i in range(count):
        first = n + i - ids.shape[1] if i else 0
        positions = torch.arange(first, n + i, device="cuda")[None].expand(len(prompts), -1)
        last = model(input_ids=ids, use_cache=True, past_key_values=cache, position_ids=positions).logits[:, -1]
        ids = last.argmax(-1)[:, None]
        out.append(ids)
    return torch.cat(out, 1).tolist()


def guesses(model, groups, prompts_by_length, k):
    """How the KV groups that entropy keeps at a token go with those of the token before: in answers under the policy,
    and in the text of the prompt, from token 16 on, where it only looks."""
    size = model.config.num_attention_heads // groups
    tally = {where: collections.Counter() for where in ("answer", "text")}
    for prompts in prompts_by_length:
        n = len(prompts[0][0])
        for where in tally:
            ST.update(record=[], apply=where == "answer")
            logits(model, [p + v[:11] for p, v in prompts], ("entropy", k), n if where == "answer" else 0)
            for layer, kept in ST["record"]:
                used = kept.unflatten(1, (groups, size)).any(2)[:, :, n if where == "answer" else 16:]
                now, before = used[:, :, 1:], used[:, :, :-1]
                c = tally[where]
                for key in (layer, "all"):
                    c[key, "pairs"] += now[:, 0].numel()
                    c[key, "groups"] += int(now.sum())
                    c[key, "equal"] += int((now == before).all(1).sum())
                    c[key, "inside"] += int((before | ~now).all(1).sum())
            ST.update(record=None, apply=True)
    return {where: {str(key): {what: round(c[key, what] / c[key, "pairs"], 4)
                               for what in ("groups", "equal", "inside")}
                    for key in dict.fromkeys(key for key, _ in c)} for where, c in tally.items()}


def evaluate(folder, options, prompts):
    model = load(folder)
    heads, groups = model.config.num_attention_heads, model.config.num_key_value_heads
    r = random.Random(options.seed)
    ks = [k for k in (1, 2, 3, 4, 5, 6, 8, 10, 12) if k < heads]
    policies = {"dense": None, "none": ("entropy", 0)}
    policies |= {f"entropy/{k}": ("entropy", k) for k in ks} | {f"l2/{k}": ("l2", k) for k in ks if k <= 6}
    policies |= {f"random/{k}": ("random", k) for k in ks}
    if model.config.model_type == "qwen3_next":
        policies |= {f"gate/{k}": ("gate", k) for k in ks}
    needles = {n: [prompts.needle(r, n, d) for d in (0, .25, .5, .75, 1.0) for _ in range(options.count // 20)]
               for n in options.lengths}
    meetings = {n: [x for _ in range(options.count // 16) for x in prompts.meetings(r, n)] for n in options.lengths}
    facts = [prompts.fact(r, int(p)) for p in r.sample(list(prompts.l.people), options.count)]
    result = {"needles": {}, "recall": {}, "facts": {}, "heads": heads, "kv_heads": groups}

    def fact_share(policy, start):
        last = logits(model, [t for t, _, _ in facts], policy, start)[:, -1]
        best = [max(range(4), key=lambda i: last[row, c[i]]) for row, (_, c, _) in enumerate(facts)]
        return sum(i == gold for i, (_, _, gold) in zip(best, facts)) / len(facts)

    def measure(name, policy):
        ST["random"] = torch.Generator("cuda").manual_seed(7)
        found = {str(n): sum(f) / len(f) for n, f in ((n, matches(model, needles[n], policy)) for n in needles)}
        right = {}
        for n, asked in meetings.items():
            best = logits(model, [text for text, _ in asked], policy, n - 9)[:, -1].argmax(-1).tolist()
            right[str(n)] = sum(a == b for a, (_, b) in zip(best, asked)) / len(asked)
        result["needles"][name] = found | {"all": sum(found.values()) / len(found)}
        result["recall"][name] = right | {"all": sum(right.values()) / len(right)}
        result["facts"][name] = fact_share(policy, 48)

    for name, policy in policies.items():
        measure(name, policy)
    for layer, kind in enumerate(model.config.layer_types):
        if kind == "full_attention":
            ST["layer"] = layer
            measure(f"without layer {layer}", ("entropy", 0))
    ST["layer"] = None
    result["facts"]["none everywhere"] = fact_share(("entropy", 0), 0)
    result["guesses"] = {str(k): guesses(model, groups, list(needles.values()), k)
                         for k in (1, 2, 3, 4, 6, 8) if k < heads}
    # loss on filler, dense and without attention
    text = [([prompts.l.bos] + [x for _ in range(60) for x in prompts.filler(r)])[:256] for _ in range(64)]
    ids = torch.tensor(text, device="cuda")
    for name, policy in (("dense", None), ("none everywhere", ("entropy", 0))):
        y = logits(model, text, policy, 0)
        loss = torch.nn.functional.cross_entropy(y[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        result[f"filler loss, {name}"] = round(loss.item(), 4)
    return model, result


def answers(model, result, seed, prompts):
    """Greedy answers to 20 needle prompts, and log-likelihoods of what 24 people may work as, by policy and by prompt,
    for another implementation to match; and how many of the needles were found. Of entropy, one k that finds some and
    one that finds most."""
    r = random.Random(seed)
    good = result["needles"]
    few = [int(n.split("/")[1]) for n in good if n.startswith("entropy/")]
    half = next((k for k in few if good[f"entropy/{k}"]["all"] >= .3 * good["dense"]["all"]), few[0])
    most = next((k for k in few if k > half and good[f"entropy/{k}"]["all"] >= .85 * good["dense"]["all"]),
                few[few.index(half) + 1])
    policies = {"dense": None, "none @ generation": ("entropy", 0)}
    policies |= {f"entropy | top_k({k}) @ generation": ("entropy", k) for k in (half, most)}
    found = {"prompts": [], "greedy": {policy: [] for policy in policies}, "items": [],
             "log_likelihoods": {"dense": [], "none": []}}
    right = dict.fromkeys(policies, 0)
    for n in (64, 128, 256, 512):
        texts, values = zip(*(prompts.needle(r, n, depth) for depth in (0, .25, .5, .75, 1.0)))
        found["prompts"] += texts
        for name, policy in policies.items():
            said = greedy(model, list(texts), 12, policy)
            found["greedy"][name] += said
            right[name] += sum(a == b for a, b in zip(said, values))
    for _ in range(24):
        text, choices, _ = prompts.fact(r, int(r.choice(prompts.l.people)))
        found["items"].append({"prompt": text, "choices": [[choice] for choice in choices]})
        for name, policy in (("dense", None), ("none", ("entropy", 0))):
            p = logits(model, [text], policy, 0)[0, -1].log_softmax(-1)
            found["log_likelihoods"][name].append([round(p[choice].item(), 5) for choice in choices])
    return found, right


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="+", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, required=True, help="file for a JSON object a model")
    parser.add_argument("--answers", type=pathlib.Path, help="folder for MODEL.json, see answers()")
    parser.add_argument("--language", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent.parent / "language.json")
    parser.add_argument("--lengths", type=lambda t: [int(x) for x in t.split(",")], default=[128, 256, 512, 1000])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--answers-seed", type=int, default=20261128)
    options = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    prompts = Prompts(options.language)
    options.output.unlink(missing_ok=True)
    for folder in options.folder:
        start = time.monotonic()
        model, result = evaluate(folder, options, prompts)
        with open(options.output, "a", encoding="utf-8") as file:
            print(json.dumps({"model": folder.name, **rounded(result)}), file=file)
        print(folder.name, f"{time.monotonic() - start:.0f} s", flush=True)
        for what in ("needles", "recall"):
            print(" ", what, {k: round(v["all"], 2) for k, v in result[what].items()})
        print("  needles by length", result["needles"]["dense"])
        print("  facts", result["facts"])
        print("  filler", {k: v for k, v in result.items() if k.startswith("filler")})
        print("  guesses", {k: {w: g[w]["all"] for w in g} for k, g in result["guesses"].items()}, flush=True)
        if options.answers:
            found, right = answers(model, result, options.answers_seed + len(folder.name), prompts)
            options.answers.mkdir(parents=True, exist_ok=True)
            (options.answers / f"{folder.name}.json").write_text(json.dumps(found) + "\n")
            print("  greedy of 20", right, flush=True)


if __name__ == "__main__":
    main()
