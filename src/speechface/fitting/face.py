"""What the label fitter sees of a rig: a detector's points as linear functions of identity and weights.

The solver's variables u leave out the gaze channels, which irises show (`fitting.gaze`), and the tongue, which no point
shows. They hold jawOpen without the part that mouthClose takes back: jawOpen = u_jaw + u_close, mouthClose = u_close.
With u >= 0, mouthClose never exceeds jawOpen.
"""

import functools
from dataclasses import dataclass, replace

import numpy as np

from speechface.errors import RigError
from speechface.fitting.eyes import EYE_CHANNELS
from speechface.fitting.priors import weight_covariance, weight_precision
from speechface.geometry import ibug
from speechface.landmarks.detector import Profile
from speechface.rig.channels import GAZE, columns, limit_mouth_close
from speechface.rig.rig import Rig

__all__ = ["Face", "Mixing"]

#: Channels that the solver does not move: irises show gaze, nothing shows the tongue.
_NOT_SOLVED = (*GAZE, "tongueOut")

#: Largest error of the detector along one of its modes, standard deviations.
_LARGEST_ERROR = 5.0
#: Change from frame to frame, in units of the smoothness: a lid closes within two or three frames, and errors of the
#: detector have a size of 1, not of a weight.
_STEP_OF_LIDS, _STEP_OF_ERRORS = 10**0.5, 5.0


