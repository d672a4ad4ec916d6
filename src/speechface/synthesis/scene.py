"""The image of a performance: where the camera stands, what is behind the actor, and every frame drawn."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from speechface.geometry.camera import Camera
from speechface.geometry.rotation import matrix_from_euler
from speechface.rig.rig import Rig

if TYPE_CHECKING:
    from speechface.render.renderer import Renderer

__all__ = ["Scene", "portrait", "frames", "projected_landmarks", "FOCAL_FACTOR"]

#: Focal length in units of the image's longer side: a portrait lens.
FOCAL_FACTOR = 3.0
#: Height of the face, chin to hairline, in the image's height; and of the hairline above the chin in units of the
#: distance from chin to brows.
_FACE_FRACTION = (0.45, 0.50)
_HAIRLINE = 1.45
_BACKGROUNDS = (
    (0.80, 0.84, 0.88), (0.86, 0.84, 0.80), (0.78, 0.83, 0.79), (0.84, 0.80, 0.84), (0.88, 0.88, 0.87),
    (0.76, 0.80, 0.86),
)  # fmt: skip
_CHIN, _BROWS, _NOSE = 8, slice(17, 27), 29


@dataclass(frozen=True)
class Scene:
    """`camera`, `translation` (3,) mm from rig to camera space, `background` sRGB in [0, 1]."""

    camera: Camera
    translation: np.ndarray
    background: tuple[float, float, float]


def portrait(rig: Rig, *, width: int, height: int, number: int, rng: np.random.Generator) -> Scene:
    """Frame an actor's head and shoulders.

    Parameters
    ----------
    rig : Rig
        Its neutral face has the actor's identity built in.
    width, height : int, pixels
    number : int
        The actor's; chooses the background.
    rng : numpy Generator
        Small differences of distance and place between clips.

    Returns
    -------
    Scene
        The face, chin to hairline, fills 45 to 50 % of the image's height.
    """
    camera = Camera.for_image(width, height, FOCAL_FACTOR)
    points = rig.neutral[rig.landmarks]
    face_mm = _HAIRLINE * (points[_BROWS, 1].mean() - points[_CHIN, 1])
    distance = camera.focal * face_mm / (rng.uniform(*_FACE_FRACTION) * height)
    shift = rng.uniform(-1, 1, 2) * [0.015 * width, 0.010 * height] + [0.0, 0.01 * height]
    x, y = shift * distance / camera.focal - points[_NOSE, :2] + [0.0, 0.04 * face_mm]
    translation = np.array([x, y, -distance - points[_NOSE, 2]])
    return Scene(camera, translation, _BACKGROUNDS[number % len(_BACKGROUNDS)])


def projected_landmarks(vertices: np.ndarray, rig: Rig, camera: Camera) -> np.ndarray:
    """Pixels (68, 2), float32, of the landmark vertices of a mesh (V, 3) in camera space."""
    return camera.project(vertices[rig.landmarks].astype(np.float64)).astype(np.float32)


def frames(
    rig: Rig, scene: Scene, renderer: "Renderer", *, weights: np.ndarray, rotations: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Draw a performance: yield (image (H, W, 3) uint8 RGB, landmarks (68, 2) px) of every frame.

    weights (T, C); rotations (T, 3), radians, about the rig's pivot.
    """
    from speechface.render.pose import pose

    for frame_weights, matrix in zip(weights, matrix_from_euler(rotations), strict=True):
        vertices, offset = pose(rig, frame_weights, None, matrix, scene.translation, neutral=rig.neutral)
        # a flat wall: a gradient would cost a tenth of the time
        image = renderer.draw(vertices, rig, camera=scene.camera, background=scene.background, normal_offset=offset)
        yield image, projected_landmarks(vertices, rig, scene.camera)
