#!/usr/bin/env python3
"""Make a checkpoint with random weights in the layout of a published one, with its widths and fewer layers.

Usage: /usr/bin/python3 make_checkpoint.py CONFIG.json FOLDER [--layers N] [--shard-gigabytes G] [--seed N]

Reads a published config.json (RecurrentGemma or Jamba) and writes FOLDER/config.json with N layers,
model-0000I-of-0000N.safetensors in bfloat16 with the published tensor names and shapes, their index, tokenizer.model
with as many pieces as the vocabulary has, and tokenizer_config.json with the special tokens. A layer is what it is in
the published order, so N must reach the kinds that are wanted: 3 for RecurrentGemma (recurrent, recurrent, attention);
5 for Jamba (Mamba with an MLP, Mamba with experts, ..., attention with an MLP). The files say nothing: the model's
answers are noise. They are for trying commands, and for what memory and time those take.

The tokenizer knows the printable ASCII signs, the words of make_data.py and bytes for the rest; other pieces are unused.

Needs the Debian packages python3-numpy, python3-sentencepiece and python3-protobuf.
"""
import argparse
import json
import math
import os

import numpy
from sentencepiece import sentencepiece_model_pb2 as protocol

import make_data

SPACE = "\u2581"


def gemma_layer(config, layer):
    """The tensors of a layer of RecurrentGemma: name, shape, and what fills it (see fill)."""
    width, hidden, lru = config["hidden_size"], config["intermediate_size"] // 2, config["lru_width"]
    heads, dim = config["num_attention_heads"], config["head_dim"]
    keys = config["num_key_value_heads"] * dim
    block = "temporal_block."
    yield "temporal_pre_norm.weight", (width,), 0
    if config["_block_types"][layer % len(config["_block_types"])] == "attention":
        yield block + "q_proj.weight", (heads * dim, width), "random"
        yield block + "k_proj.weight", (keys, width), "random"
        yield block + "v_proj.weight", (keys, width), "random"
        yield block + "o_proj.weight", (width, heads * dim), "random"
        yield block + "o_proj.bias", (width,), 0
    else:
        for name in ("linear_x", "linear_y"):
            yield block + name + ".weight", (lru, width), "random"
            yield block + name + ".bias", (lru,), 0
        yield block + "linear_out.weight", (width, lru), "random"
        yield block + "linear_out.bias", (width,), 0
        yield block + "conv_1d.weight", (lru, 1, config["conv1d_width"]), "random"
        yield block + "conv_1d.bias", (lru,), 0
        yield block + "rg_lru.recurrent_param", (lru,), -4  # decays of exp(-8 softplus(-4) / 2) = 0.93 a token
        for name in ("input_gate", "recurrent_gate"):
            yield block + f"rg_lru.{name}_weight", (heads, lru // heads, lru // heads), "random"
            yield block + f"rg_lru.{name}_bias", (heads, lru // heads), 0
    yield "channel_pre_norm.weight", (width,), 0
    for name, shape in (("gate_proj", (hidden, width)), ("up_proj", (hidden, width)), ("down_proj", (width, hidden))):
        yield f"mlp_block.{name}.weight", shape, "random"
        yield f"mlp_block.{name}.bias", shape[:1], 0


def jamba_layer(config, layer):
    """The tensors of a layer of Jamba, likewise."""
    width, hidden, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    dim = width // heads
    keys = config["num_key_value_heads"] * dim
    channels, states, rank = config["mamba_expand"] * width, config["mamba_d_state"], config["mamba_dt_rank"]
    yield "input_layernorm.weight", (width,), 1
    if layer % config["attn_layer_period"] == config["attn_layer_offset"]:
        for name, shape in (("q", (heads * dim, width)), ("k", (keys, width)), ("v", (keys, width)),
                            ("o", (width, heads * dim))):
            yield f"self_attn.{name}_proj.weight", shape, "random"
    else:
        yield "mamba.A_log", (channels, states), "A_log"
        yield "mamba.D", (channels,), 1
        yield "mamba.conv1d.weight", (channels, 1, config["mamba_d_conv"]), "random"
        yield "mamba.conv1d.bias", (channels,), 0
        yield "mamba.in_proj.weight", (2 * channels, width), "random"
        yield "mamba.x_proj.weight", (rank + 2 * states, channels), "random"
        yield "mamba.dt_proj.weight", (channels, rank), "random"
        yield "mamba.dt_proj.bias", (channels,), -4  # steps of softplus(-4) = 0.018
        yield "mamba.out_proj.weight", (width, channels), "random"
        for name, size in (("dt", rank), ("b", states), ("c", states)):
            yield f"mamba.{name}_layernorm.weight", (size,), 1
    yield "pre_ff_layernorm.weight", (width,), 1
    routes = layer % config["expert_layer_period"] == config["expert_layer_offset"]
    if routes:
        yield "feed_forward.router.weight", (config["num_experts"], width), "random"
    for prefix in [f"experts.{e}." for e in range(config["num_experts"])] if routes else [""]:
        for name, shape in (("gate", (hidden, width)), ("up", (hidden, width)), ("down", (width, hidden))):
            yield f"feed_forward.{prefix}{name}_proj.weight", shape, "random"


def tensors(config):
    """All tensors of a model, in the order of its layers."""
    is_jamba = config["model_type"] == "jamba"
    table = (config["vocab_size"], config["hidden_size"])
    yield "model.embed_tokens.weight", table, "random"
    for layer in range(config["num_hidden_layers"]):
        for name, shape, kind in (jamba_layer if is_jamba else gemma_layer)(config, layer):
            yield f"model.layers.{layer}.{name}", shape, kind
    yield ("model.final_layernorm.weight" if is_jamba else "model.final_norm.weight"), table[1:], int(is_jamba)
    if not config.get("tie_word_embeddings", not is_jamba):
        yield "lm_head.weight", table, "random"


def bfloat16(values):
    """float32 as the two bytes of the nearest bfloat16."""
    bits = numpy.asarray(values, numpy.float32).view(numpy.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2")


def fill(shape, kind, random, file):
    """Writes a tensor. Random values have any sign and a magnitude within a factor of two around 1 / sqrt(fan in). Gains
    and biases are near a number, none like another, so that mistaken ones are noticed."""
    count = math.prod(shape)
    if kind == "A_log":
        file.write(bfloat16(numpy.tile(numpy.log(numpy.arange(1, shape[1] + 1)), shape[0])).tobytes())
    elif kind != "random":
        file.write(bfloat16(kind + 0.1 * random.standard_normal(count)).tobytes())
    else:
        exponent = 127 + round(math.log2(shape[-1] ** -0.5) - 0.5)
        for begin in range(0, count, 1 << 24):  # sign and mantissa are random, the exponent is not
            bits = random.integers(0, 1 << 16, min(count - begin, 1 << 24), numpy.uint16)
            file.write((bits & 0x807F | exponent << 7).astype("<u2").tobytes())


def write_shard(path, members, random):
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape, _ in members:
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, shape, kind in members:
            fill(shape, kind, random, file)
    return end


def special_pieces(config):
    """The special tokens by id. Jamba's ids of turns, but for the end of one, are made up."""
    if config["model_type"] == "jamba":
        names = {0: "<|pad|>", 1: "<|startoftext|>", 2: "<|endoftext|>", 3: "<|unk|>", 515: "<|assistant|>",
                 516: "<|user|>", 517: "<|system|>", 518: "<|eom|>", 519: "<|bom|>"}
        return names, 1
    return {0: "<pad>", 1: "<eos>", 2: "<bos>", 3: "<unk>", 106: "<start_of_turn>", 107: "<end_of_turn>"}, 2


def make_tokenizer(config):
    """A SentencePiece unigram model: the fewest pieces win, as each costs the same."""
    special, bos = special_pieces(config)
    kind = protocol.ModelProto.SentencePiece
    wanted = [(f"<0x{byte:02X}>", kind.BYTE) for byte in range(256)]
    wanted += [(sign, kind.NORMAL) for sign in [SPACE] + [chr(code) for code in range(33, 127)]]
    wanted += [(piece, kind.NORMAL) for word in make_data.words() for piece in (SPACE + word, word) if len(piece) > 1]
    wanted = iter(dict(wanted).items())
    model = protocol.ModelProto()
    for token in range(config["vocab_size"]):
        piece = model.pieces.add()
        if token in special:
            piece.piece, piece.type = special[token], kind.UNKNOWN if token == 3 else kind.CONTROL
        else:
            piece.piece, piece.type = next(wanted, (f"<unused{token}>", kind.UNUSED))
            piece.score = -10
    if next(wanted, None):
        raise SystemExit("make_checkpoint.py: the vocabulary is too small for bytes, signs and words")
    trainer = model.trainer_spec
    trainer.model_type = protocol.TrainerSpec.UNIGRAM
    trainer.vocab_size, trainer.byte_fallback = len(model.pieces), True
    trainer.pad_id, trainer.eos_id, trainer.bos_id, trainer.unk_id = 0, 3 - bos, bos, 3
    trainer.pad_piece, trainer.eos_piece = special[0], special[3 - bos]
    trainer.bos_piece, trainer.unk_piece = special[bos], special[3]
    normalizer = model.normalizer_spec
    normalizer.name = "identity"
    normalizer.add_dummy_prefix = normalizer.remove_extra_whitespaces = False
    normalizer.escape_whitespaces = True
    added = {str(token): {"content": text, "special": True} for token, text in special.items()}
    return model.SerializeToString(deterministic=True), {"bos_token": special[bos], "added_tokens_decoder": added}


def main():
    options = argparse.ArgumentParser(description="Random weights in the layout of a published checkpoint.")
    options.add_argument("config")
    options.add_argument("folder")
    options.add_argument("--layers", type=int, help="as many as published when left out")
    options.add_argument("--shard-gigabytes", type=float, default=1.0)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with open(chosen.config, encoding="utf-8") as file:
        config = json.load(file)
    config["num_hidden_layers"] = chosen.layers or config["num_hidden_layers"]

    shards, size = [[]], 0
    for tensor in tensors(config):
        bytes_of_tensor = 2 * math.prod(tensor[1])
        if shards[-1] and size + bytes_of_tensor > chosen.shard_gigabytes * 1e9:
            shards.append([])
            size = 0
        shards[-1].append(tensor)
        size += bytes_of_tensor

    os.makedirs(chosen.folder, exist_ok=True)
    random = numpy.random.Generator(numpy.random.SFC64(chosen.seed))
    index, total = {}, 0
    for i, members in enumerate(shards, 1):
        name = f"model-{i:05}-of-{len(shards):05}.safetensors"
        total += write_shard(os.path.join(chosen.folder, name), members, random)
        index.update((tensor[0], name) for tensor in members)
    tokenizer, tokens = make_tokenizer(config)
    with open(os.path.join(chosen.folder, "tokenizer.model"), "wb") as file:
        file.write(tokenizer)
    for name, value in (("config.json", config), ("tokenizer_config.json", tokens),
                        ("model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": index})):
        with open(os.path.join(chosen.folder, name), "w", encoding="utf-8") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
    print(f"{chosen.folder}: {config['num_hidden_layers']} layers, {total} bytes in {len(shards)} files")


if __name__ == "__main__":
    main()
