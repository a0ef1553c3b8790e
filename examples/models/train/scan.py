"""The two recurrences of the hybrids, over whole sequences, for training.

`linear_recurrence` is the RG-LRU's, `selective_scan` Mamba's. Each is written twice: as a loop over time that says what
is computed and that autograd differentiates (any device, any precision), and as one Triton kernel a direction
(fused_scan.py), which the loop is the test of. Tensors on a GPU take the kernels.
"""
import torch

try:
    import fused_scan
except ImportError:  # no Triton: the loops serve
    fused_scan = None


def linear_recurrence(decay, x):
    """h_t = decay_t * h_{t-1} + x_t, h_{-1} = 0, for every channel alone.

    decay, x: [batch, time, channel]; gives h in the same shape, float32 on a GPU.
    """
    if fused_scan and x.is_cuda:
        return fused_scan.LinearRecurrence.apply(decay, x)
    return linear_recurrence_loop(decay, x)


def linear_recurrence_loop(decay, x):
    hidden = torch.zeros_like(x[:, 0])
    states = []
    for t in range(x.shape[1]):
        hidden = decay[:, t] * hidden + x[:, t]
        states.append(hidden)
    return torch.stack(states, 1)


def selective_scan(x, step, a, b, c):
    """h_t = exp(step_t * a) * h_{t-1} + step_t * x_t * b_t, h_{-1} = 0; y_t = sum over states of h_t * c_t.

    x, step: [batch, time, channel]; a: [channel, state]; b, c: [batch, time, state]; gives y like x, float32 on a GPU.
    Source: Gu & Dao 2023, arXiv 2312.00752, algorithm 2, without the skip connection.
    """
    if fused_scan and x.is_cuda:
        return fused_scan.SelectiveScan.apply(x, step, a, b, c)
    return selective_scan_loop(x, step, a, b, c)


def selective_scan_loop(x, step, a, b, c):
    hidden = torch.zeros_like(x[:, 0, :, None] * a)
    outputs = []
    for t in range(x.shape[1]):
        decay = torch.exp(step[:, t, :, None] * a)
        hidden = decay * hidden + (step[:, t] * x[:, t])[:, :, None] * b[:, t, None, :]
        outputs.append((hidden * c[:, t, None, :]).sum(-1))
    return torch.stack(outputs, 1)
