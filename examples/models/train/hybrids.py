"""RecurrentGemma and Jamba for training: the architectures of Hugging Face transformers with the same names of
parameters, so that checkpoints go both ways, and with recurrences that are fast over whole sequences.

A layer is a few pure functions around an attention or a recurrence. On a GPU these functions are compiled (`fused`), on
a CPU they run as written. Texts have no padding, and nothing is cached: this is not for generation.
"""
import functools
import math

import torch
from torch import nn
from torch.nn import functional as F

from scan import linear_recurrence, selective_scan


def fused(function):
    """The function, compiled by TorchInductor when its first argument is on a GPU."""

    @functools.lru_cache(maxsize=None)
    def compiled():
        return torch.compile(function, dynamic=False)

    @functools.wraps(function)
    def call(x, *arguments):
        return (compiled() if x.is_cuda and fused.enabled else function)(x, *arguments)

    return call


fused.enabled = True


# --- What both architectures use ---


def rms_norm(x, gain, epsilon):
    x = x.float()
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + epsilon) * gain


def causal_convolution(x, weight, bias):
    """x [batch, time, channel], weight [channel, 1, width]: each channel alone, over its last `width` values."""
    width, time = weight.shape[-1], x.shape[1]
    padded = F.pad(x, (0, 0, width - 1, 0))
    return sum(padded[:, i:i + time] * weight[:, 0, i] for i in range(width)) + bias


def attend(query, key, value, window=None):
    """Causal attention over the last `window` keys, the query's own included; query [batch, head, time, dim], key and
    value with as many heads or fewer. Gives [batch, time, head * dim]."""
    group = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(group, 1), value.repeat_interleave(group, 1)
    time = query.shape[2]
    narrow = window is not None and window < time
    if query.is_cuda and not narrow:
        out = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    else:
        at = torch.arange(time, device=query.device)
        distance = at[:, None] - at
        visible = (distance >= 0) & (distance < (window or time))
        if query.is_cuda:
            out = F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        else:
            scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
            out = scores.masked_fill(~visible, -math.inf).softmax(-1) @ value
    return out.transpose(1, 2).flatten(2)


