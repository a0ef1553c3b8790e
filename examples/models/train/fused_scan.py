"""The recurrences of scan.py as Triton kernels, with gradients. One program walks through time for one text and a block
of channels, with the state in registers. All arithmetic is float32; inputs may be bfloat16.

The forward pass of `selective_scan` stores its states, [batch, time, channel, state] in float32, for the backward pass:
half a gigabyte a layer for 128 texts of 256 tokens, 512 channels and 8 states.
"""
import torch
import triton
import triton.language as tl


@triton.jit
def _linear_forward(decay, x, hidden, time, channels, BLOCK: tl.constexpr):
    channel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = channel < channels
    at = tl.program_id(0).to(tl.int64) * time * channels + channel
    state = tl.zeros([BLOCK], tl.float32)
    for t in range(time):
        a = tl.load(decay + at, mask=inside, other=0.0).to(tl.float32)
        state = a * state + tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
        tl.store(hidden + at, state, mask=inside)
        at += channels


@triton.jit
def _linear_backward(decay, hidden, d_hidden, d_decay, d_x, time, channels, BLOCK: tl.constexpr):
    channel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = channel < channels
    at = (tl.program_id(0).to(tl.int64) * time + time - 1) * channels + channel
    # What the loss owes to the state of step t through all later steps.
    owed = tl.zeros([BLOCK], tl.float32)
    for i in range(time):
        owed += tl.load(d_hidden + at, mask=inside, other=0.0).to(tl.float32)
        before = tl.load(hidden + at - channels, mask=inside & (i < time - 1), other=0.0)
        tl.store(d_x + at, owed, mask=inside)
        tl.store(d_decay + at, owed * before, mask=inside)
        owed *= tl.load(decay + at, mask=inside, other=0.0).to(tl.float32)
        at -= channels


class LinearRecurrence(torch.autograd.Function):
    BLOCK = 64

    @staticmethod
    def forward(ctx, decay, x):
        decay, x = decay.contiguous(), x.contiguous()
        batch, time, channels = x.shape
        hidden = torch.empty(x.shape, dtype=torch.float32, device=x.device)
        block = LinearRecurrence.BLOCK
        _linear_forward[(batch, triton.cdiv(channels, block))](decay, x, hidden, time, channels, BLOCK=block,
                                                               num_warps=2)
        ctx.save_for_backward(decay, hidden)
        ctx.x_type = x.dtype
        return hidden

    @staticmethod
    def backward(ctx, d_hidden):
        decay, hidden = ctx.saved_tensors
        batch, time, channels = hidden.shape
        d_decay = torch.empty_like(decay)
        d_x = torch.empty(hidden.shape, dtype=ctx.x_type, device=hidden.device)
        block = LinearRecurrence.BLOCK
        _linear_backward[(batch, triton.cdiv(channels, block))](decay, hidden, d_hidden.contiguous(), d_decay, d_x, time,
                                                                channels, BLOCK=block, num_warps=2)
        return d_decay, d_x


@triton.jit
def _selective_forward(x, step, a, b, c, y, hidden, time, channels, STATES: tl.constexpr, BLOCK: tl.constexpr):
    channel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    state = tl.arange(0, STATES)
    cell = channel[:, None] * STATES + state[None, :]
    rate = tl.load(a + cell)
    row = tl.program_id(0).to(tl.int64) * time
    h = tl.zeros([BLOCK, STATES], tl.float32)
    for t in range(time):
        dt = tl.load(step + row * channels + channel).to(tl.float32)
        value = tl.load(x + row * channels + channel).to(tl.float32)
        into = tl.load(b + row * STATES + state).to(tl.float32)
        out = tl.load(c + row * STATES + state).to(tl.float32)
        h = tl.exp(dt[:, None] * rate) * h + (dt * value)[:, None] * into[None, :]
        tl.store(hidden + row * channels * STATES + cell, h)
        tl.store(y + row * channels + channel, tl.sum(h * out[None, :], 1))
        row += 1


