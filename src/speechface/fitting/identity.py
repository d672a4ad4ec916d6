"""One actor's identity from all of the actor's clips.

Landmarks cannot tell a wide mouth from a spread one. So identity is sought mostly in frames that look like
the actor at rest (mouth closed, brows and eyes as usual), seen from as many sides as there are, with a strong
pull of their weights to zero; some frames of all kinds keep the rig's modes honest. A first identity comes from frames
whose landmarks look calm; with it a sample of frames is fitted, and those that need the least motion give the second.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from speechface.fitting.clip import Clip, FitSettings
from speechface.fitting.eyes import EyeCalibration, calibrate_eyes
from speechface.fitting.face import Face
from speechface.fitting.gauss_newton import fit
from speechface.fitting.lips import LipCalibration, calibrate_lips
from speechface.fitting.pose import initial_pose
from speechface.landmarks.detector import Profile

__all__ = [
    "Identity", "choose_frames", "clips_apart", "estimate_focal_factor", "expressiveness", "fit_identity",
    "relative_opening",
]  # fmt: skip

#: Fraction of the chosen frames that are at rest, and the quantile of expressiveness below which a frame is.
_REST_FRACTION, _REST_QUANTILE = 0.6, 0.25
#: Lips at rest have the gap of this quantile (smaller ones are pressed together), give or take this, mm.
_CLOSED_QUANTILE, _CLOSED_LIPS_MM = 0.2, 1.0
#: Factor on the prior of the mouth's and jaw's weights in frames at rest.
_REST_PRIOR = 12.0
#: Iterations: with all weights at zero, and in all at least.
_FROZEN, _ITERATIONS = 3, 14
#: Focal lengths that are tried where none is given, in units of the image's longer side: wide angle to tele.
_FOCAL_FACTORS = (1.0, 1.5, 2.2, 3.3, 5.0)
#: Frames of all clips that the first identity is tried on, and iterations for that.
_SAMPLE, _SAMPLE_ITERATIONS = 150, 5
#: Of an actor's clips, one whose face at rest is so far from the others', mm, and so many times as far as they are
#: usually, is left out. Clips of one recorded person are at most 3.2 mm from each other, in any emotion; with a dark
#: box over the mouth they are 3 to 8 mm away.
_APART_MM, _APART_TIMES = 3.5, 3.0


@dataclass(frozen=True)
class Identity:
    """`coefficients` (k,): the rig's modes, then landmark offsets (see `fitting.face.Face`); `eyes`; `n_modes`; `lips`,
    None where the detector does not tell contact."""

    coefficients: np.ndarray
    eyes: EyeCalibration
    n_modes: int
    lips: LipCalibration | None = None


def _pose_at_rest(face, observed, focal):
    """Rotation (T, 3, 3) and translation (T, 3) of the face at rest that fit its inner points best."""
    inner = face.profile.inner
    return initial_pose(face.neutral[inner], observed[:, inner], focal=focal)


def _shape_without_pose(face, observed, focal):
    """Points (T, p, 2), mm, and rotations: the face at rest, seen from the front, plus the inner points' misses."""
    inner = face.profile.inner
    rotation, translation = _pose_at_rest(face, observed, focal)
    camera = face.neutral[inner] @ rotation.transpose(0, 2, 1) + translation[:, None]
    scale = np.broadcast_to(focal, len(observed))[:, None] / -camera[..., 2]
    miss = observed[:, inner] / scale[..., None] - camera[..., :2]
    back = np.linalg.inv(rotation[:, :2, :2])
    shape = np.repeat(face.neutral[None, :, :2], len(observed), 0)
    shape[:, inner] = face.neutral[inner, :2] + np.matmul(back[:, None], miss[..., None])[..., 0]
    return shape, rotation


