"""Frames in which a face is found that must not be believed: damaged, frozen, with a covered mouth, somebody else's.

A detector's points say nothing of these: behind a hand it puts a shut mouth, and is as sure of it as ever.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from speechface.landmarks.appearance import CORE, EYES, LIPS, MOUTH, UPPER
from speechface.landmarks.detector import Tracks

__all__ = [
    "COVERED", "DAMAGED", "DIM", "FAULTS", "FROZEN", "STRANGER", "boundaries", "covered", "damaged_until_key", "faults",
    "frozen", "runs_of", "trusted",
]  # fmt: skip

#: Number of a fault in the column `fault` -> what it is; 0, none.
FAULTS = (
    "", "the picture is damaged", "the picture stands still", "the mouth is covered", "somebody else's face",
    "the face is too dark or pale",
)  # fmt: skip
DAMAGED, FROZEN, COVERED, STRANGER, DIM = range(1, len(FAULTS))

#: A face whose box changes by at most so many grey levels looks like the same picture again (recorded faces: 0.1 to 3
#: from frame to frame, but 0 where somebody holds still in a dark, small or strongly compressed picture), ...
STILL_LEVELS = 0.1
#: ... and for so long, s, it stands still: longer than a frame repeated by a change of rate, ...
STILL_S = 0.2
#: ... if a face that went on meanwhile shows then: it changes by this many times what it does when it moves, ...
STILL_JUMP = 2.0
#: ... or if it lasts so long, s, or so long up to the clip's end, ...
STILL_LONG_S, STILL_END_S = 3.0, 1.0
#: ... or if all but this fraction of the clip's other frames change by so many times as much as it may: their noise
#: would show in a face that holds still, too.
STILL_FEW, STILL_NOISE = 0.1, 3.0
#: Still parts with a shorter gap between them, frames, are one: a key frame refreshes the same picture.
STILL_GAP = 2

#: A pixel of the face's picture departs from its median over the scene where it does so by more than this many times
#: its usual departure and this fraction of the face's contrast; beyond this many times that it counts no more.
_USUAL, _CONTRAST, _LARGEST = 4.0, 0.35, 3.0
#: The usual departure is told by this quantile of all, which frames with a cover do not reach, and its value for a
#: normal distribution of deviation 1.
_QUANTILE, _NORMAL = 0.3, 0.3853
#: Mean departure around the lips beyond that of brows, eyes and nose: where a cover begins, and its middle value.
COVER_BEGINS, COVER_MIDDLE = 0.12, 0.24
#: A cover lasts this long, s; shorter departures are wide open mouths, ...
COVER_S = 0.35
#: ... unless the departure is this large, from this long on.
COVER_LARGE, COVER_LARGE_S = 0.6, 0.1
#: Least frames of a scene that tell what its mouth looks like.
LEAST_FRAMES = 15
#: Lips with a smaller fraction of the eyes' contrast are none (recorded faces: 0.9 and more); grey levels a pixel below
#: which even eyes have no contrast.
FLAT, LEAST_CONTRAST = 0.3, 3.0
#: Grey levels a pixel of the face's picture to which steeper edges count: those of eyes, not of the rims of glasses.
STEEPEST = 15.0
#: A mouth that departs is wide open if its lips' gap is this large, in distances of the eyes' outer corners (speech: up
#: to 0.2), and if it has so many times its usual contrast, of teeth and the dark behind them (a hand: less than usual).
WIDE_GAP, WIDE_CONTRAST = 0.2, 1.2
#: A head that is turned to a side by so much more or less than in the mouth's usual frames (15 degrees) looks different
#: without a cover.
TURNED = 0.25
#: A face whose picture has a smaller standard deviation, grey levels, does not show where its points are (recorded
#: ones: 20 and more).
DIM_LEVELS = 2.5
#: Correlation of a face's picture with that before, below which it may be another's.
UNLIKE = 0.8


def runs_of(mask: np.ndarray) -> list[tuple[int, int]]:
    """Start and stop of the runs of true values of (n,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist()))


def _lasting(times: np.ndarray, start: int, stop: int) -> float:
    """Seconds for which the frames from `start` to before `stop` show."""
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return float(times[stop] if stop < len(times) else times[-1] + usual) - float(times[start])


