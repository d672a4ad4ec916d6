"""A face that follows sound while it is still coming: `Stream`.

Sound goes in, in blocks of any size; frames come out as soon as their sound is there. Together they are what the whole
recording gives at once.
"""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from speechface.audio import features
from speechface.audio.levels import Leveller, LevelSettings
from speechface.audio.windows import frame_end_samples
from speechface.errors import ModelError
from speechface.liveliness import Life, LifeSettings
from speechface.networks.families.base import Predictor
from speechface.rig.channels import ROTATIONS

__all__ = ["Frames", "Stream", "frame_levels"]

LOG = logging.getLogger(__name__)

#: Sound is worked on in pieces of this length at most, s, so that a long block needs no more memory than a short one.
_PIECE_S = 10.0


@dataclass(frozen=True)
class Frames:
    """Consecutive frames of an animation.

    Parameters
    ----------
    first : int, number of the first
    times : ndarray (n,), s, when they show; 0 is the first sample
    weights : ndarray (n, n_channels), float32 in [0, 1], in the order of `Stream.channels`
    rotations : ndarray (n, 3), float32, radians (x, y, z), see `speechface.geometry.rotation`; zeros if not modelled
    levels_db : ndarray (n,), float32, level of the sound while each frame shows, dB of full scale
    """

    first: int
    times: np.ndarray
    weights: np.ndarray
    rotations: np.ndarray
    levels_db: np.ndarray

    def __len__(self) -> int:
        return len(self.times)


class _Ring:
    """The latest samples of a sound; what is no longer needed makes room."""

    def __init__(self) -> None:
        self.start = self.stop = 0  # of what is kept, samples since the beginning
        self._buffer = np.zeros(1 << 16, np.float32)

    def push(self, block: np.ndarray, keep_from: int) -> None:
        """Append samples; those before sample `keep_from` may be forgotten."""
        offset = self.stop - self.start
        if offset + len(block) > len(self._buffer):
            start = min(max(keep_from, self.start), self.stop)
            kept = self._buffer[start - self.start : offset].copy()
            size = len(self._buffer)
            while size < 2 * len(kept) + len(block):
                size *= 2
            self._buffer = np.zeros(size, np.float32) if size != len(self._buffer) else self._buffer
            self._buffer[: len(kept)] = kept
            self.start, offset = start, len(kept)
        self._buffer[offset : offset + len(block)] = block
        self.stop += len(block)

    def since(self, sample: int) -> tuple[np.ndarray, int]:
        """Samples from `sample` on, and the number of the first."""
        first = min(max(sample, self.start), self.stop)
        return self._buffer[first - self.start : self.stop - self.start], first


