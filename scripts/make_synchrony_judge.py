"""Train the judge of `speechface.audio.synchrony` on clips that are in step, and write it.

    python scripts/make_synchrony_judge.py RESULTS --dataset grid --out src/speechface/audio/synchrony_judge.npz

RESULTS is a run of tests/configs/real_clips.yaml up to labels (GRID speaker s1, CC BY 4.0: Cooke et al. 2006,
doi:10.1121/1.2229005): its landmarks, its sound and its rig. Sentences that the demo's actors say are made on the spot,
without images: they bring the voices that one speaker has not. Each of MEMBERS judges leaves out every sixth
clip of the real speaker, another sixth each, and is measured there; the file holds all of them.
"""

import argparse
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from speechface.audio import synchrony

MEMBERS, FOLDS = 3, 6
N_CURVES = 16
#: Kernel size, dilation and width of the layers of both sides.
SOUND = ((5, 1, 48), (5, 2, 48), (5, 4, 48), (1, 1, N_CURVES))
LIPS = ((9, 1, 16), (9, 3, 16), (1, 1, N_CURVES))
#: Hops of a piece of a clip, at most and at least, and of the delays that are told apart to each side.
LONGEST, SHORTEST, REACH = 300, 150, 50
#: Delays and hops that are compared: every second one, for speed.
STEP = 2
#: The true delay is a bell of this width, hops.
BLUR = 1.0
#: Delays at which held-out clips are tried, ms.
MOVES_MS = (-200, -80, 0, 80, 200)
#: What the demo's actors say, six sentences each.
SENTENCES = (
    "The blue boat moved slowly past the harbour wall",
    "We should leave before the morning traffic begins",
    "My brother bought five small yellow apples",
    "Please bring the heavy box from the upper floor",
    "A warm wind was blowing over the open fields",
    "Nobody believed what the old farmer told them",
    "They played football behind the empty warehouse",
    "She whispered a few words and then closed the door",
    "Most people prefer a simple answer to a good one",
    "Put the paper on the table beside the window",
    "I hope the weather will be fine for our picnic",
    "Every Thursday he visits his mother in the village",
    "The boy jumped over the puddle and laughed",
    "Can you remember the number of the house",
    "Above the valley the clouds were turning purple",
    "How much money do we have for the bus",
    "Give me another minute to think about it",
    "The waiter forgot to bring our coffee",
    "A famous painter lived in this room for years",
    "We found the missing key under a pile of books",
    "Bin blue at f two now",
    "Place white with p nine soon",
    "Lay green by m four please",
    "Set red in b seven again",
)
N_ACTORS, SENTENCES_EACH = 24, 6
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
#: Uncertainty of lip points on real faces, of the distance of the eyes' outer corners.
NOISE = 0.004


class Side(nn.Module):
    """Convolutions that keep the length, rectified between."""

    def __init__(self, n_in, layers):
        super().__init__()
        self.layers = nn.ModuleList()
        for size, dilation, width in layers:
            self.layers.append(nn.Conv1d(n_in, width, size, dilation=dilation))
            n_in = width

    def forward(self, values: torch.Tensor, dropout: float = 0.0) -> torch.Tensor:
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
    """Return a `synchrony.Judge` trained on `clips`, a list of (bands, curve) that are in step.

    Every piece's lips are laid against its own sound at all delays, and against the sound of the others: the loss is
    the surprise at the true delay and, with half its weight, at the own sound.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sound, lips = Side(synchrony.N_BANDS, SOUND), Side(1, LIPS)
    scale = nn.Parameter(torch.tensor(-2.0))
    weights = [*sound.parameters(), *lips.parameters()]
    optimiser = torch.optim.AdamW(
        [{"params": weights, "weight_decay": decay}, {"params": [scale], "weight_decay": 0}], rate
    )
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
    sides = [
        [
            (layer.weight.detach().numpy().transpose(2, 1, 0), layer.bias.detach().numpy(), layer.dilation[0])
            for layer in side.layers
        ]
        for side in (sound, lips)
    ]
    return synchrony.Judge(*sides, scale=float(torch.exp(scale.detach())) / 10)


def real_clips(results, dataset):
    """Clips (gap, times, audio, sr) of a data set in a run's tables; those with a frame without a face are left out."""
    from speechface.clip_tables import ClipTables
    from speechface.commands.estimate_delay import lips_and_sound

    points, sounds = (
        ClipTables(sorted((results / stage / dataset).glob("*.parquet"))) for stage in ("landmarks", "audio")
    )
    clips = [lips_and_sound(points, sounds, clip_id) for clip_id in sorted(points) if points.read(clip_id).usable]
    return [clip for clip in clips if np.isfinite(clip[0]).all()]