def split_heads(x, heads):
    return x.unflatten(-1, (heads, x.shape[-1] // heads)).transpose(1, 2)


@fused
def add_projection(residual, x, weight, bias):
    return residual + F.linear(x, weight, bias)


ACTIVATIONS = {"silu": F.silu, "gelu_pytorch_tanh": lambda x: F.gelu(x, approximate="tanh")}


@fused
def gated_mlp(x, gain, epsilon, gate, gate_bias, up, up_bias, down, down_bias, activation):
    h = rms_norm(x, gain, epsilon)
    inner = ACTIVATIONS[activation](F.linear(h, gate, gate_bias)) * F.linear(h, up, up_bias)
    return x + F.linear(inner, down, down_bias)


@fused
def logits_of(x, gain, epsilon, embedding, cap):
    logits = F.linear(rms_norm(x, gain, epsilon), embedding).float()
    return cap * torch.tanh(logits / cap) if cap else logits


@fused
def losses(x, gain, epsilon, embedding, cap, next_tokens):
    """Cross-entropy in nats of every next token, and whether it is the likeliest one: both [batch, time]."""
    logits = F.linear(rms_norm(x, gain, epsilon), embedding).float()
    if cap:
        logits = cap * torch.tanh(logits / cap)
    right = logits.gather(-1, next_tokens[..., None])[..., 0]
    return torch.logsumexp(logits, -1) - right, right >= logits.detach().amax(-1)


class Gain(nn.Module):
    """The gain of a norm, under the name `weight`."""

    def __init__(self, width, start):
        super().__init__()
        self.weight = nn.Parameter(torch.full((width,), float(start)))


class Hybrid(nn.Module):
    """What a model of either architecture is: an embedding, layers, a norm and the embedding again."""

    def hidden(self, tokens):
        x = F.embedding(tokens, self.model["embed_tokens"].weight).float() * self.embedding_scale
        for layer in self.model["layers"]:
            x = layer(x)
        return x

    def forward(self, tokens):
        """tokens [batch, time] gives logits [batch, time, vocabulary]."""
        return logits_of(self.hidden(tokens), *self.end())

    def losses(self, tokens):
        """Of tokens [batch, time]: see `losses`, for tokens 1 to time - 1."""
        return losses(self.hidden(tokens)[:, :-1], *self.end(), tokens[:, 1:])

    def head(self):
        return self.lm_head.weight if hasattr(self, "lm_head") else self.model["embed_tokens"].weight


# --- RecurrentGemma ---


@fused
def prepare_rg_lru(x, gain, epsilon, x_weight, x_bias, y_weight, y_bias, taps, taps_bias, input_weight, input_bias,
                   recurrent_weight, recurrent_bias, rate):
    """The decays and inputs of the RG-LRU, and the gate of its output: each [batch, time, lru_width]."""
    h = rms_norm(x, 1 + gain, epsilon)
    gate = F.gelu(F.linear(h, y_weight, y_bias), approximate="tanh")
    h = causal_convolution(F.linear(h, x_weight, x_bias), taps, taps_bias).to(gate.dtype)

    def gate_of(weight, bias):  # block-diagonal, a block a head
        blocks = h.unflatten(-1, weight.shape[:2])
        return torch.sigmoid(torch.einsum("bthi,hij->bthj", blocks, weight).float() + bias).flatten(2)

    log_decay = -8 * gate_of(recurrent_weight, recurrent_bias) * F.softplus(rate)
    # sqrt(1 - a^2), whose derivative has no bound as a nears 1: it is left out where 1 - a^2 is below 1e-6. The first
    # token's input is not scaled.
    rest = -torch.expm1(2 * log_decay)
    smooth = torch.sqrt(torch.clamp(rest, min=1e-6))
    scale = smooth + (torch.sqrt(rest.detach()) - smooth.detach())
    first = torch.arange(x.shape[1], device=x.device)[:, None] == 0
    return torch.exp(log_decay), h * gate_of(input_weight, input_bias) * torch.where(first, 1.0, scale), gate


@fused
def prepare_local_attention(x, gain, epsilon, query, key, value, heads, key_heads, frequencies):
    h = rms_norm(x, 1 + gain, epsilon)
    angles = torch.arange(x.shape[1], device=x.device)[:, None] * frequencies
    cosine, sine = torch.cos(angles), torch.sin(angles)
    half = len(frequencies)

    def rotate(y):  # features i and i + half are a pair; the rest of the head stays
        a, b, rest = y[..., :half], y[..., half:2 * half], y[..., 2 * half:]
        return torch.cat([(a * cosine - b * sine).to(y.dtype), (b * cosine + a * sine).to(y.dtype), rest], -1)

    return (rotate(split_heads(F.linear(h, query), heads)), rotate(split_heads(F.linear(h, key), key_heads)),
            split_heads(F.linear(h, value), key_heads))


@fused
def finish_rg_lru(residual, hidden, gate, weight, bias):
    return residual + F.linear(hidden * gate, weight, bias)


class RgLru(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        block = width // heads
        self.recurrent_param = nn.Parameter(torch.empty(width))
        for gate in ("input", "recurrent"):
            setattr(self, gate + "_gate_weight", nn.Parameter(torch.empty(heads, block, block)))
            setattr(self, gate + "_gate_bias", nn.Parameter(torch.zeros(heads, block)))


class RecurrentBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, lru = config["hidden_size"], config["lru_width"]
        self.linear_x, self.linear_y = nn.Linear(width, lru), nn.Linear(width, lru)
        self.linear_out = nn.Linear(lru, width)
        self.conv_1d = nn.Conv1d(lru, lru, config["conv1d_width"], groups=lru)
        self.rg_lru = RgLru(lru, config["num_attention_heads"])

    def forward(self, x, norm, epsilon):
        lru = self.rg_lru
        decay, inputs, gate = prepare_rg_lru(
            x, norm, epsilon, self.linear_x.weight, self.linear_x.bias, self.linear_y.weight, self.linear_y.bias,
            self.conv_1d.weight, self.conv_1d.bias, lru.input_gate_weight, lru.input_gate_bias,
            lru.recurrent_gate_weight, lru.recurrent_gate_bias, lru.recurrent_param)
        return finish_rg_lru(x, linear_recurrence(decay, inputs), gate, self.linear_out.weight, self.linear_out.bias)


class LocalAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, dim = config["hidden_size"], config["head_dim"]
        self.heads, self.key_heads = config["num_attention_heads"], config["num_key_value_heads"]
        self.window = config["attention_window_size"]
        self.q_proj = nn.Linear(width, self.heads * dim, bias=False)
        self.k_proj = nn.Linear(width, self.key_heads * dim, bias=False)
        self.v_proj = nn.Linear(width, self.key_heads * dim, bias=False)
        self.o_proj = nn.Linear(self.heads * dim, width)
        rotated = int(dim * config["rope_parameters"]["partial_rotary_factor"])
        base = config["rope_parameters"]["rope_theta"]
        self.register_buffer("frequencies", base ** (-torch.arange(0, rotated, 2) / rotated), persistent=False)

    def forward(self, x, norm, epsilon):
        query, key, value = prepare_local_attention(x, norm, epsilon, self.q_proj.weight, self.k_proj.weight,
                                                    self.v_proj.weight, self.heads, self.key_heads, self.frequencies)
        return add_projection(x, attend(query, key, value, self.window), self.o_proj.weight, self.o_proj.bias)


class GriffinLayer(nn.Module):
    def __init__(self, config, attends):
        super().__init__()
        width, inner = config["hidden_size"], config["intermediate_size"] // 2
        self.epsilon = config["rms_norm_eps"]
        self.activation = config["hidden_activation"]
        self.temporal_pre_norm, self.channel_pre_norm = Gain(width, 0), Gain(width, 0)
        self.temporal_block = LocalAttention(config) if attends else RecurrentBlock(config)
        self.mlp_block = nn.ModuleDict({"gate_proj": nn.Linear(width, inner), "up_proj": nn.Linear(width, inner),
                                        "down_proj": nn.Linear(inner, width)})

    def forward(self, x):
        x = self.temporal_block(x, self.temporal_pre_norm.weight, self.epsilon)
        gate, up, down = (self.mlp_block[name] for name in ("gate_proj", "up_proj", "down_proj"))
        return gated_mlp(x, 1 + self.channel_pre_norm.weight, self.epsilon, gate.weight, gate.bias, up.weight, up.bias,
                         down.weight, down.bias, self.activation)


class RecurrentGemma(Hybrid):
    """Griffin: Botev et al. 2024, arXiv 2404.07839. Embeddings are scaled by sqrt(width) rounded to bfloat16."""

    def __init__(self, config):
        super().__init__()
        width = config["hidden_size"]
        kinds = config["block_types"]
        self.epsilon, self.cap = config["rms_norm_eps"], config["logits_soft_cap"]
        self.embedding_scale = torch.tensor(width ** 0.5).bfloat16().item()
        self.model = nn.ModuleDict({
            "embed_tokens": nn.Embedding(config["vocab_size"], width),
            "layers": nn.ModuleList([GriffinLayer(config, kinds[i % len(kinds)] == "attention")
                                     for i in range(config["num_hidden_layers"])]),
            "final_norm": Gain(width, 0)})
        self._initialise(config)

    def end(self):
        return 1 + self.model["final_norm"].weight, self.epsilon, self.head(), self.cap

    @torch.no_grad()
    def _initialise(self, config):
        """As transformers' RecurrentGemmaPreTrainedModel does, but for the embedding, whose deviation is
        1 / sqrt(width)."""
        inside = config["w_init_variance_scale"]
        outside = config["final_w_init_variance_scale"]
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv1d)):
                module.weight.normal_(std=math.sqrt(inside / config["conv1d_width"]))
                if module.bias is not None:
                    module.bias.zero_()
        for module in self.modules():
            if isinstance(module, LocalAttention):
                for projection in (module.q_proj, module.k_proj, module.v_proj):
                    projection.weight.normal_(std=math.sqrt(1 / config["hidden_size"]))
                module.o_proj.weight.normal_(std=math.sqrt(outside / config["hidden_size"]))
            if isinstance(module, RecurrentBlock):
                for projection in (module.linear_x, module.linear_y):
                    projection.weight.normal_(std=math.sqrt(1 / config["hidden_size"]))
                module.linear_out.weight.normal_(std=math.sqrt(outside / config["lru_width"]))
            if isinstance(module, RgLru):
                for weight in (module.input_gate_weight, module.recurrent_gate_weight):
                    weight.normal_(std=math.sqrt(inside / weight.shape[1]))
                # softplus of the parameter is -log(decay), for decays between 0.9 and 0.999.
                squared = module.recurrent_param.uniform_(0.9 ** 2 + 1e-8, 0.999 ** 2 + 1e-8)
                module.recurrent_param.copy_(torch.log(torch.expm1(-0.5 * torch.log(squared))))
        self.model["embed_tokens"].weight.normal_(std=config["hidden_size"] ** -0.5)


# --- Jamba ---


@fused
def prepare_attention(x, gain, epsilon, query, key, value, heads, key_heads):
    h = rms_norm(x, gain, epsilon)
    return (split_heads(F.linear(h, query), heads), split_heads(F.linear(h, key), key_heads),
            split_heads(F.linear(h, value), key_heads))


@fused
def prepare_mamba(x, gain, epsilon, in_weight, taps, taps_bias, x_weight, step_gain, b_gain, c_gain, step_weight,
                  step_bias):
    """The inputs, step sizes, b and c of the selective scan, and the gate of its output."""
    inputs, gate = F.linear(rms_norm(x, gain, epsilon), in_weight).chunk(2, -1)
    inputs = F.silu(causal_convolution(inputs, taps, taps_bias)).to(gate.dtype)
    step, b, c = F.linear(inputs, x_weight).split([len(step_gain), len(b_gain), len(c_gain)], -1)
    step = F.linear(rms_norm(step, step_gain, epsilon), step_weight).float() + step_bias
    return inputs, F.softplus(step), rms_norm(b, b_gain, epsilon), rms_norm(c, c_gain, epsilon), gate


@fused
def finish_mamba(residual, y, inputs, skip, gate, weight):
    return residual + F.linear((y + inputs * skip) * F.silu(gate), weight)


@fused
def experts_mlp(x, gain, epsilon, router, gate, up, down, chosen):
    """gate, up: [experts * inner, width], down: [width, experts * inner]. All experts are computed, and those that were
    not chosen weigh 0: at this size that is faster than sorting tokens by expert, and gives the same."""
    h = rms_norm(x, gain, epsilon)
    share = torch.softmax(F.linear(h, router).float(), -1)
    order = torch.arange(len(router), device=x.device)
    mine, other = share[..., :, None], share[..., None, :]
    better = (other > mine) | ((other == mine) & (order < order[:, None]))
    weight = torch.where(better.sum(-1) < chosen, share, 0.0)
    inner = F.silu(F.linear(h, gate)) * F.linear(h, up)
    inner = inner.unflatten(-1, (len(router), -1)) * weight[..., None]
    return x + F.linear(inner.flatten(-2), down)


class FullAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        width = config["hidden_size"]
        self.heads, self.key_heads = config["num_attention_heads"], config["num_key_value_heads"]
        keys = width // self.heads * self.key_heads
        self.q_proj, self.o_proj = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.k_proj, self.v_proj = nn.Linear(width, keys, bias=False), nn.Linear(width, keys, bias=False)

    def forward(self, x, norm, epsilon):
        query, key, value = prepare_attention(x, norm, epsilon, self.q_proj.weight, self.k_proj.weight,
                                              self.v_proj.weight, self.heads, self.key_heads)
        return add_projection(x, attend(query, key, value), self.o_proj.weight, None)


class Mamba(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, states, rank = config["hidden_size"], config["mamba_d_state"], config["mamba_dt_rank"]
        channels = config["mamba_expand"] * width
        self.in_proj = nn.Linear(width, 2 * channels, bias=False)
        self.conv1d = nn.Conv1d(channels, channels, config["mamba_d_conv"], groups=channels)
        self.x_proj = nn.Linear(channels, rank + 2 * states, bias=False)
        self.dt_proj = nn.Linear(rank, channels)
        self.out_proj = nn.Linear(channels, width, bias=False)
        self.A_log, self.D = nn.Parameter(torch.empty(channels, states)), nn.Parameter(torch.ones(channels))
        self.dt_layernorm, self.b_layernorm, self.c_layernorm = Gain(rank, 1), Gain(states, 1), Gain(states, 1)

    def forward(self, x, norm, epsilon):
        inputs, step, b, c, gate = prepare_mamba(
            x, norm, epsilon, self.in_proj.weight, self.conv1d.weight, self.conv1d.bias, self.x_proj.weight,
            self.dt_layernorm.weight, self.b_layernorm.weight, self.c_layernorm.weight, self.dt_proj.weight,
            self.dt_proj.bias)
        y = selective_scan(inputs, step, -torch.exp(self.A_log), b, c)
        return finish_mamba(x, y, inputs, self.D, gate, self.out_proj.weight)


def gated_projections(width, inner):
    return {"gate_proj": nn.Linear(width, inner, bias=False), "up_proj": nn.Linear(width, inner, bias=False),
            "down_proj": nn.Linear(inner, width, bias=False)}


class JambaLayer(nn.Module):
    def __init__(self, config, attends, routes):
        super().__init__()
        width, inner = config["hidden_size"], config["intermediate_size"]
        self.epsilon = config["rms_norm_eps"]
        self.chosen = config["num_experts_per_tok"]
        self.input_layernorm, self.pre_ff_layernorm = Gain(width, 1), Gain(width, 1)
        if attends:
            self.self_attn = FullAttention(config)
        else:
            self.mamba = Mamba(config)
        if routes:
            self.feed_forward = nn.ModuleDict({
                "router": nn.Linear(width, config["num_experts"], bias=False),
                "experts": nn.ModuleList([nn.ModuleDict(gated_projections(width, inner))
                                          for _ in range(config["num_experts"])])})
        else:
            self.feed_forward = nn.ModuleDict(gated_projections(width, inner))

    def forward(self, x):
        mixer = self.self_attn if hasattr(self, "self_attn") else self.mamba
        x = mixer(x, self.input_layernorm.weight, self.epsilon)
        norm, block = self.pre_ff_layernorm.weight, self.feed_forward
        if "experts" not in block:
            gate, up, down = (block[name].weight for name in ("gate_proj", "up_proj", "down_proj"))
            return gated_mlp(x, norm, self.epsilon, gate, None, up, None, down, None, "silu")
        gate, up, down = (torch.cat([expert[name].weight for expert in block["experts"]], axis)
                          for name, axis in (("gate_proj", 0), ("up_proj", 0), ("down_proj", 1)))
        return experts_mlp(x, norm, self.epsilon, block["router"].weight, gate, up, down, self.chosen)


class Jamba(Hybrid):
    """Lieber et al. 2024, arXiv 2403.19887."""

    embedding_scale = 1.0

    def __init__(self, config):
        super().__init__()
        width = config["hidden_size"]
        self.epsilon = config["rms_norm_eps"]

        def periodic(what, layer):
            return layer % config[what + "_layer_period"] == config[what + "_layer_offset"]

        self.model = nn.ModuleDict({
            "embed_tokens": nn.Embedding(config["vocab_size"], width),
            "layers": nn.ModuleList([JambaLayer(config, periodic("attn", i),
                                                periodic("expert", i) and config["num_experts"] > 1)
                                     for i in range(config["num_hidden_layers"])]),
            "final_layernorm": Gain(width, 1)})
        if not config["tie_word_embeddings"]:
            self.lm_head = nn.Linear(width, config["vocab_size"], bias=False)
        self._initialise(config)

    def end(self):
        return self.model["final_layernorm"].weight, self.epsilon, self.head(), None

    @torch.no_grad()
    def _initialise(self, config):
        """As transformers' JambaPreTrainedModel does."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv1d, nn.Embedding)):
                module.weight.normal_(std=config["initializer_range"])
                if getattr(module, "bias", None) is not None:
                    module.bias.zero_()
            if isinstance(module, Mamba):
                module.A_log.copy_(torch.log(torch.arange(1.0, module.A_log.shape[1] + 1)).expand_as(module.A_log))


def make_model(config, seed=0):
    """A model with fresh weights, from what a config.json says."""
    torch.manual_seed(seed)
    return {"recurrent_gemma": RecurrentGemma, "jamba": Jamba}[config["model_type"]](config)
