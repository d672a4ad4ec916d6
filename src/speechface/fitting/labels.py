"""Labels of one clip: head pose and weights in every frame."""

from dataclasses import dataclass, replace

import numpy as np

from speechface.fitting.clip import Clip, FitSettings, State
from speechface.fitting.eyes import EYE_CHANNELS, EyeCalibration, blink_weights
from speechface.fitting.face import Face
from speechface.fitting.gauss_newton import covariance, fit
from speechface.fitting.identity import relative_opening
from speechface.fitting.lips import CONTACT_MM, LipCalibration, contact
from speechface.fitting.pose import fill_gaps
from speechface.fitting.priors import learnt_freedom
from speechface.geometry.rotation import matrix_from_rotvec, median_rotation, rotvec_from_matrix
from speechface.rig.channels import columns

__all__ = ["Labels", "fit_labels", "relative_rotation"]

#: A long clip is fitted in pieces of this many frames that share this many frames with the next one.
_PIECE, _OVERLAP = 480, 40
#: A clip's landmarks have a constant offset beside the actor's, from light, expression and what the rig lacks, mm;
#: found from the misses of a first fit of this many iterations.
_CLIP_OFFSET_MM, _FIRST_ITERATIONS = 1.0, 2
#: Freedom of the channels (`priors.weight_covariance`) in the first fit, and frames that tell how well it knows them.
_FREE, _SAMPLE = 0.5, 40


@dataclass(frozen=True)
class Labels:
    """The fit of one clip.

    `rotation` (T, 3, 3) and `translation` (T, 3) mm in camera space, `weights` (T, C), `projected`
    (T, p, 2) pixels from the principal point (y up), the actor's face with the clip's own constant offsets of the
    landmarks, without the detector's errors; `miss` (T,): mean distance of the inner landmarks, pixels, NaN without
    a face.
    """

    rotation: np.ndarray
    translation: np.ndarray
    weights: np.ndarray
    projected: np.ndarray
    miss: np.ndarray


