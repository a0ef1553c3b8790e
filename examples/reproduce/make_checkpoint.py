#!/usr/bin/env python3
"""Make a checkpoint with random weights in the layout of a published one, with its widths and fewer layers.

Usage: /usr/bin/python3 make_checkpoint.py CONFIG.json FOLDER [--layers N] [--set KEY=VALUE ...] [--shard-gigabytes G]
       [--seed N]

Reads a published config.json (recurrent_gemma, jamba, qwen3_next, granitemoehybrid, nemotron_h, lfm2 or falcon_h1) and
writes FOLDER/config.json with the first N layers, model-0000I-of-0000N.safetensors in bfloat16 with the published tensor
names and shapes, their index, tokenizer.model with as many pieces as the vocabulary has, and tokenizer_config.json with
the special tokens. A layer is what it is in the published order, so N must reach the kinds that are wanted: 3 for
RecurrentGemma (recurrent, recurrent, attention); 5 for Jamba (Mamba with an MLP, Mamba with experts, ..., attention with
an MLP); 4 for Qwen3-Next; 6 for Granite; 8 for Nemotron-H; 3 for LFM2; 1 for Falcon-H1. --set changes a key first, its
value written as JSON: --set num_experts=64. The files say nothing: the model's answers are noise. They are for trying
commands, and for what memory and time those take.

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


def linears(prefix, **shapes):
    """The weights of linear maps under a name."""
    for name, shape in shapes.items():
        yield f"{prefix}{name}.weight", shape, "random"


def attention(config, prefix, dim, output="o_proj", queries=1):
    """Projections of attention; `queries` rows a feature of a head, where gates lie among them."""
    width, heads, keys = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"]
    yield from linears(prefix, q_proj=(queries * heads * dim, width), k_proj=(keys * dim, width),
                       v_proj=(keys * dim, width), **{output: (width, heads * dim)})


def gated_mlp(config, prefix, hidden, gate="gate_proj", up="up_proj", down="down_proj"):
    width = config["hidden_size"]
    yield from linears(prefix, **{gate: (hidden, width), up: (hidden, width), down: (width, hidden)})


def mamba2(prefix, width, heads, dim, groups, states, taps, norm=True):
    """A Mamba-2 block."""
    channels = heads * dim
    convolved = channels + 2 * groups * states
    yield prefix + "A_log", (heads,), "A_log"
    yield prefix + "D", (heads,), 1
    yield prefix + "dt_bias", (heads,), -4  # steps of softplus(-4) = 0.018
    yield prefix + "conv1d.weight", (convolved, 1, taps), "random"
    yield prefix + "conv1d.bias", (convolved,), 0
    yield from linears(prefix, in_proj=(channels + convolved + heads, width), out_proj=(width, channels))
    if norm:
        yield prefix + "norm.weight", (channels,), 1


def mamba2_of(config, prefix, **more):
    """The same by the names of Granite and Falcon-H1."""
    return mamba2(prefix, config["hidden_size"], config["mamba_n_heads"], config["mamba_d_head"],
                  config["mamba_n_groups"], config["mamba_d_state"], config["mamba_d_conv"], **more)


def qwen3_next_layer(config, layer):
    """The tensors of a layer of Qwen3-Next, likewise."""
    width = config["hidden_size"]
    for name in ("input_layernorm", "post_attention_layernorm"):
        yield name + ".weight", (width,), 0
    if (layer + 1) % config["full_attention_interval"] == 0:
        yield from attention(config, "self_attn.", config["head_dim"], queries=2)
        for name in ("q_norm", "k_norm"):
            yield f"self_attn.{name}.weight", (config["head_dim"],), 0
    else:
        heads, dim = config["linear_num_value_heads"], config["linear_value_head_dim"]
        keys, values = config["linear_num_key_heads"] * config["linear_key_head_dim"], heads * dim
        yield from linears("linear_attn.", in_proj_qkvz=(2 * keys + 2 * values, width), in_proj_ba=(2 * heads, width),
                           out_proj=(width, values))
        yield "linear_attn.conv1d.weight", (2 * keys + values, 1, config["linear_conv_kernel_dim"]), "random"
        yield "linear_attn.A_log", (heads,), "A_log"
        yield "linear_attn.dt_bias", (heads,), -4
        yield "linear_attn.norm.weight", (dim,), 1
    if layer in config["mlp_only_layers"]:
        yield from gated_mlp(config, "mlp.", config["intermediate_size"])
        return
    yield from linears("mlp.", gate=(config["num_experts"], width), shared_expert_gate=(1, width))
    yield from gated_mlp(config, "mlp.shared_expert.", config["shared_expert_intermediate_size"])
    for expert in range(config["num_experts"]):
        yield from gated_mlp(config, f"mlp.experts.{expert}.", config["moe_intermediate_size"])


def granite_layer(config, layer):
    """The tensors of a layer of Granite 4, likewise."""
    width, hidden, shared = (config[key] for key in ("hidden_size", "intermediate_size", "shared_intermediate_size"))
    experts = config["num_local_experts"]
    for name in ("input_layernorm", "post_attention_layernorm"):
        yield name + ".weight", (width,), 1
    if config["layer_types"][layer] == "attention":
        yield from attention(config, "self_attn.", width // config["num_attention_heads"])
    else:
        yield from mamba2_of(config, "mamba.")
    yield from linears("block_sparse_moe.", **{"router.layer": (experts, width), "input_linear":
                       (experts, 2 * hidden, width), "output_linear": (experts, width, hidden)})
    yield from linears("shared_mlp.", input_linear=(2 * shared, width), output_linear=(width, shared))


def nemotron_layer(config, layer):
    """The tensors of a layer of Nemotron-H, likewise."""
    width, hidden = config["hidden_size"], config["intermediate_size"]
    yield "norm.weight", (width,), 1
    kind = config["hybrid_override_pattern"][layer]
    if kind == "M":
        yield from mamba2("mixer.", width, config["mamba_num_heads"], config["mamba_head_dim"], config["n_groups"],
                          config["ssm_state_size"], config["conv_kernel"])
    elif kind == "*":
        yield from attention(config, "mixer.", config["attention_head_dim"])
    else:
        yield from linears("mixer.", up_proj=(hidden, width), down_proj=(width, hidden))


def lfm2_layer(config, layer):
    """The tensors of a layer of LFM2, likewise."""
    width, multiple = config["hidden_size"], config["block_multiple_of"]
    hidden = -(-2 * config["block_ff_dim"] // 3 // multiple) * multiple
    for name in ("operator_norm", "ffn_norm"):
        yield name + ".weight", (width,), 1
    if layer in config["full_attn_idxs"]:
        dim = width // config["num_attention_heads"]
        yield from attention(config, "self_attn.", dim, output="out_proj")
        for name in ("q_layernorm", "k_layernorm"):
            yield f"self_attn.{name}.weight", (dim,), 1
    else:
        yield from linears("conv.", in_proj=(3 * width, width), out_proj=(width, width))
        yield "conv.conv.weight", (width, 1, config["conv_L_cache"]), "random"
    yield from gated_mlp(config, "feed_forward.", hidden, gate="w1", up="w3", down="w2")


def falcon_layer(config, layer):
    """The tensors of a layer of Falcon-H1, likewise."""
    for name in ("input_layernorm", "pre_ff_layernorm"):
        yield name + ".weight", (config["hidden_size"],), 1
    yield from attention(config, "self_attn.", config["head_dim"])
    yield from mamba2_of(config, "mamba.", norm=config["mamba_rms_norm"])
    yield from gated_mlp(config, "feed_forward.", config["intermediate_size"])


# What a layer is made of; beginning of names, embedding and last norm; what is near the last norm's weights; whether
# embeddings are the head where nothing is said.
LAYOUTS = {
    "recurrent_gemma": (gemma_layer, "model.", "embed_tokens", "final_norm", 0, True),
    "jamba": (jamba_layer, "model.", "embed_tokens", "final_layernorm", 1, False),
    "qwen3_next": (qwen3_next_layer, "model.", "embed_tokens", "norm", 0, False),
    "granitemoehybrid": (granite_layer, "model.", "embed_tokens", "norm", 1, False),
    "nemotron_h": (nemotron_layer, "backbone.", "embeddings", "norm_f", 1, False),
    "lfm2": (lfm2_layer, "model.", "embed_tokens", "embedding_norm", 1, True),
    "falcon_h1": (falcon_layer, "model.", "embed_tokens", "final_layernorm", 1, False),
}


def with_layers(config, layers):
    """A configuration with the first layers alone, and what lists them cut."""
    cut = dict(config, num_hidden_layers=layers)
    for key in ("layer_types", "hybrid_override_pattern"):
        if key in cut:
            cut[key] = cut[key][:layers]
    if "full_attn_idxs" in cut:
        cut["full_attn_idxs"] = [layer for layer in cut["full_attn_idxs"] if layer < layers]
    return cut


def tensors(config):
    """All tensors of a model, in the order of its layers."""
    tensors_of_layer, prefix, embedding, norm, near, tied = LAYOUTS[config["model_type"]]
    table = (config["vocab_size"], config["hidden_size"])
    yield f"{prefix}{embedding}.weight", table, "random"
    for layer in range(config["num_hidden_layers"]):
        for name, shape, kind in tensors_of_layer(config, layer):
            yield f"{prefix}layers.{layer}.{name}", shape, kind
    yield f"{prefix}{norm}.weight", table[1:], near
    if not config.get("tie_word_embeddings", tied):
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
        file.write(bfloat16(numpy.tile(numpy.log(numpy.arange(1, shape[-1] + 1)), count // shape[-1])).tobytes())
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
    """The special tokens by id, and those that begin and end a text. Jamba's ids of turns, but for the end of one, are
    made up."""
    if config["model_type"] == "jamba":
        names = {0: "<|pad|>", 1: "<|startoftext|>", 2: "<|endoftext|>", 3: "<|unk|>", 515: "<|assistant|>",
                 516: "<|user|>", 517: "<|system|>", 518: "<|eom|>", 519: "<|bom|>"}
        return names, 1, 2
    if config["model_type"] == "recurrent_gemma":
        return {0: "<pad>", 1: "<eos>", 2: "<bos>", 3: "<unk>", 106: "<start_of_turn>", 107: "<end_of_turn>"}, 2, 1
    bos, eos = config["bos_token_id"], config["eos_token_id"]
    return {0: "<pad>", 3: "<unk>", eos: "<eos>", bos: "<bos>"}, bos, eos


def make_tokenizer(config):
    """A SentencePiece unigram model: the fewest pieces win, as each costs the same."""
    special, bos, eos = special_pieces(config)
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
    trainer.pad_id, trainer.eos_id, trainer.bos_id, trainer.unk_id = 0, eos, bos, 3
    trainer.pad_piece, trainer.eos_piece = special[0], special[eos]
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
    options.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the configuration")
    options.add_argument("--shard-gigabytes", type=float, default=1.0)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with open(chosen.config, encoding="utf-8") as file:
        config = json.load(file)
    for setting in chosen.set:
        key, _, value = setting.partition("=")
        config[key] = json.loads(value)
    config = with_layers(config, chosen.layers or config["num_hidden_layers"])

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
