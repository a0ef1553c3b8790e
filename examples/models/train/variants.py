"""What can be trained: the two shipped architectures, and their controls, of the same size but for what they lack.

A variant is the config.json of a shipped model with some keys changed.
"""
import pathlib

from checkpoint import read_config

MODELS = pathlib.Path(__file__).resolve().parent.parent

VARIANTS = {
    "tiny-recurrent-gemma": ("tiny-recurrent-gemma", {}),
    "tiny-recurrent-gemma-recurrent-only": ("tiny-recurrent-gemma", {"block_types": ["recurrent"]}),
    "tiny-recurrent-gemma-attention-only": ("tiny-recurrent-gemma", {"block_types": ["attention"]}),
    # Half the heads, each twice as wide. The blocks of the RG-LRU's gates follow the heads.
    "tiny-recurrent-gemma-half-heads": ("tiny-recurrent-gemma", {"num_attention_heads": 5, "head_dim": 64}),
    "tiny-jamba": ("tiny-jamba", {}),
    # An attention layer would come at layer 8, after the last.
    "tiny-jamba-recurrent-only": ("tiny-jamba", {"attn_layer_period": 9, "attn_layer_offset": 8}),
    "tiny-jamba-attention-only": ("tiny-jamba", {"attn_layer_period": 1, "attn_layer_offset": 0}),
    "tiny-jamba-half-heads": ("tiny-jamba", {"num_attention_heads": 8, "num_key_value_heads": 2}),
}


def config_of(variant, longest=0):
    """The config.json of a variant whose texts are of `longest` tokens at most: a local window reaches over them."""
    base, changes = VARIANTS[variant]
    config = {**read_config(MODELS / base), **changes}
    if "attention_window_size" in config:
        config["attention_window_size"] = max(config["attention_window_size"], longest)
    return config
