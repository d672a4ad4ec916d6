"""A model's curves made livelier, frame by frame."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from speechface.liveliness.eyes import Blinks, Gaze
from speechface.liveliness.head import Head
from speechface.liveliness.settings import LifeSettings
from speechface.liveliness.voice import Voice

__all__ = ["Life", "blended"]

#: Beginning of a channel's name -> region of the face, a setting's name; all others belong to the mouth.
_REGIONS = {"brow": "brows", "eye": "eyes"}
#: How long a model's own motion is remembered, and from what it is told, s.
_MEMORY_S, _MEAN_S = 4.0, 5.0
#: A model's own motion, from where it is none up to where nothing is added: weights, and degrees of the head.
_OWN = {"blinks": (0.25, 0.45), "gaze": (0.06, 0.15), "brows": (0.15, 0.35), "head": (1.5, 3.5)}


class _Own:
    """How much a model moves some of its outputs, causally: the largest departure from their running mean."""

    def __init__(self, limits: tuple[float, float], step: float) -> None:
        self._limits = limits
        self._forget, self._follow = math.exp(-step / _MEMORY_S), 1 - math.exp(-step / _MEAN_S)
        self._mean: list[float] = []
        self._most = 0.0

    def push(self, values: list[float]) -> float:
        """Take the values of the next frame; return the part of added motion that is wanted beside them, 0 to 1."""
        if not values:
            return 1.0
        follow = self._follow
        self._mean = values if not self._mean else [m + follow * (v - m) for m, v in zip(self._mean, values)]
        self._most = max(self._most * self._forget, *(abs(v - m) for m, v in zip(self._mean, values)))
        low, high = self._limits
        return 1 - min(max((self._most - low) / (high - low), 0.0), 1.0)


class Life:
    """Adds what a model leaves out, scales the regions of the face and smooths the curves; causal, block by block.

    Parameters
    ----------
    settings : `LifeSettings`
    channels : names of the weights
    fps : frames a second
    seed : int, of all that is drawn
    """

    def __init__(self, settings: LifeSettings, *, channels: Sequence[str], fps: float, seed: int = 0) -> None:
        self.settings, self.channels, self.fps, self.seed = settings, tuple(channels), float(fps), int(seed)
        self._column = {name: k for k, name in enumerate(self.channels)}
        regions = [next((r for s, r in _REGIONS.items() if name.startswith(s)), "mouth") for name in self.channels]
        self._factors = np.array([getattr(settings, region) for region in regions], np.float32)
        self._frame = 0
        step = 1 / self.fps
        self._smoothed: np.ndarray | None = None
        self._follow = 1.0
        if settings.smoothing_ms:
            self._follow = 1 - math.exp(-step / (settings.smoothing_ms / 1000))
        self._blinks = Blinks(settings, fps=self.fps, seed=seed)
        self._gaze = Gaze(settings, fps=self.fps, seed=seed)
        self._head = Head(settings, fps=self.fps, seed=seed)
        self._voice = Voice(self.fps)
        self._own = {name: _Own(limits, step) for name, limits in _OWN.items()}
        self._watched = {
            "blinks": self._columns("eyeBlink"),
            "gaze": self._columns("eyeLook"),
            "brows": self._columns("brow"),
        }

    def _columns(self, stem: str) -> list[int]:
        return [k for name, k in self._column.items() if name.startswith(stem)]

    @property
    def facts(self) -> dict[str, Any]:
        """What an animation's metadata say of it: JSON values."""
        settings = self.settings
        added = {
            "blinks": settings.blink_depth, "gaze": settings.gaze_degrees, "brows": settings.brow_raise,
            "head": settings.drift_degrees + settings.nod_degrees,
        }  # fmt: skip
        return {
            "added_where_the_model_gives_none": [name for name, amount in added.items() if amount],
            "seed": self.seed,
            "settings": settings.dump(),
        }

    def push(self, weights: np.ndarray, rotations: np.ndarray, levels_db: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Make the next frames livelier.

        Parameters
        ----------
        weights : ndarray (n, n_channels), of the model
        rotations : ndarray (n, 3), radians, of the model; zeros if not modelled
        levels_db : ndarray (n,), level of the sound in each frame, dB of full scale

        Returns
        -------
        weights, rotations : ndarray (n, n_channels), (n, 3), float32
        """
        weights, rotations = np.array(weights, np.float32), np.array(rotations, np.float32)
        for k, level in enumerate(np.asarray(levels_db, np.float64).tolist()):
            self._one(weights[k], rotations[k], level)
        return weights, rotations

    def _one(self, weights: np.ndarray, rotations: np.ndarray, level_db: float) -> None:
        """Change one frame in place."""
        time = self._frame / self.fps
        self._frame += 1
        self._voice.push(level_db)
        values = weights.tolist()
        wanted = {name: self._own[name].push([values[k] for k in own]) for name, own in self._watched.items()}
        wanted["head"] = self._own["head"].push([math.degrees(angle) for angle in rotations.tolist()])
        if self._follow < 1:
            joined = np.concatenate([weights, rotations])
            last = joined if self._smoothed is None else self._smoothed
            self._smoothed = last + np.float32(self._follow) * (joined - last)
            weights[:], rotations[:] = self._smoothed[: len(weights)], self._smoothed[len(weights) :]
        weights *= self._factors
        self._head.push(time, self._voice)
        rotations += np.radians(np.array(self._head.degrees, np.float32)) * np.float32(wanted["head"])
        rotations *= np.float32(self.settings.head)
        self._look(weights, rotations, time, wanted["gaze"] * self.settings.eyes)
        blink = self.settings.eyes * self._blinks.push(time, self._voice, wanted["blinks"])
        for column in self._watched["blinks"]:
            weights[column] = max(weights[column], blink)
        raised = self._head.brows * wanted["brows"] * self.settings.brows
        for name, part in (("browInnerUp", 1.0), ("browOuterUpLeft", 0.7), ("browOuterUpRight", 0.7)):
            if name in self._column:
                weights[self._column[name]] += np.float32(part * raised)
        np.clip(weights, 0, 1, out=weights)

    def _look(self, weights: np.ndarray, rotations: np.ndarray, time: float, amount: float) -> None:
        """Turn the eyes to where they look in the room, against the head's own turn, and let the lids follow."""
        left, down = self._gaze.push(time)
        if not self.settings.gaze_degrees or amount <= 0:
            return
        left -= math.degrees(rotations[1])
        down -= math.degrees(rotations[0])
        scale = amount / self.settings.eye_degrees
        for side, out in (("Left", left * scale), ("Right", -left * scale)):
            self._add(weights, ("eyeLookOut" if out > 0 else "eyeLookIn") + side, abs(out))
            self._add(weights, ("eyeLookDown" if down > 0 else "eyeLookUp") + side, abs(down) * scale)
            lid = ("eyeBlink" if down > 0 else "eyeWide") + side
            self._add(weights, lid, self.settings.lids_follow * abs(down) * scale)

    def _add(self, weights: np.ndarray, name: str, amount: float) -> None:
        if name in self._column:
            weights[self._column[name]] += np.float32(amount)


def blended(
    weights: np.ndarray, rotations: np.ndarray, *, fps: float, settings: LifeSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Let a whole recording begin and end with the face at rest.

    Parameters
    ----------
    weights, rotations : ndarray (n, n_channels), (n, 3)
    fps : frames a second
    settings : `LifeSettings`, of which `blend_in_s` and `blend_out_s` count; they share a recording that is shorter

    Returns
    -------
    weights, rotations : the same, float32; the first and the last frame are zero where there is time to blend
    """
    n = len(weights)
    scale = np.ones(n)
    blends = np.array([settings.blend_in_s, settings.blend_out_s]) * float(fps)
    blends *= min(1.0, n / max(blends.sum(), 1e-9))
    for frames, order in zip(blends, (slice(None), slice(None, None, -1))):
        if frames >= 1:
            part = np.clip(np.arange(n) / frames, 0, 1)
            scale[order] = np.minimum(scale[order], part * part * (3 - 2 * part))
    scale = scale[:, None].astype(np.float32)
    return np.asarray(weights, np.float32) * scale, np.asarray(rotations, np.float32) * scale