def frozen(changes: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Frames of a picture that stands still: changes (n,) of `Tracks`, times (n,), s -> bool.

    Somebody who holds still may look the same for as long. What was missed tells: a face that spoke on meanwhile has
    jumped when it is seen again. Frames repeated while the face did not move harm nothing. At a clip's end there is no
    such jump, but where nearly all other frames differ by their noise, the same picture is a repeat.
    """
    same = np.nan_to_num(changes, nan=np.inf) <= STILL_LEVELS
    mask = np.zeros(len(same), bool)
    for start, stop in runs_of(same):
        mask[start:stop] = _lasting(times, start, stop) >= STILL_S - 1e-6
    for start, stop in runs_of(~mask):
        if start > 0 and stop < len(mask) and stop - start <= STILL_GAP:
            mask[start:stop] = True
    moving = changes[changes > STILL_LEVELS]
    jump = STILL_JUMP * np.median(moving) if len(moving) else np.inf
    for start, stop in runs_of(mask):
        ends = stop == len(mask)
        long = _lasting(times, start, stop) >= (STILL_END_S if ends else STILL_LONG_S)
        others = np.concatenate([changes[:start], changes[stop:]])
        others = others[np.isfinite(others)]
        if len(others) > 1 / STILL_FEW:
            long |= np.quantile(others, STILL_FEW) > STILL_NOISE * STILL_LEVELS
        after = changes[stop : stop + STILL_GAP + 1]  # images before a jump may be coded from those after it
        shown = stop + (int(np.nanargmax(after)) if np.isfinite(after).any() else 0)
        jumps = not ends and not changes[shown] < jump
        mask[start : shown if jumps else stop] = long or jumps
    return mask


def damaged_until_key(damaged: np.ndarray, key: np.ndarray, leaf: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Damaged frames (n,), bool, and those that may be made from them: decoded after one, by the `order` (n,), that is
    no `leaf` (n,), bool, and shown before the next whole one of the `key` frames (n,), bool."""
    mask, keys = damaged.copy(), np.flatnonzero(key & ~damaged)
    for k in np.flatnonzero(damaged & ~leaf):
        later = keys[order[keys] > order[k]]
        stop = later.min() if len(later) else len(mask)
        mask[:stop] |= order[:stop] >= order[k]
    return mask


def boundaries(patches: np.ndarray, seen: np.ndarray, cuts: Sequence[int]) -> list[int]:
    """Frames from which on the face may be another's: after cuts, gaps, and where it changes from one to the next.

    Parameters
    ----------
    patches : ndarray (n, height, width), see `Tracks`
    seen : ndarray (n,), bool, frames with a face
    cuts : list of int
    """
    flat = patches.reshape(len(patches), -1).astype(float)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    found = {int(cut) for cut in cuts if cut < len(seen)}
    both = np.flatnonzero(seen[1:] & seen[:-1]) + 1
    found |= set(both[(flat[both] * flat[both - 1]).sum(1) < UNLIKE].tolist())
    found |= {start for start, _ in runs_of(seen) if start > 0}
    return sorted(found - {0})


def _contrasts(patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Contrast of lips and eyes: pictures (n, height, width) -> two of (n,), grey levels a pixel."""
    values = patches.astype(np.float32)
    slope = np.hypot(np.diff(values, axis=2)[:, :-1], np.diff(values, axis=1)[:, :, :-1])
    return slope[:, *CORE].mean((1, 2)), np.minimum(slope[:, *EYES], STEEPEST).mean((1, 2))


def departure(patches: np.ndarray, usual: np.ndarray | None = None) -> np.ndarray:
    """How far each frame's mouth departs from what it looks like in its scene, beyond the upper face: pictures (n,
    height, width) of faces -> (n,), 0 for mouths as usual. The lips themselves do not count: they may open for long.
    `usual` (n,), bool: the frames that tell what it looks like, None: all."""
    import cv2

    usual = np.ones(len(patches), bool) if usual is None else usual
    smooth = np.stack([cv2.GaussianBlur(patch.astype(np.float32), (0, 0), 1.2) for patch in patches])
    rows, columns = UPPER
    upper_face = smooth[:, rows, columns]
    expected = np.median(upper_face[usual], 0)
    light = (upper_face * expected).sum((1, 2)) / np.maximum((upper_face**2).sum((1, 2)), 1e-9)
    smooth *= light[:, None, None]
    middle = np.median(smooth[usual], 0)
    away = np.abs(smooth - middle)
    contrast = middle[rows.start : MOUTH[0].stop, columns].std()
    spread = np.quantile(away[usual], _QUANTILE, axis=0) / _NORMAL
    allowed = np.maximum(_USUAL * spread, _CONTRAST * contrast + 1e-9)
    units = np.minimum(away / allowed, _LARGEST)
    units[units < 1] = 0
    around = np.zeros(units.shape[1:], bool)
    around[MOUTH] = True
    around[LIPS] = False
    return units[:, around].mean(1) - units[:, rows, columns].mean((1, 2))


def _departure_in_scene(patches: np.ndarray) -> np.ndarray:
    """`departure`, (n,), of all pictures (n, height, width) of a scene's face.

    What most frames show is the mouth, but where something stays before it for most of the scene and goes again: then
    the scene's beginning and its end depart, and look like each other. They show the mouth.
    """
    found = departure(patches)
    runs = runs_of(found > COVER_BEGINS)
    if len(runs) < 2 or runs[0][0] > 1 or runs[-1][1] < len(patches) - 1:
        return found
    begin, end = slice(0, runs[0][1]), slice(runs[-1][0], None)
    ends = np.zeros(len(patches), bool)
    ends[begin] = ends[end] = True
    by_ends = departure(patches, ends)
    alike = max(np.median(by_ends[begin]), np.median(by_ends[end])) < COVER_BEGINS
    return by_ends if alike and 2 * ends.sum() >= LEAST_FRAMES else found


def covered(
    patches: np.ndarray,
    seen: np.ndarray,
    times: np.ndarray,
    cuts: Sequence[int],
    gaps: np.ndarray | None = None,
    turns: np.ndarray | None = None,
) -> np.ndarray:
    """Frames whose mouth is covered, by a hand, a microphone or a box drawn over it.

    Parameters
    ----------
    patches : ndarray (n, height, width), see `Tracks`
    seen : ndarray (n,), bool, frames with a face
    times : ndarray (n,), s
    cuts : list of int, first frames of scenes
    gaps : ndarray (n,), gap of the lips by the detector, in distances of the eyes' outer corners; None, unknown
    turns : ndarray (n,), how far the head is turned, `speechface.landmarks.shape.sideways`; None, unknown

    Notes
    -----
    Two signs. Lips have as much contrast as eyes, in every frame. And a mouth, however it moves, looks for most of a
    scene as it does in most of the scene: what departs from that for long, while brows, eyes and nose do not, covers
    it, unless it stands wide open or the head has turned. What covers it for more than half of a scene is found if it
    comes and goes within.
    """
    lips, eyes = _contrasts(patches)
    mask = seen & (eyes > LEAST_CONTRAST) & (lips < FLAT * eyes)
    edges = [0, *(cut for cut in cuts if 0 < cut < len(seen)), len(seen)]
    for first, last in zip(edges, edges[1:]):
        rows = first + np.flatnonzero(seen[first:last])
        if len(rows) < LEAST_FRAMES:
            continue
        found = _departure_in_scene(patches[rows])
        for start, stop in runs_of(found > COVER_BEGINS):
            values, length = found[start:stop], _lasting(times[rows], start, stop)
            long = length >= COVER_S and np.median(values) > COVER_MIDDLE
            part = rows[start:stop]
            bright = np.median(lips[part]) > WIDE_CONTRAST * np.median(lips[rows])
            if gaps is not None and bright and np.median(gaps[part]) > WIDE_GAP:
                continue
            usual = rows[found <= COVER_BEGINS]
            if turns is not None and abs(np.median(turns[part]) - np.median(turns[usual])) > TURNED:
                continue
            if long or (length >= COVER_LARGE_S and np.median(values) > COVER_LARGE):
                mask[rows[max(start - 1, 0) : stop + 1]] = True  # it comes and goes within a frame
    return mask


def faults(
    tracks: Tracks,
    times: np.ndarray,
    *,
    damaged: np.ndarray,
    strangers: np.ndarray | None = None,
    gaps: np.ndarray | None = None,
    turns: np.ndarray | None = None,
) -> np.ndarray:
    """What is wrong with each frame (n,), int8, a number of `FAULTS`.

    Parameters
    ----------
    tracks : Tracks; of detectors that do not note the face's looks only damage and strangers are known
    times : ndarray (n,), s
    damaged, strangers : ndarray (n,), bool
    gaps, turns : see `covered`
    """
    result = np.zeros(len(times), np.int8)
    still = np.zeros(len(times), bool)
    if tracks.changes is not None:
        still = frozen(np.where(damaged, np.nan, tracks.changes), times)
    if tracks.patches is not None:  # one picture for long is not what a mouth looks like, nor is a broken one
        seen = tracks.detected & ~still & ~damaged
        result[covered(tracks.patches, seen, times, tracks.cuts, gaps, turns)] = COVERED
    result[still] = FROZEN
    if tracks.patches is not None:
        result[tracks.detected & (tracks.patches.std((1, 2)) < DIM_LEVELS)] = DIM
    result[damaged] = DAMAGED
    if strangers is not None:
        result[strangers] = STRANGER
    return result


def trusted(columns: Mapping[str, Any]) -> np.ndarray:
    """Frames of a table of landmarks whose face may be believed (n,), bool."""
    return np.asarray(columns["detected"], bool) & (np.asarray(columns["fault"]) == 0)