@dataclass(frozen=True)
class Mixing:
    """How the weights of a rig's C channels follow from the n variables that the solver moves."""

    channels: tuple[str, ...]

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The channel of each variable."""
        return tuple(name for name in self.channels if name not in _NOT_SOLVED)

    @functools.cached_property
    def matrix(self) -> np.ndarray:
        """Matrix (C, n) of ``weights = matrix @ variables``."""
        matrix = np.zeros((len(self.channels), len(self.names)))
        matrix[columns(self.channels, self.names), np.arange(len(self.names))] = 1.0
        matrix[np.ix_(columns(self.channels, ["jawOpen"]), columns(self.names, ["mouthClose"]))] = 1.0
        return matrix

    @functools.cached_property
    def steps(self) -> np.ndarray:
        """Typical change of each variable from frame to frame, in units of the smoothness, (n,)."""
        steps = np.ones(len(self.names))
        steps[columns(self.names, EYE_CHANNELS)] = _STEP_OF_LIDS
        return steps

    def weights_of(self, variables: np.ndarray) -> np.ndarray:
        """Solver variables (..., n + m) -> weights (..., C) in [0, 1], mouthClose at most jawOpen."""
        weights = np.clip(variables[..., : len(self.names)] @ self.matrix.T, 0.0, 1.0)
        return limit_mouth_close(weights, self.channels)

    def variables_of(self, weights: np.ndarray) -> np.ndarray:
        """Weights (..., C) -> solver variables (..., n). Gaze and tongue are lost."""
        chosen = np.asarray(weights, float)[..., columns(self.channels, self.names)]
        for jaw, close in zip(columns(self.names, ["jawOpen"]), columns(self.names, ["mouthClose"])):
            chosen[..., jaw] -= chosen[..., close]
        return chosen


def _gaps(rig, mixing):
    """Change of the gaps between the rig's inner lips, mm, for each channel's variable, (2 pairs, n): up, then out of
    the face."""
    upper, lower = (rig.landmarks[list(side)] for side in zip(*ibug.INNER_LIP_PAIRS))
    gaps = (rig.shapes[:, upper, 1:] - rig.shapes[:, lower, 1:]).astype(float)
    return np.concatenate([gaps[..., 0], gaps[..., 1]], 1).T @ mixing.matrix


@dataclass(frozen=True)
class Face:
    """A detector's points on one rig, mm.

    Parameters
    ----------
    mixing : Mixing of the rig's channels
    profile : Profile of the points of the detector that are fitted: p, j of them on the jaw
    neutral : ndarray (p, 3)
    shapes : ndarray (p, 3, n), change for each solver variable
    identity : ndarray (p, 3, k), change for each identity coefficient: the rig's modes, then the offsets of the inner
        points along x and along y in units of the profile's ``offset_mm``
    jaw_neutral : ndarray (j, m, 3), the vertices a jaw point may slide over
    jaw_shapes : ndarray (j, m, 3, n)
    jaw_identity : ndarray (j, m, 3, k)
    n_modes : int, identity coefficients that are modes of the rig
    precision : ndarray (n, n), prior of the solver variables
    sparsity : ndarray (n,), derivative of the weights' sum by the variables
    lower, upper : ndarray (n,), bounds
    steps : ndarray (n,), typical change from frame to frame in units of the smoothness
    gaps : ndarray (2 pairs, n), mm, change of the gaps between the rig's inner lips for each solver variable

    The n variables are the channels' (`Mixing.names`), then one for each mode of the detector's errors.
    """

    mixing: Mixing
    profile: Profile
    neutral: np.ndarray
    shapes: np.ndarray
    identity: np.ndarray
    jaw_neutral: np.ndarray
    jaw_shapes: np.ndarray
    jaw_identity: np.ndarray
    n_modes: int
    precision: np.ndarray
    sparsity: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    steps: np.ndarray
    gaps: np.ndarray

    @classmethod
    def of_rig(cls, rig: Rig, profile: Profile, *, errors: float = 0.0) -> "Face":
        """Return the view of a rig by a detector's points.

        `errors` : fraction of the detector's common errors that the fit allows for. RigError where the rig does not
        know the detector's points.
        """
        places, contour = rig.points(profile.scheme)
        mixing = Mixing(rig.channels)

        def view(places, shapes):
            return (
                places.of(rig.neutral).astype(float),
                np.moveaxis(shapes.astype(float), 0, -1) @ mixing.matrix,
                np.moveaxis(places.of(rig.identity).astype(float), 0, -1),
            )

        neutral, shapes, modes = view(places, rig.point_shapes(profile.scheme))
        if len(neutral) != profile.n_points:
            raise RigError(
                f"rig '{rig.name}' has {len(neutral)} points '{profile.scheme}', the detector {profile.n_points}"
            )
        neutral, shapes, modes = (array[profile.fitted] for array in (neutral, shapes, modes))
        profile = profile.of_fitted()
        jaw_neutral, jaw_shapes, jaw_modes = (
            view(contour, contour.of(rig.shapes))
            if contour
            else (array[profile.jaw][:, None] for array in (neutral, shapes, modes))
        )
        n, common = len(mixing.names), profile.error_modes(errors)
        m = common.shape[-1]
        shapes = np.concatenate([shapes, common], -1)
        sliding = np.broadcast_to(common[profile.jaw][:, None], jaw_neutral.shape + (m,))
        jaw_shapes = np.concatenate([jaw_shapes, sliding], -1)
        precision = np.eye(n + m)
        precision[:n, :n] = mixing.matrix.T @ weight_precision(rig.channels) @ mixing.matrix
        inner = profile.numbers(profile.inner)
        offsets = np.zeros((profile.n_points, 3, 2 * len(inner)))
        for axis in (0, 1):
            offsets[inner, axis, axis * len(inner) + np.arange(len(inner))] = profile.offset_mm
        no_offsets = np.zeros(jaw_neutral.shape + (offsets.shape[-1],))
        return cls(
            mixing, profile, neutral, shapes, np.concatenate([modes, offsets], -1), jaw_neutral, jaw_shapes,
            np.concatenate([jaw_modes, no_offsets], -1), modes.shape[-1],
            precision, np.append(mixing.matrix.sum(0), np.zeros(m)),
            np.append(np.zeros(n), np.full(m, -_LARGEST_ERROR)), np.append(np.ones(n), np.full(m, _LARGEST_ERROR)),
            np.append(mixing.steps, np.full(m, _STEP_OF_ERRORS)), np.pad(_gaps(rig, mixing), ((0, 0), (0, m))),
        )  # fmt: skip

    def of_actor(self, coefficients: np.ndarray) -> "Face":
        """Return the face of one actor: `coefficients` (k,) moved into neutral, no identity left to fit."""
        return replace(
            self,
            neutral=self.neutral + self.identity @ coefficients,
            jaw_neutral=self.jaw_neutral + self.jaw_identity @ coefficients,
            identity=self.identity[..., :0],
            jaw_identity=self.jaw_identity[..., :0],
            n_modes=0,
        )

    def with_freedom(self, freedom: np.ndarray) -> "Face":
        """Return the face with another freedom (C,) of each channel in the prior (`priors.weight_covariance`)."""
        precision, n, matrix = self.precision.copy(), len(self.mixing.names), self.mixing.matrix
        known = np.linalg.inv(weight_covariance(self.mixing.channels, freedom))
        precision[:n, :n] = matrix.T @ known @ matrix
        return replace(self, precision=precision)

    def variables(self, weights: np.ndarray) -> np.ndarray:
        """Weights (..., C) -> this face's variables (..., n), without errors of the detector."""
        found = self.mixing.variables_of(weights)
        return np.concatenate([found, np.zeros(found.shape[:-1] + (len(self.steps) - found.shape[-1],))], -1)

    def landmarks(self, weights: np.ndarray) -> np.ndarray:
        """Points (..., p, 3), mm, for weights (..., C), without sliding of the jaw line."""
        moved = np.tensordot(self.shapes, self.variables(weights), (-1, -1))
        return self.neutral + np.moveaxis(moved, (0, 1), (-2, -1))
