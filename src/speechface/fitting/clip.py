"""What the label fitter gets and gives: settings, the observations of a clip, and what is sought in it."""

from dataclasses import dataclass

import numpy as np

from speechface.geometry.rotation import matrix_from_rotvec

__all__ = ["Clip", "FitSettings", "N_POSE", "ROTATION_UNIT", "State", "TRANSLATION_UNIT"]

#: Variables of the pose, rotation and translation, and their units: radians and mm.
N_POSE = 6
ROTATION_UNIT, TRANSLATION_UNIT = 0.1, 10.0


@dataclass(frozen=True)
class FitSettings:
    """`noise_mm`, `sparsity`, `smoothness`, `iterations`: see section labels of the configuration.

    `huber` : residuals beyond this many standard deviations count linearly.
    """

    noise_mm: float
    sparsity: float
    smoothness: float
    iterations: int
    huber: float = 3.0


@dataclass
class State:
    """What is sought: rotation (T, 3, 3), translation (T, 3) mm, variables (T, n), identity (k,)."""

    rotation: np.ndarray
    translation: np.ndarray
    variables: np.ndarray
    identity: np.ndarray

    def moved(self, step: np.ndarray, identity_step: np.ndarray, length: float) -> "State":
        """State after `length` times a step: (T, 6 + n) towards new pose increments and variables."""
        turn = matrix_from_rotvec(length * ROTATION_UNIT * step[:, :3])
        return State(
            turn @ self.rotation,
            self.translation + length * TRANSLATION_UNIT * step[:, 3:N_POSE],
            self.variables + length * (step[:, N_POSE:] - self.variables),
            self.identity + length * identity_step,
        )


@dataclass
class Clip:
    """The observations: p points in T frames.

    Parameters
    ----------
    observed : ndarray (T, p, 2), pixels from the principal point, y up, finite everywhere
    trust : ndarray (T, p), weight of each landmark in each frame, 0 where there is no face
    focal : ndarray (T,), pixels
    target : ndarray (T, channels), solver variables of the channels (`face.Mixing.names`) known from elsewhere
    target_precision : ndarray (T, channels), 0 where unknown
    prior_scale : ndarray (T, channels), factor on the prior of the variables (large: at rest)
    chain : bool, False where frames do not follow each other
    contact : ndarray (T,), precision of the knowledge that the lips touch, mm^-2; None knows nothing
    """

    observed: np.ndarray
    trust: np.ndarray
    focal: np.ndarray
    target: np.ndarray
    target_precision: np.ndarray
    prior_scale: np.ndarray
    chain: bool
    contact: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        observed: np.ndarray,
        *,
        focal: float | np.ndarray,
        chain: bool,
        trust: np.ndarray | None = None,
        target: np.ndarray | None = None,
        target_precision: np.ndarray | None = None,
        prior_scale: np.ndarray | None = None,
        contact: np.ndarray | None = None,
    ) -> "Clip":
        """Fill in what is not given: full trust, no targets, the prior as it is (for no channel at all)."""
        frames, n = len(observed), 0
        return cls(
            np.asarray(observed, float),
            np.ones(np.shape(observed)[:2]) if trust is None else trust,
            np.broadcast_to(np.asarray(focal, float), frames),
            np.zeros((frames, n)) if target is None else target,
            np.zeros((frames, n)) if target_precision is None else target_precision,
            np.ones((frames, n)) if prior_scale is None else prior_scale,
            chain and frames > 1,
            contact,
        )
