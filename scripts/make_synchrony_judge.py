"""Train the judge of `speechface.audio.synchrony` on clips that are in step, and write it.

    python scripts/make_synchrony_judge.py CLIPS.npz... --out src/speechface/audio/synchrony_judge.npz
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from speechface.audio import synchrony

N_CURVES = 16
#: Kernel size, dilation and width of the layers of both sides.
SOUND = ((5, 1, 48), (5, 2, 48), (5, 4, 48), (1, 1, N_CURVES))
LIPS = ((9, 1, 16), (9, 3, 16), (1, 1, N_CURVES))
#: Hops of one training piece, at most and at least, and of the delays that are told apart to each side.
LONGEST, SHORTEST, REACH = 300, 150, 50
#: Delays and hops that are compared: every second one, for speed.
STEP = 2
#: The true delay is a bell of this width, hops.
BLUR = 1.0


class Side(nn.Module):
    """Convolutions that keep the length, rectified between."""

    def __init__(self, n_in, layers):
        super().__init__()
        self.layers = nn.ModuleList()
        for size, dilation, width in layers:
            self.layers.append(nn.Conv1d(n_in, width, size, dilation=dilation))
            n_in = width

    def forward(self, values, dropout=0.0):
        for k, layer in enumerate(self.layers):
            if k:
                values = functional.dropout(functional.relu(values), dropout, self.training)
            reach = layer.dilation[0] * (layer.kernel_size[0] // 2)
            values = layer(functional.pad(values, (reach, reach), mode="replicate"))
        return values


def varied(bands, curve, rng):
    """One piece of a clip as another voice in another room would say it: bands (n + 2 REACH, N_BANDS), curve (n,)."""
    n_bands = bands.shape[1]
    length = int(rng.integers(SHORTEST, LONGEST + 1))
    speed = np.exp(rng.uniform(-0.2, 0.2))
    warp = np.exp(rng.uniform(-0.2, 0.2))
    span = length * speed
    start = rng.uniform(0, max(len(curve) - span, 0))
    at = np.clip(start + np.arange(length) * speed, 0, len(curve) - 1)
    lips = np.interp(at, np.arange(len(curve)), curve)
    rows = start + np.arange(-REACH, length + REACH) * speed
    outside = (rows < 0) | (rows > len(bands) - 1)
    low = np.clip(np.floor(rows).astype(int), 0, len(bands) - 2)
    part = np.clip(rows - low, 0, 1)[:, None]
    sound = bands[low] * (1 - part) + bands[low + 1] * part
    # a longer or shorter vocal tract, another microphone, noise of its own colour
    place = np.clip(np.arange(n_bands) * warp + rng.uniform(-1, 1), 0, n_bands - 1)
    left = np.minimum(place.astype(int), n_bands - 2)
    right = (place - left)[None]
    sound = sound[:, left] * (1 - right) + sound[:, left + 1] * right
    sound[outside] = -1
    knots = np.linspace(0, n_bands - 1, 5)
    colour = np.interp(np.arange(n_bands), knots, rng.normal(0, 0.2, 5))
    floor = rng.uniform(-1.2, 0) + np.interp(np.arange(n_bands), knots, rng.normal(0, 0.2, 5))
    sound = np.where(sound > -1, sound + colour, sound)
    sound = np.clip(np.maximum(sound, floor + rng.normal(0, 0.07, sound.shape) * (floor > -1)), -1, 1)
    lips = lips + np.interp(np.arange(length), np.arange(0, length + 4, 4), rng.normal(0, 0.1, -(-(length + 4) // 4)))
    return sound.astype(np.float32), ((lips - lips.mean()) / max(lips.std(), 1e-3)).astype(np.float32)


def batch_of(clips, size, rng):
    """Pieces of `size` clips padded to one length: sound (B, bands, L + 2 REACH), lips (B, 1, L), their lengths."""
    chosen = rng.choice(len(clips), size, replace=len(clips) < size)
    sound = np.full((size, synchrony.N_BANDS, LONGEST + 2 * REACH), -1, np.float32)
    lips = np.zeros((size, 1, LONGEST), np.float32)
    mask = np.zeros((size, 1, LONGEST), np.float32)
    for k, index in enumerate(chosen):
        one, curve = varied(*clips[index], rng)
        sound[k, :, : len(one)], lips[k, 0, : len(curve)], mask[k, 0, : len(curve)] = one.T, curve, 1
    return torch.from_numpy(sound), torch.from_numpy(lips), torch.from_numpy(mask)


def train(clips, *, steps=600, size=24, rate=3e-3, dropout=0.2, decay=0.05, seed=0, report=None):
    """Return (sound, lips, scale) trained on `clips`, a list of (bands, curve) that are in step."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sound, lips = Side(synchrony.N_BANDS, SOUND), Side(1, LIPS)
    scale = nn.Parameter(torch.tensor(-2.0))
    weights = [*sound.parameters(), *lips.parameters()]
    optimiser = torch.optim.AdamW([{"params": weights, "weight_decay": decay}, {"params": [scale], "weight_decay": 0}], rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    bell = torch.exp(-0.5 * (torch.arange(-REACH, REACH + 1, STEP) / BLUR) ** 2)
    bell /= bell.sum()
    total = 0.0
    for step in range(steps):
        heard, curve, mask = batch_of(clips, size, rng)
        a = sound(heard, dropout)
        v = lips(curve, dropout) * mask
        v = (v - v.sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)) * mask
        moved = a.unfold(-1, LONGEST, 1)[:, :, ::STEP, ::STEP].permute(0, 2, 1, 3).reshape(size * len(bell), -1)
        scores = (v[:, :, ::STEP].reshape(size, -1) @ moved.T) * STEP * torch.exp(scale) / 10
        scores = scores.reshape(size, size, len(bell))
        own = scores[torch.arange(size), torch.arange(size)]
        loss = -(own.log_softmax(-1) * bell).sum(-1).mean()
        strangers = scores.logsumexp(-1).log_softmax(-1)
        loss = loss - 0.5 * strangers[torch.arange(size), torch.arange(size)].mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
        total += loss.item()
        if report and (step + 1) % 100 == 0:
            report(step + 1, total / 100)
            total = 0.0
    return sound.eval(), lips.eval(), float(torch.exp(scale.detach())) / 10


def judge_of(sound, lips, scale):
    """The trained sides as a `synchrony.Judge`."""
    sides = [
        [(layer.weight.detach().numpy().transpose(2, 1, 0), layer.bias.detach().numpy(), layer.dilation[0]) for layer in side.layers]
        for side in (sound, lips)
    ]
    return synchrony.Judge(*sides, scale=scale)