def expressiveness(shape: np.ndarray, profile: Profile) -> np.ndarray:
    """How far each frame is from the actor at rest, in units of its spread: points (T, p, 2), mm -> (T,).

    At rest the lips are closed, and mouth, brows and eyes are as usual for closed lips. Measured: how far the
    gap of the inner lips is from its low quantile, and how far mouth width, mouth height, brow height and eye opening
    are from their medians over frames with closed lips.
    """

    def height(upper, lower):
        return (shape[:, upper, 1].mean(1) - shape[:, lower, 1].mean(1))[:, None]

    right, left = profile.mouth_corners
    upper_lip, lower_lip = np.sort(profile.lip_pairs, axis=0).T
    upper_lids, lower_lids = np.sort([*profile.right_eye.lids, *profile.left_eye.lids], axis=0).T
    gap = height(upper_lip, lower_lip)[:, 0]
    gap = np.abs(gap - np.quantile(gap, _CLOSED_QUANTILE))
    closed = gap <= _CLOSED_LIPS_MM
    others = np.concatenate([
        shape[:, [left], 0] - shape[:, [right], 0],
        height([right, left], profile.numbers(profile.nose)),
        height(profile.numbers(profile.right_brow), list(profile.right_eye.corners)),
        height(profile.numbers(profile.left_brow), list(profile.left_eye.corners)),
        height(upper_lids, lower_lids),
    ], 1)  # fmt: skip
    others = others - np.median(others[closed], 0)
    spread = np.maximum(np.median(np.abs(others[closed]), 0), 0.3)
    return np.linalg.norm(np.column_stack([gap / (0.5 * _CLOSED_LIPS_MM), others / spread]), axis=1)


def _farthest(points, count):
    """Indices of `count` points that lie far from each other, (n, d) -> (count,)."""
    chosen = [int(np.argmin(np.linalg.norm(points - np.median(points, 0), axis=1)))]
    distance = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen)


def _calm_and_others(score, view, count):
    """Choose frames that are calm by `score` (T,) and differ in `view` (T, 3), then some of all others.

    Returns their indices and which of them are calm.
    """
    n_rest = round(_REST_FRACTION * count)
    calm = np.flatnonzero(score <= max(np.quantile(score, _REST_QUANTILE), np.sort(score)[n_rest - 1]))
    rest = calm[_farthest(view[calm], n_rest)]
    others = np.setdiff1d(np.arange(len(score)), rest)
    order = others[np.argsort(score[others], kind="stable")]
    spread = order[np.unique(np.linspace(0, len(order) - 1, count - len(rest)).astype(int))] if len(order) else order
    frames = np.concatenate([rest, spread])
    return frames, np.arange(len(frames)) < len(rest)


