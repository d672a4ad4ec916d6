"""What a landmark detector is: its settings, what opens it, and what others must know about its points.

A member of the registry `speechface.landmarks.detectors.DETECTORS` is a `Detector`. The command detect-landmarks opens
it once a process and asks it to track clip after clip; the label fitter and the face images read its `Profile`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from pydantic import Field

from speechface.geometry import ibug
from speechface.settings import Settings

__all__ = ["Contact", "Detector", "DetectorSettings", "Eye", "Points", "Profile", "Tracker", "Tracks"]

#: Which points of a detector: a slice, or an array of their numbers.
Points = slice | np.ndarray


class DetectorSettings(Settings):
    """Face landmarks: keys of all detectors."""

    detector: str = "dlib"
    """dlib, its frontal detector and 68 points; mediapipe, Google's Face Landmarker, 478 points with irises; both, the
    points of the two. It decides which other keys there are."""
    min_detection_rate: float = Field(0.5, ge=0, le=1)
    """A clip with a smaller fraction of frames with a face is excluded."""

    def files(self) -> list[str]:
        """Files that the detector needs, beside its package."""
        return []


@dataclass
class Tracks:
    """What a detector found in one clip, one row a frame.

    Parameters
    ----------
    detected : ndarray (n,), bool
    score : ndarray (n,), float32
        How sure the detector is of the face, from 0; NaN where it was tracked only.
    box : ndarray (n, 4), float32, left, top, right, bottom, pixels; NaN where there is no face
    landmarks : ndarray (n, points, 2), float32, pixels; NaN where there is no face
    faces : int, how many faces the clip shows at once
    losses : int, how often the followed face was lost
    strangers : int, rows dropped because they show somebody else
    brightness : float, mean grey level of the face, NaN without one
    patches : ndarray (n, height, width), uint8, what the face looks like (`appearance.face_patch`); None: not known
    changes : ndarray (n,), grey levels, how much the face's part of the image changed (`appearance.Appearance`)
    cuts : list of int, first frames of new scenes
    """

    detected: np.ndarray
    score: np.ndarray
    box: np.ndarray
    landmarks: np.ndarray
    faces: int = 0
    losses: int = 0
    strangers: int = 0
    brightness: float = float("nan")
    patches: np.ndarray | None = None
    changes: np.ndarray | None = None
    cuts: list[int] = field(default_factory=list)

    @classmethod
    def empty(cls, frames: int, points: int) -> "Tracks":
        """Rows without a face."""
        return cls(
            detected=np.zeros(frames, bool),
            score=np.full(frames, np.nan, np.float32),
            box=np.full((frames, 4), np.nan, np.float32),
            landmarks=np.full((frames, points, 2), np.nan, np.float32),
        )


@dataclass(frozen=True)
class Eye:
    """Points of one eye: all of its outline, its corners (outer, inner) and pairs of an upper and a lower lid point."""

    points: Points
    corners: tuple[int, int]
    lids: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Contact:
    """How the gap of the inner lips tells that they touch, in units of the eyes' distance.

    Parameters
    ----------
    usual : float, gap of shut lips where an actor never shuts them
    largest : float, that of any actor
    sure, open : float, gaps beyond the actor's shut ones up to which the lips surely touch, and from which they do not
    """

    usual: float
    largest: float
    sure: float
    open: float


@dataclass(frozen=True, eq=False)
class Profile:
    """A detector's points, and how it errs. Right and left are the subject's.

    Parameters
    ----------
    scheme : str
        Name of the points: a rig knows the vertices of a scheme (`speechface.rig.rig.Rig.points`).
    n_points : int
    jaw : Points, from the right ear over the chin to the left
        They mark the outline that the camera sees and slide along the jaw; all others are `inner`.
    right_brow, left_brow, nose, mouth : Points
    right_eye, left_eye : Eye
    mouth_corners : (int, int), right, left
    lip_pairs : pairs of an upper and a lower inner lip point, whose mean distance is the lip gap
    chin : int
    weights : ndarray (n_points,), trust in each point, relative to ``labels.noise_mm ** -2``
    pairs : ndarray (m, 2), points whose difference is better known than their places
    pair_weights : ndarray (m,), trust in these differences
    error_modes_mm : function () -> ndarray (m, n_points, 2)
        Common motions of the points by mistake, mm on the face for one standard deviation, x right, y up; the jaw's are
        0. The fitter carries one variable for each in every frame.
    noise_mm : float, error of a point, the detector's and the face model's together
    offset_mm : float
        Spread of the constant offset of an actor's points from the rig's: annotation bias and what the identity modes
        cannot express.
    closed_eye : float
        Opening of shut eyes as the points show it, as a fraction of open ones, where an actor never blinks.
    blink_below : float, an opening below this fraction is a blink
    blink_spread : float, how well the eye's opening tells the blink, in units of the weight
    lid_trust : float, factor on the trust in the lids' own points where the opening tells the blink
    expected_error_mm : (float, float, float, float)
        Expected error of the rig's inner landmarks: a constant, then for each per cent of miss of the inner points and
        of the mouth's, and for each mm that the labels move the face.
    irises : (Points, Points), right, left, the centre first; None where the detector does not see them
    iris_gain : (float, float)
        How far the irises' points follow irises that move across and up or down, as a fraction.
    fitted : Points, those that labels are fitted to
    contact : Contact, None where the inner lips do not tell whether lips touch
    ibug : function (landmarks (..., n_points, 2)) -> (..., 68, 2), the same face in iBUG's points; None: unknown
    sure_score : float
        Median score of a clip from which its faces are surely upright ones.
    """

    scheme: str
    n_points: int
    jaw: Points
    right_brow: Points
    left_brow: Points
    nose: Points
    mouth: Points
    right_eye: Eye
    left_eye: Eye
    mouth_corners: tuple[int, int]
    lip_pairs: tuple[tuple[int, int], ...]
    chin: int
    weights: np.ndarray
    pairs: np.ndarray
    pair_weights: np.ndarray
    error_modes_mm: Callable[[], np.ndarray]
    noise_mm: float
    offset_mm: float
    closed_eye: float
    blink_below: float
    blink_spread: float
    lid_trust: float
    expected_error_mm: tuple[float, float, float, float]
    irises: tuple[Points, Points] | None = None
    iris_gain: tuple[float, float] = (1.0, 1.0)
    fitted: Points = field(default_factory=lambda: slice(None))
    contact: Contact | None = None
    ibug: Callable[[np.ndarray], np.ndarray] | None = None
    sure_score: float = 0.0

    def of_fitted(self) -> "Profile":
        """The profile of the points `fitted` alone, numbered in their order. Pairs of other points are left out."""
        if isinstance(self.fitted, slice):
            return self
        place = np.full(self.n_points, -1)
        place[self.fitted] = np.arange(len(self.fitted))

        def some(points: Points) -> np.ndarray:
            found = place[self.numbers(points)]
            return found[found >= 0]

        def whole(pairs: Any) -> tuple[tuple[int, int], ...]:
            return tuple((a, b) for a, b in place[np.array(pairs)].tolist() if min(a, b) >= 0)

        def eye(eye: Eye) -> Eye:
            return Eye(some(eye.points), (int(place[eye.corners[0]]), int(place[eye.corners[1]])), whole(eye.lids))

        kept = (place[self.pairs] >= 0).all(1)
        return replace(
            self, n_points=len(self.fitted), fitted=slice(None), irises=None, ibug=None,
            jaw=some(self.jaw), right_brow=some(self.right_brow), left_brow=some(self.left_brow), nose=some(self.nose),
            mouth=some(self.mouth), right_eye=eye(self.right_eye), left_eye=eye(self.left_eye),
            chin=int(place[self.chin]), mouth_corners=whole([self.mouth_corners])[0], lip_pairs=whole(self.lip_pairs),
            weights=self.weights[self.fitted], pairs=place[self.pairs[kept]], pair_weights=self.pair_weights[kept],
            error_modes_mm=lambda: self.error_modes_mm()[:, self.fitted],
        )  # fmt: skip

    def numbers(self, points: Points) -> np.ndarray:
        """The numbers of some points."""
        return np.arange(self.n_points)[points]

    @cached_property
    def inner(self) -> Points:
        """All points but the jaw's; a slice where they follow each other, which keeps arrays views."""
        inner = np.setdiff1d(np.arange(self.n_points), self.numbers(self.jaw))
        return slice(int(inner[0]), int(inner[-1]) + 1) if len(inner) == np.ptp(inner) + 1 else inner

    @cached_property
    def lids(self) -> np.ndarray:
        """Points of the lids without the corners."""
        return np.sort(np.concatenate([np.ravel(eye.lids) for eye in (self.right_eye, self.left_eye)]))

    def interocular(self, landmarks: np.ndarray) -> np.ndarray:
        """Distance of the outer eye corners: (..., n_points, d) -> (...)."""
        return ibug.interocular(landmarks, (self.right_eye.corners[0], self.left_eye.corners[0]))

    def lip_gap(self, landmarks: np.ndarray) -> np.ndarray:
        """Mean distance of the inner lips: (..., n_points, d) -> (...)."""
        return ibug.lip_gap(landmarks, self.lip_pairs)

    def eye_opening(self, landmarks: np.ndarray) -> np.ndarray:
        """Height over width of the eyes: (..., n_points, 2) -> (..., 2), left, then right."""

        def distance(a: int, b: int) -> np.ndarray:
            return np.linalg.norm(landmarks[..., a, :] - landmarks[..., b, :], axis=-1)

        def opening(eye: Eye) -> np.ndarray:
            height = sum(distance(upper, lower) for upper, lower in eye.lids)
            return height / (len(eye.lids) * np.maximum(distance(*eye.corners), 1e-6))

        return np.stack([opening(self.left_eye), opening(self.right_eye)], -1)

    def error_modes(self, scale: float) -> np.ndarray:
        """Common errors (n_points, 3, m), mm, times `scale`; 0 trusts the detector to err independently."""
        if scale == 0:
            return np.zeros((self.n_points, 3, 0))
        modes = np.moveaxis(np.array(self.error_modes_mm(), float).reshape(-1, self.n_points, 2), 0, -1)
        return scale * np.concatenate([modes, np.zeros_like(modes[:, :1])], 1)


class Tracker(Protocol):
    """An opened detector."""

    def track(self, images: Iterable[Any]) -> Tracks:
        """Follow the face through one clip's images (`speechface.media.decode_images`)."""


@dataclass(frozen=True)
class Detector:
    """One landmark detector.

    Parameters
    ----------
    settings : class of `DetectorSettings`, the keys of section landmarks
    open : function (settings) -> `Tracker`; loads the models, for many clips
    profile : Profile
    """

    settings: type[DetectorSettings]
    open: Callable[[Any], Tracker]
    profile: Profile