def relative_rotation(rotation: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations relative to the clip's median pose: (T, 3, 3) -> relative (T, 3, 3), median (3, 3)."""
    median = median_rotation(rotation[used] if used.any() else rotation)
    return median.T @ rotation, median


def _pieces(frames):
    """Start and stop of overlapping pieces that cover all frames."""
    if frames <= _PIECE + _OVERLAP:
        return [(0, frames)]
    step = _PIECE - _OVERLAP
    count = -(-(frames - _OVERLAP) // step)
    edges = np.linspace(0, frames - _OVERLAP, count + 1).astype(int)
    return [(start, stop + _OVERLAP) for start, stop in zip(edges, edges[1:])]


def _blend(first, second, fraction):
    """Mix two states of the same frames; fraction (T,) of the second."""
    turn = rotvec_from_matrix(second.rotation @ first.rotation.transpose(0, 2, 1))
    fraction = fraction[:, None]
    return State(
        matrix_from_rotvec(fraction * turn) @ first.rotation,
        (1 - fraction) * first.translation + fraction * second.translation,
        (1 - fraction) * first.variables + fraction * second.variables,
        first.identity,
    )


def _part(state, window):
    return State(state.rotation[window], state.translation[window], state.variables[window], state.identity)


def _joined(first, second, overlap):
    """Join two states that share `overlap` frames."""
    fraction = (np.arange(overlap) + 0.5) / overlap
    middle = _blend(_part(first, slice(-overlap, None)), _part(second, slice(0, overlap)), fraction)
    parts = [_part(first, slice(0, -overlap)), middle, _part(second, slice(overlap, None))]
    return State(*(np.concatenate([getattr(p, f) for p in parts]) for f in ("rotation", "translation", "variables")),
                 first.identity)  # fmt: skip


def _clip_face(face, state, projected, observed, detected, *, noise_mm, focal):
    """The face with the clip's own constant offsets of the inner landmarks, mm, along x and y.

    The median miss over the clip, turned back to a frontal view and shrunk as one frame's evidence.
    """
    inner = face.profile.inner
    camera = face.neutral[inner] @ state.rotation.transpose(0, 2, 1) + state.translation[:, None]
    scale = focal / -camera[..., 2]
    miss = (observed - projected)[:, inner] / scale[..., None]
    back = np.linalg.inv(state.rotation[:, :2, :2])
    miss = np.matmul(back[:, None], miss[..., None])[..., 0][detected]
    offset = np.zeros_like(face.neutral)
    shrunk = _CLIP_OFFSET_MM**2 / (_CLIP_OFFSET_MM**2 + noise_mm**2)
    offset[inner, :2] = shrunk * np.median(miss, 0)
    return replace(face, neutral=face.neutral + offset)


def _with_spread(face, state, clip, few, detected, settings):
    """The face with the prior that a first fit of the clip makes likeliest: how far each channel moves in it.

    The second moments of the variables are those of the fit and of what it leaves unknown (one step of expectation and
    maximisation), the latter from the frames `few`.
    """
    n, matrix = len(face.mixing.names), face.mixing.matrix
    unknown = covariance(face, clip(few), settings, _part(state, few))[:n, :n]
    moved = state.variables[detected, :n]
    seconds = matrix @ (moved.T @ moved / len(moved) + unknown) @ matrix.T
    channels = face.mixing.channels
    return face.with_freedom(learnt_freedom(channels, seconds, np.full(len(channels), _FREE)))


def _fit_pieces(face, clip, settings, *, frames, start):
    """Fit a clip piece by piece; `clip` returns the `Clip` of a slice. State and image of all frames."""
    whole, images = None, []
    for first, stop in _pieces(frames):
        window = slice(first, stop)
        begin = None if start is None else _part(start, window)
        state, projected, _ = fit(face, clip(window), settings, start=begin)
        if whole is None:
            whole = state
            images.append(projected)
        else:
            overlap = len(whole.rotation) - first
            whole = _joined(whole, state, overlap)
            images.append(projected[overlap:])
    return whole, np.concatenate(images)


def fit_labels(
    face: Face,
    eyes: EyeCalibration | None,
    observed: np.ndarray,
    detected: np.ndarray,
    settings: FitSettings,
    *,
    focal: float,
    fps: float,
    lips: LipCalibration | None = None,
) -> Labels:
    """Fit all frames of one clip.

    Parameters
    ----------
    face : Face of the actor (`Face.of_actor`)
    eyes : EyeCalibration or None, without it blinks come from the lid landmarks alone
    observed : ndarray (T, p, 2), pixels from the principal point, y up; anything where there is no face
    detected : ndarray (T,), bool; frames without a face are bridged by smoothness and the prior
    settings : FitSettings
    focal : float, pixels
    fps : float, 1/s
    lips : LipCalibration or None, without it shut lips follow from the landmarks alone

    Returns
    -------
    labels : Labels

    Raises
    ------
    ValueError
        If no frame has a face.
    """
    if not detected.any():
        raise ValueError("no frame with a face")
    observed = fill_gaps(np.where(detected[:, None, None], observed, 0.0), detected)
    profile = face.profile
    frames = len(observed)
    trust = np.repeat(detected[:, None].astype(float), profile.n_points, 1)
    target, precision = np.zeros((2, frames, len(face.mixing.names)))
    blinks = columns(face.mixing.names, EYE_CHANNELS)
    if eyes is not None and len(blinks) == len(EYE_CHANNELS):
        trust[:, profile.lids] *= profile.lid_trust
        target[:, blinks] = blink_weights(relative_opening(face, observed, focal=focal), eyes, fps=fps)
        precision[:, blinks] = detected[:, None] * profile.blink_spread**-2

    shut = None if lips is None else detected * contact(observed, lips, profile) / CONTACT_MM**2

    def clip(window):
        return Clip.of(observed[window], focal=focal, chain=True, trust=trust[window], target=target[window],
                       target_precision=precision[window], contact=None if shut is None else shut[window])  # fmt: skip

    first = replace(settings, iterations=min(settings.iterations, _FIRST_ITERATIONS))
    face = face.with_freedom(np.full(len(face.mixing.channels), _FREE))
    whole, projected = _fit_pieces(face, clip, first, frames=frames, start=None)
    few = np.flatnonzero(detected)[:: max(1, int(detected.sum()) // _SAMPLE)]
    face = _with_spread(face, whole, clip, few, detected, settings)
    face = _clip_face(face, whole, projected, observed, detected, noise_mm=settings.noise_mm, focal=focal)
    whole, projected = _fit_pieces(face, clip, settings, frames=frames, start=whole)
    miss = np.linalg.norm(projected - observed, axis=-1)[:, profile.inner].mean(1)
    return Labels(whole.rotation, whole.translation, face.mixing.weights_of(whole.variables), projected,
                  np.where(detected, miss, np.nan))  # fmt: skip
