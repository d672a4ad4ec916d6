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
        follow = self._follow
        mean = self._mean = [m + follow * (v - m) for m, v in zip(self._mean or values, values)]
        self._most = max([self._most * self._forget, *[abs(v - m) for m, v in zip(mean, values)]])
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
        self._own = [_Own(limits, step) for limits in _OWN.values()]  # in the order of `_watched`, then the head
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
        levels = np.asarray(levels_db, np.float64).tolist()
        watched = [weights[:, own].tolist() for own in self._watched.values()] + [np.degrees(rotations).tolist()]
        added = np.array([self._next(level, own) for level, own in zip(levels, zip(*watched))]).reshape(-1, 8)
        self._smooth(weights, rotations)
        weights *= self._factors
        rotations += np.radians(added[:, :3]).astype(np.float32)
        rotations *= np.float32(self.settings.head)
        self._look(weights, rotations, *added[:, 3:6].T)
        blinks, brows = added[:, 6].astype(np.float32), added[:, 7].astype(np.float32)
        for column in self._watched["blinks"]:
            np.maximum(weights[:, column], blinks, out=weights[:, column])
        for name, part in (("browInnerUp", 1.0), ("browOuterUpLeft", 0.7), ("browOuterUpRight", 0.7)):
            self._add(weights, name, np.float32(part) * brows)
        np.clip(weights, 0, 1, out=weights)
        return weights, rotations

    def _next(self, level_db: float, watched: Sequence[list[float]]) -> tuple[float, ...]:
        """What is added to the next frame, of which the model gives `watched`: turns of the head (3), degrees; where
        the eyes look in the room (2), degrees, and how much of it is wanted; blink and brows, weights."""
        time = self._frame / self.fps
        self._frame += 1
        self._voice.push(level_db)
        blinks, gaze, brows, head = (own.push(values) for own, values in zip(self._own, watched))
        self._head.push(time, self._voice)
        settings = self.settings
        left, down = self._gaze.push(time)
        blink = settings.eyes * self._blinks.push(time, self._voice, blinks)
        x, y, z = self._head.degrees
        raised = self._head.brows * brows * settings.brows
        return head * x, head * y, head * z, left, down, gaze * settings.eyes, blink, raised

    def _smooth(self, weights: np.ndarray, rotations: np.ndarray) -> None:
        """Smooth the model's curves in place."""
        if self._follow == 1:
            return
        joined = np.concatenate([weights, rotations], 1)
        for row in joined:
            last = row if self._smoothed is None else self._smoothed
            row[:] = self._smoothed = last + np.float32(self._follow) * (row - last)
        weights[:], rotations[:] = joined[:, : weights.shape[1]], joined[:, weights.shape[1] :]

    def _look(
        self, weights: np.ndarray, rotations: np.ndarray, left: np.ndarray, down: np.ndarray, amount: np.ndarray
    ) -> None:
        """Turn the eyes to where they look in the room, against the head's own turn, and let the lids follow."""
        if not self.settings.gaze_degrees:
            return
        scale = amount / self.settings.eye_degrees
        left = ((left - np.degrees(rotations[:, 1])) * scale).astype(np.float32)
        down = ((down - np.degrees(rotations[:, 0])) * scale).astype(np.float32)
        follow = np.float32(self.settings.lids_follow)
        for side, out in (("Left", left), ("Right", -left)):
            self._add(weights, "eyeLookOut" + side, np.maximum(out, 0))
            self._add(weights, "eyeLookIn" + side, np.maximum(-out, 0))
            self._add(weights, "eyeLookDown" + side, np.maximum(down, 0))
            self._add(weights, "eyeLookUp" + side, np.maximum(-down, 0))
            self._add(weights, "eyeBlink" + side, follow * np.maximum(down, 0))
            self._add(weights, "eyeWide" + side, follow * np.maximum(-down, 0))

    def _add(self, weights: np.ndarray, name: str, amount: np.ndarray) -> None:
        if name in self._column:
            weights[:, self._column[name]] += amount


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