def choose_frames(face: Face, observed: np.ndarray, *, focal: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose frames for the identity.

    Parameters
    ----------
    face : Face
    observed : ndarray (T, p, 2), pixels from the principal point, y up
    focal : ndarray (T,), pixels
    count : int

    Returns
    -------
    frames : ndarray of int
    at_rest : ndarray of bool, the same length
    """
    count = min(count, len(observed))
    shape, rotation = _shape_without_pose(face, observed, focal)
    score = expressiveness(shape, face.profile)
    return _calm_and_others(score, rotation[:, 2], count)


def relative_opening(face: Face, observed: np.ndarray, *, focal: float | np.ndarray) -> np.ndarray:
    """Eye openings over those of the face at rest in the same pose: (T, p, 2) -> (T, 2), left, right."""
    rotation, translation = _pose_at_rest(face, observed, focal)
    camera = face.neutral @ rotation.transpose(0, 2, 1) + translation[:, None]
    opening = face.profile.eye_opening
    return opening(observed) / np.maximum(opening(camera[..., :2] / -camera[..., 2:]), 1e-3)


def _from_frames(face, observed, focal, at_rest, settings):
    """Identity coefficients (k,) that fit some frames best, and the energy left.

    In the frames `at_rest` the mouth's weights are held near zero.
    """
    prior = np.ones((len(observed), len(face.mixing.names)))
    mouth = [k for k, name in enumerate(face.mixing.names) if name.startswith(("mouth", "jaw"))]
    prior[np.ix_(at_rest, mouth)] = _REST_PRIOR
    clip = Clip.of(observed, focal=focal, chain=False, prior_scale=prior)
    settings = replace(settings, iterations=max(settings.iterations, _ITERATIONS))
    state, _, energies = fit(face, clip, settings, solve_identity=True, frozen_iterations=_FROZEN)
    return state.identity, energies[-1]


def _motion(actor, observed, focal, settings):
    """Mean motion of the inner landmarks that each frame needs, mm, (T,), and the direction of view (T, 3)."""
    clip = Clip.of(observed, focal=focal, chain=False)
    state, _, _ = fit(actor, clip, replace(settings, iterations=_SAMPLE_ITERATIONS))
    channels = len(actor.mixing.names)
    moved = np.tensordot(state.variables[:, :channels], actor.shapes[actor.profile.inner, :, :channels], (-1, -1))
    return np.linalg.norm(moved, axis=-1).mean(1), state.rotation[:, 2]


def clips_apart(face: Face, observed: Sequence[np.ndarray], *, focal: Sequence[float]) -> np.ndarray:
    """How far the face at rest of each clip is from that of all the actor's clips, mm, 0 where it belongs to them.

    Parameters
    ----------
    face, observed, focal : see `fit_identity`

    Returns
    -------
    apart : ndarray (m,), root mean square distance of the inner points of clips to be left out; 0 of the others, and
        of all where there are fewer than three clips, which cannot tell whose face it is
    """
    if len(observed) < 3:
        return np.zeros(len(observed))
    inner, shapes = face.profile.inner, []
    for points, length in zip(observed, focal, strict=True):
        shape, _ = _shape_without_pose(face, points, np.full(len(points), length))
        calm = np.argsort(expressiveness(shape, face.profile), kind="stable")[: max(len(shape) // 4, 1)]
        shapes.append(np.median(shape[calm][:, inner], 0))
    away = np.linalg.norm(np.stack(shapes) - np.median(shapes, 0), axis=-1)
    apart = np.sqrt((away**2).mean(1))
    return np.where(apart > max(_APART_MM, _APART_TIMES * float(np.median(apart))), apart, 0.0)


def fit_identity(
    face: Face,
    observed: Sequence[np.ndarray],
    settings: FitSettings,
    *,
    focal: Sequence[float],
    fps: Sequence[float],
    count: int,
) -> Identity:
    """Fit an actor's identity.

    Parameters
    ----------
    face : Face of the rig
    observed : list of ndarray (T, p, 2), one a clip: pixels from the principal point, y up; only frames with a face
    settings : FitSettings
    focal : list of float, pixels, one a clip
    fps : list of float, 1/s, one a clip
    count : int, frames to use

    Returns
    -------
    identity : Identity
    """
    focals = np.repeat(np.asarray(focal, float), [len(clip) for clip in observed])
    together = np.concatenate(observed)
    frames, at_rest = choose_frames(face, together, focal=focals, count=count)
    first, _ = _from_frames(face, together[frames], focals[frames], at_rest, settings)
    sample = np.unique(np.linspace(0, len(together) - 1, _SAMPLE).astype(int))
    motion, view = _motion(face.of_actor(first), together[sample], focals[sample], settings)
    frames, at_rest = _calm_and_others(motion, view, min(count, len(sample)))
    frames = sample[frames]
    coefficients, _ = _from_frames(face, together[frames], focals[frames], at_rest, settings)
    actor = face.of_actor(coefficients)
    openings = [relative_opening(actor, clip, focal=f) for clip, f in zip(observed, focal, strict=True)]
    return Identity(coefficients, calibrate_eyes(openings, face.profile, fps=fps), face.n_modes,
                    calibrate_lips(observed, face.profile))  # fmt: skip


def estimate_focal_factor(
    face: Face, observed: Sequence[np.ndarray], settings: FitSettings, *, sides: Sequence[float], count: int
) -> float:
    """Focal length of an actor's clips in units of the image's longer side, by which perspective fits best.

    Parameters
    ----------
    face, observed, settings, count : see `fit_identity`
    sides : list of float, pixels, the longer side of each clip's image

    Returns
    -------
    factor : float, between the smallest and largest that are tried

    Notes
    -----
    An identity is fitted with each of a few lengths; a parabola through the lowest energy and its neighbours, over the
    logarithm of the length, gives the minimum. A far face hardly shows perspective: there the estimate is rough, and
    harmless.
    """
    by_frame = np.repeat(np.asarray(sides, float), [len(clip) for clip in observed])
    together = np.concatenate(observed)
    tried = np.array(_FOCAL_FACTORS)
    middle = tried[len(tried) // 2]
    frames, at_rest = choose_frames(face, together, focal=middle * by_frame, count=count)
    energy = [_from_frames(face, together[frames], f * by_frame[frames], at_rest, settings)[1] for f in tried]
    best = int(np.clip(np.argmin(energy), 1, len(tried) - 2))
    near = slice(best - 1, best + 2)
    curvature, slope, _ = np.polyfit(np.log(tried[near]), energy[near], 2)
    if curvature <= 0:
        return float(tried[np.argmin(energy)])
    return float(np.clip(np.exp(-slope / (2 * curvature)), tried[0], tried[-1]))
