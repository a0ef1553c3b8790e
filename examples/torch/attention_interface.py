"""The paper's policy in a transformers model at full speed: prefill dense, then per token the k heads of least entropy.

    python3 examples/torch/attention_interface.py      a small random Llama, each call compared with float64
"""

import os

import torch
from torch.utils.cpp_extension import load
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def register(name, heads_kept, dim, group):
    """Makes attn_implementation=name known, for bfloat16 models of such heads and batches without padding."""
    sizes = [f"-DHEADCOUNT_DIM={dim}", f"-DHEADCOUNT_GROUP={group}"]
    extension = load("headcount_attention", [os.path.join(os.path.dirname(__file__), "headcount_attention.cu")],
                     extra_include_paths=[os.path.join(ROOT, "include")], extra_cflags=["-std=c++20"],
                     extra_cuda_cflags=["-std=c++20", "--expt-relaxed-constexpr", *sizes])

    def attention(module, query, key, value, attention_mask, scaling=None, **rest):
        if query.shape[2] > 1:
            return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **rest)
        outputs, _, _ = extension.attend(query[:, :, 0], key, value, scaling or dim**-0.5, heads_kept)
        return outputs.unsqueeze(1), None

    AttentionInterface.register(name, attention)
    return attention


def published(query, key, value, scaling, k):
    """The published procedure in float64: weights in memory, minus their entropy, the k highest, zeros for the others."""
    group = query.shape[1] // key.shape[1]
    keys, values = key.repeat_interleave(group, 1).double(), value.repeat_interleave(group, 1).double()
    weights = torch.softmax(query.double() @ keys.transpose(2, 3) * scaling, -1)
    scores = ((weights + 1e-12) * torch.log2(weights + 1e-12)).sum(-1)
    kept = torch.zeros_like(scores).scatter_(1, scores.topk(k, 1).indices, 1)
    return (weights @ values * kept.unsqueeze(-1)).transpose(1, 2)


def main():
    from transformers import LlamaConfig, LlamaForCausalLM
    torch.manual_seed(1)
    config = LlamaConfig(hidden_size=1024, intermediate_size=2048, num_hidden_layers=4, num_attention_heads=32,
                         num_key_value_heads=8, head_dim=128, vocab_size=1000, max_position_embeddings=8192)
    model = LlamaForCausalLM(config).to("cuda", torch.bfloat16).eval()
    for layer in model.model.layers:
        layer.self_attn.q_proj.weight.data *= 8  # as new, heads attend so evenly that their order is a matter of rounding
    attention, errors = register("headcount", 5, 128, 4), []

    def compared(module, query, key, value, attention_mask, scaling=None, **rest):
        outputs, nothing = attention(module, query, key, value, attention_mask, scaling=scaling, **rest)
        if query.shape[2] == 1:
            right = published(query, key, value, scaling, 5)
            errors.append(((outputs - right).norm() / right.norm()).item())
        return outputs, nothing

    AttentionInterface.register("compared", compared)
    model.set_attn_implementation("compared")
    tokens = torch.randint(0, 1000, (3, 3000), device="cuda")
    model.generate(tokens, max_new_tokens=16, do_sample=False, pad_token_id=0)
    print(f"{len(errors)} calls in a model: errors {min(errors):.1e} to {max(errors):.1e} of the published procedure's "
          "outputs in float64")
    assert len(errors) == 60 and max(errors) < 4e-3


if __name__ == "__main__":
    main()