class Stream:
    """Turns sound into frames while the sound is coming.

    Parameters
    ----------
    model : `speechface.networks.families.base.Predictor` that looks back only
    fps : frames a second
    sr : int, Hz, of the samples that will be pushed
    levels : `speechface.audio.levels.LevelSettings` or None
        How the level of speech is brought to one value in front of the features; None: as the model was trained.
    life : `speechface.liveliness.LifeSettings` or None
        What is added to the model's curves; None: nothing.
    seed : int, of what is drawn for it
    neutral : ndarray (n_channels,) or None, see `Predictor.predict`

    Raises
    ------
    ModelError
        If the model looks both ways, or its feature depends on the whole clip.

    Examples
    --------
    >>> stream = Stream(model, fps=30, sr=48000)
    >>> for block in microphone:
    ...     frames = stream.push(block)
    >>> frames = stream.finish()
    """

    def __init__(
        self,
        model: Predictor,
        *,
        fps: float | Fraction,
        sr: int,
        levels: LevelSettings | None = None,
        life: LifeSettings | None = None,
        seed: int = 0,
        neutral: np.ndarray | None = None,
    ) -> None:
        from speechface.media.resample import Resampler

        self.model, self.fps, self.sr = model, Fraction(fps).limit_denominator(100_000), int(sr)
        self._feature_sr = int(model.feature_settings["audio_sr"])
        self._settings = features.settings_of_table(model.feature, model.feature_settings)
        feature = features.FEATURES[model.feature]
        reach = feature.reach(self._settings, self._feature_sr)
        if model.bidirectional:
            raise ModelError(f"model '{model.name}' looks at what is still to come; a stream needs one that looks back")
        if reach is None:
            raise ModelError(
                f"model '{model.name}' takes {model.feature} made of the whole recording; a stream needs a feature "
                "whose rows depend on the sound around them, such as log_mel"
            )
        self._before, self._after = reach
        self._resampler = Resampler(self.sr, self._feature_sr)
        levels = levels or feature.levels(self._settings)
        self._leveller = None if levels is None else Leveller(levels, sr=self._feature_sr)
        self._ring, self._neutral, self._state = _Ring(), neutral, None
        self._next = self._taken = 0  # the next frame; samples that were pushed
        self._warned = False
        column = {name: k for k, name in enumerate(model.columns)}
        self.channels = tuple(name for name in model.columns if name not in ROTATIONS)
        self._weights = [column[name] for name in self.channels]
        self._rotations = [column[name] for name in ROTATIONS if name in column]
        self._life = None if life is None else Life(life, channels=self.channels, fps=float(self.fps), seed=seed)

    @property
    def delay_s(self) -> float:
        """How long after its time a frame comes out, s: frame k shows at k / fps, and needs the sound until it ends,
        what the feature looks ahead and what the resampler holds back. To this come the length of the blocks pushed
        and the time of computing.
        """
        return float(1 / self.fps) + max(self._after, 0) / self._feature_sr + self._resampler.delay_s

    def push(self, samples: np.ndarray) -> Frames:
        """Take the next samples (n,), mono, full scale 1.0, and return the frames that they complete, often none.

        Samples that are not finite count as silence.
        """
        samples = np.asarray(samples, np.float32)
        if samples.ndim != 1:
            raise ValueError(f"samples must be mono of shape (n,), found {samples.shape}")
        size = math.ceil(_PIECE_S * self.sr)
        parts = [self._push(samples[start : start + size]) for start in range(0, len(samples), size)]
        return self._joined(parts)

    def finish(self) -> Frames:
        """Tell the end of the sound and return the frames that are left; silence follows the last sample.

        There are round(duration * fps) frames in all, one at least, as in a recording that is animated as a whole.
        """
        if not self._taken:
            return self._joined([])
        self._hear(self._resampler.finish())
        total = max(1, round(Fraction(self._ring.stop, self._feature_sr) * self.fps))
        return self._joined(list(self._made(total)))

    @property
    def _frame_samples(self) -> int:
        return math.ceil(self._feature_sr / self.fps)

    @property
    def _keep_from(self) -> int:
        """The first sample that the next frame needs, on a whole second: resampled rows then fall on the same grid."""
        start = math.floor(self._next / self.fps * self._feature_sr) - max(self._before, self._frame_samples)
        return max(start // self._feature_sr * self._feature_sr, 0)

    def _push(self, samples: np.ndarray) -> Frames:
        finite = np.isfinite(samples)
        if not finite.all():
            samples = np.where(finite, samples, np.float32(0))
            if not self._warned:
                LOG.warning("the sound holds values that are not finite; they count as silence")
            self._warned = True
        self._taken += len(samples)
        self._hear(self._resampler.push(samples))
        heard = self._ring.stop - max(self._after, 0)
        return self._joined(list(self._made(math.floor(Fraction(heard, self._feature_sr) * self.fps) + 1, heard)))

    def _hear(self, block: np.ndarray) -> None:
        if len(block):
            self._ring.push(block if self._leveller is None else self._leveller.push(block), self._keep_from)

    def _made(self, stop: int, heard: int | None = None) -> Iterator[Frames]:
        """Frames up to frame `stop` whose sound ends at sample `heard` at the latest."""
        if stop <= self._next:
            return
        times = np.arange(self._next, stop + 1) / float(self.fps)
        if heard is None:  # no frame follows the last one
            times = times[:-1]
        ends = frame_end_samples(times, fps=float(self.fps), sr=self._feature_sr)[: stop - self._next]
        count = len(ends) if heard is None else int(np.searchsorted(ends, heard, "right"))
        if not count:
            return
        times, ends = times[:count], ends[:count]
        sound, first = self._ring.since(self._keep_from)
        rows = features.FEATURES[self.model.feature].compute(sound, ends - first, self._feature_sr, self._settings)
        outputs, self._state = self.model.predict_chunk(rows, self._state, self._neutral)
        self._next += count
        yield self._frames(self._next - count, times, outputs, frame_levels(sound, ends - first, self._frame_samples))

    def _frames(self, first: int, times: np.ndarray, outputs: np.ndarray, levels: np.ndarray) -> Frames:
        rotations = np.zeros((len(times), 3), np.float32)
        if self._rotations:
            rotations = np.ascontiguousarray(outputs[:, self._rotations], np.float32)
        weights = outputs[:, self._weights].astype(np.float32).clip(0, 1)
        if self._life is not None:
            weights, rotations = self._life.push(weights, rotations, levels)
        return Frames(first, times, weights, rotations, levels)

    def _joined(self, parts: list[Frames]) -> Frames:
        parts = [part for part in parts if len(part)]
        if len(parts) == 1:
            return parts[0]
        if not parts:
            empty = np.zeros(0)
            weights, rotations = np.zeros((0, len(self.channels)), np.float32), np.zeros((0, 3), np.float32)
            return Frames(self._next, empty, weights, rotations, empty.astype(np.float32))
        fields = ("times", "weights", "rotations", "levels_db")
        return Frames(parts[0].first, *(np.concatenate([getattr(part, key) for part in parts]) for key in fields))


def frame_levels(sound: np.ndarray, ends: np.ndarray, size: int) -> np.ndarray:
    """Level of the `size` samples before each end, dB of full scale."""
    parts = [sound[max(end - size, 0) : max(end, 0)] for end in ends.tolist()]
    powers = np.array([np.vdot(part, part) / size for part in parts])
    return (10 * np.log10(powers + 1e-12)).astype(np.float32)