@triton.jit
def _selective_backward(x, step, a, b, c, hidden, d_y, d_x, d_step, d_a, d_b, d_c, time, channels, batch,
                        STATES: tl.constexpr, BLOCK: tl.constexpr):
    text = tl.program_id(0).to(tl.int64)
    block = tl.program_id(1)
    channel = block * BLOCK + tl.arange(0, BLOCK)
    state = tl.arange(0, STATES)
    cell = channel[:, None] * STATES + state[None, :]
    rate = tl.load(a + cell)
    row = text * time + time - 1
    # b and c serve all channels: each block of channels writes its share of their gradients, [block, text, time, state].
    share = (block.to(tl.int64) * batch * time + row) * STATES + state
    h = tl.load(hidden + row * channels * STATES + cell)
    owed = tl.zeros([BLOCK, STATES], tl.float32)
    d_rate = tl.zeros([BLOCK, STATES], tl.float32)
    for i in range(time):
        dt = tl.load(step + row * channels + channel).to(tl.float32)
        value = tl.load(x + row * channels + channel).to(tl.float32)
        into = tl.load(b + row * STATES + state).to(tl.float32)
        out = tl.load(c + row * STATES + state).to(tl.float32)
        wanted = tl.load(d_y + row * channels + channel).to(tl.float32)
        before = tl.load(hidden + (row - 1) * channels * STATES + cell, mask=(cell >= 0) & (i < time - 1), other=0.0)
        owed += wanted[:, None] * out[None, :]
        tl.store(d_c + share, tl.sum(wanted[:, None] * h, 0))
        tl.store(d_b + share, tl.sum(owed * (dt * value)[:, None], 0))
        through_input = tl.sum(owed * into[None, :], 1)
        decay = tl.exp(dt[:, None] * rate)
        through_decay = owed * before * decay  # gradient of dt * rate
        tl.store(d_x + row * channels + channel, through_input * dt)
        tl.store(d_step + row * channels + channel, through_input * value + tl.sum(through_decay * rate, 1))
        d_rate += through_decay * dt[:, None]
        owed *= decay
        h = before
        row -= 1
        share -= STATES
    tl.store(d_a + text * channels * STATES + cell, d_rate)


class SelectiveScan(torch.autograd.Function):
    BLOCK = 64

    @staticmethod
    def forward(ctx, x, step, a, b, c):
        x, step, a, b, c = (tensor.contiguous() for tensor in (x, step, a.float(), b, c))
        batch, time, channels = x.shape
        states = a.shape[1]
        block = SelectiveScan.BLOCK
        if channels % block != 0:
            raise ValueError(f"{channels} channels are no multiple of {block}")
        y = torch.empty(x.shape, dtype=torch.float32, device=x.device)
        hidden = torch.empty((batch, time, channels, states), dtype=torch.float32, device=x.device)
        _selective_forward[(batch, channels // block)](x, step, a, b, c, y, hidden, time, channels, STATES=states,
                                                       BLOCK=block, num_warps=4)
        ctx.save_for_backward(x, step, a, b, c, hidden)
        return y

    @staticmethod
    def backward(ctx, d_y):
        x, step, a, b, c, hidden = ctx.saved_tensors
        batch, time, channels = x.shape
        states = a.shape[1]
        blocks = channels // SelectiveScan.BLOCK
        d_x, d_step = torch.empty_like(x), torch.empty_like(step)
        d_a = torch.empty((batch, channels, states), dtype=torch.float32, device=x.device)
        d_b = torch.empty((blocks, batch, time, states), dtype=torch.float32, device=x.device)
        d_c = torch.empty_like(d_b)
        _selective_backward[(batch, blocks)](x, step, a, b, c, hidden, d_y.contiguous(), d_x, d_step, d_a, d_b, d_c,
                                             time, channels, batch, STATES=states, BLOCK=SelectiveScan.BLOCK,
                                             num_warps=4)
        return d_x, d_step, d_a.sum(0), d_b.sum(0).to(b.dtype), d_c.sum(0).to(c.dtype)
