"""What the label fitter sees of a rig: 68 landmarks as linear functions of identity and weights.

The solver's variables u leave out the gaze channels, which no landmark shows, and hold jawOpen without the
part that mouthClose takes back: jawOpen = u_jaw + u_close, mouthClose = u_close. With u >= 0, mouthClose never
exceeds jawOpen.
"""

from dataclasses import dataclass, replace

import numpy as np

from speechface.rig.channels import CHANNELS, GAZE, INDEX, MIRROR, N_CHANNELS

__all__ = ["Face", "VARIABLES", "MIXING", "JAW", "INNER", "OFFSET_SD_MM", "weights_of", "variables_of"]

#: Channels the solver moves.
VARIABLES = tuple(name for name in CHANNELS if name not in GAZE)
#: Landmarks of the jaw line and all others.
JAW, INNER = slice(0, 17), slice(17, 68)
#: Spread of the constant offset of an actor's landmarks from the rig's, mm: annotation bias and what the
#: identity modes cannot express.
OFFSET_SD_MM = 3.0

#: Typical size of a weight: the ridge prior is (w / typical)^2. Small where the channel is rare in speech or
#: mimics another one in the picture.
_TYPICAL = 0.35
_TYPICAL_OF = {
    "browDown": 0.5, "browInnerUp": 0.5, "browOuterUp": 0.5, "cheekPuff": 0.12, "eyeBlink": 0.7, "jawForward": 0.15,
    "jawLeft": 0.12, "jawRight": 0.12, "jawOpen": 0.5, "mouthClose": 0.15, "mouthDimple": 0.2, "mouthFrown": 0.2,
    "mouthLeft": 0.15, "mouthRight": 0.15, "mouthRollLower": 0.3, "mouthRollUpper": 0.3, "mouthShrugLower": 0.25,
    "mouthShrugUpper": 0.2, "mouthSmile": 0.5, "mouthStretch": 0.25, "noseSneer": 0.2,
}  # fmt: skip
#: Typical difference between the two sides of a face; eyes move together.
_SIDES, _SIDES_EYES = 0.15, 0.10
#: Pairs that are opposites rather than the two sides of one motion.
_OPPOSITES = ("jawLeft", "mouthLeft")


def _mixing():
    """Matrix (46, n) of ``w = M u``."""
    matrix = np.zeros((N_CHANNELS, len(VARIABLES)))
    for column, name in enumerate(VARIABLES):
        matrix[INDEX[name], column] = 1.0
    matrix[INDEX["jawOpen"], VARIABLES.index("mouthClose")] = 1.0
    return matrix


#: Matrix (46, n) of ``weights = MIXING @ variables``.
MIXING = _mixing()


def _typical(name):
    stem = name if name in _TYPICAL_OF else name.removesuffix("Left").removesuffix("Right")
    return _TYPICAL_OF.get(stem, _TYPICAL)


def _precision():
    """Prior precision (46, 46) of the weights: ridge and coupling of left and right."""
    matrix = np.diag([_typical(name) ** -2 for name in CHANNELS])
    for i, name in enumerate(CHANNELS):
        j = MIRROR[i]
        if j > i and name not in _OPPOSITES:
            k = (_SIDES_EYES if name.startswith("eye") else _SIDES) ** -2
            matrix[[i, j], [i, j]] += k
            matrix[[i, j], [j, i]] -= k
    return matrix


def weights_of(variables):
    """Solver variables (..., n) -> weights (..., 46) in [0, 1], mouthClose at most jawOpen."""
    weights = np.clip(variables @ MIXING.T, 0.0, 1.0)
    jaw, close = INDEX["jawOpen"], INDEX["mouthClose"]
    weights[..., close] = np.minimum(weights[..., close], weights[..., jaw])
    return weights


def variables_of(weights):
    """Weights (..., 46) -> solver variables (..., n). Gaze is lost."""
    chosen = np.asarray(weights, float)[..., [INDEX[name] for name in VARIABLES]]
    chosen[..., VARIABLES.index("jawOpen")] -= chosen[..., VARIABLES.index("mouthClose")]
    return chosen


@dataclass(frozen=True)
class Face:
    """Landmarks of one rig, mm.

    Parameters
    ----------
    neutral : ndarray (68, 3)
    shapes : ndarray (68, 3, n), change for each solver variable
    identity : ndarray (68, 3, k), change for each identity coefficient: the rig's modes, then the
        offsets of the 51 inner landmarks along x and along y in units of `OFFSET_SD_MM`
    jaw_neutral : ndarray (17, m, 3), the vertices a jaw landmark may slide over
    jaw_shapes : ndarray (17, m, 3, n)
    jaw_identity : ndarray (17, m, 3, k)
    n_modes : int, identity coefficients that are modes of the rig
    precision : ndarray (n, n), prior of the solver variables
    sparsity : ndarray (n,), derivative of the weights' sum by the variables
    """

    neutral: np.ndarray
    shapes: np.ndarray
    identity: np.ndarray
    jaw_neutral: np.ndarray
    jaw_shapes: np.ndarray
    jaw_identity: np.ndarray
    n_modes: int
    precision: np.ndarray
    sparsity: np.ndarray

    @classmethod
    def of_rig(cls, rig):
        """Return the landmark view of a `speechface.rig.rig.Rig`."""

        def view(vertices):
            shapes = np.moveaxis(rig.shapes[:, vertices].astype(float), 0, -1) @ MIXING
            return (
                rig.neutral[vertices].astype(float),
                shapes,
                np.moveaxis(rig.identity[:, vertices].astype(float), 0, -1),
            )

        neutral, shapes, modes = view(rig.landmarks)
        jaw_neutral, jaw_shapes, jaw_modes = view(rig.contour)
        inner = np.arange(68)[INNER]
        offsets = np.zeros((68, 3, 2 * len(inner)))
        for axis in (0, 1):
            offsets[inner, axis, axis * len(inner) + np.arange(len(inner))] = OFFSET_SD_MM
        no_offsets = np.zeros(jaw_neutral.shape + (offsets.shape[-1],))
        return cls(
            neutral, shapes, np.concatenate([modes, offsets], -1), jaw_neutral, jaw_shapes,
            np.concatenate([jaw_modes, no_offsets], -1), modes.shape[-1],
            MIXING.T @ _precision() @ MIXING, MIXING.sum(0),
        )  # fmt: skip

    def of_actor(self, coefficients):
        """Return the face of one actor: `coefficients` (k,) moved into neutral, no identity left to fit."""
        return replace(
            self,
            neutral=self.neutral + self.identity @ coefficients,
            jaw_neutral=self.jaw_neutral + self.jaw_identity @ coefficients,
            identity=self.identity[..., :0],
            jaw_identity=self.jaw_identity[..., :0],
            n_modes=0,
        )

    def landmarks(self, weights):
        """Landmarks (..., 68, 3), mm, for weights (..., 46), without sliding of the jaw line."""
        return self.neutral + np.moveaxis(np.tensordot(self.shapes, variables_of(weights), (-1, -1)), (0, 1), (-2, -1))