def demo_clips(rig_path):
    """Clips (gap, times, audio, sr) of what the demo's actors say, from the rig's own lips."""
    from speechface.geometry.ibug import interocular, lip_gap
    from speechface.rig.rig import Rig
    from speechface.synthesis.performance import perform

    rig, rng, clips = Rig.load(rig_path), np.random.default_rng(0), []
    for actor in range(1, N_ACTORS + 1):
        for turn in range(SENTENCES_EACH):
            emotion = int(rng.integers(len(EMOTIONS)))
            made = perform(
                actor, f"01-01-{emotion + 1:02d}-01-{turn + 1:02d}-01-{actor:02d}",
                statement=SENTENCES[(actor * 7 + turn * 5) % len(SENTENCES)], emotion=EMOTIONS[emotion],
                intensity="normal", seed=5, frame_rate=Fraction(30000, 1001), sr=44100,
            )  # fmt: skip
            face = rig.neutral[rig.landmarks] + rig.displacement(made.weights, rig.landmarks)
            gap = lip_gap(face) / interocular(face).mean()
            clips.append((gap + rng.normal(0, NOISE, len(gap)), made.times, made.audio, made.sr))
    return clips


def errors(clips, judge):
    """Errors (n,), ms, of the delays of clips moved by each of `MOVES_MS`."""
    found = []
    for gap, times, audio, sr in clips:
        for move in MOVES_MS:
            silence = np.zeros(round(abs(move) / 1000 * sr), np.float32)
            moved = np.concatenate([silence, audio] if move > 0 else [audio[len(silence) :], silence])
            curve = synchrony.agreement(gap, times, moved, sr=sr, panel=[judge])
            found.append(synchrony.synchrony(curve).delay_ms - move)
    return np.array(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of a run with landmarks, audio and rig")
    parser.add_argument("--dataset", default="grid", help="data set in step, of one speaker")
    parser.add_argument("--steps", type=int, default=600, help="of training, each judge")
    parser.add_argument("--out", required=True, help=".npz to write")
    args = parser.parse_args()
    torch.set_num_threads(1)
    real, demo = real_clips(args.results, args.dataset), demo_clips(args.results / "rig" / "rig.npz")

    def trained_on(gap, times, audio, sr):
        first = round(float(times[0]) / synchrony.HOP_S)
        return synchrony.sound_bands(audio, sr=sr)[first:], synchrony.lip_curve(gap, times)

    def progress(step, loss):
        print(f"  step {step:4}  loss {loss:.3f}", flush=True)

    panel = []
    for member in range(MEMBERS):
        kept = [clip for k, clip in enumerate(real) if k % FOLDS != member]
        clips = [trained_on(*clip) for clip in kept + demo]
        panel.append(train(clips, steps=args.steps, seed=member, report=progress))
        away = np.abs(errors(real[member::FOLDS], panel[-1]))
        near, far = np.mean(away <= 20), np.mean(away <= 40)
        print(f"judge {member}, held-out clips: {near:.0%} within 20 ms, {far:.0%} within 40 ms", flush=True)
    synchrony.write_judges(args.out, panel)


if __name__ == "__main__":
    main()
