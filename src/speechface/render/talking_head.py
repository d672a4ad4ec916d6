"""A rig that speaks, as a video with sound."""

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from speechface.geometry.camera import Camera
from speechface.geometry.ibug import BROWS, JAW, NOSE, NOSE_TIP
from speechface.geometry.rotation import matrix_from_euler
from speechface.render.pose import pose
from speechface.render.renderer import BACKGROUND, Renderer
from speechface.rig.rig import Rig

__all__ = ["portrait_camera", "draw_frames", "render_animation"]

#: Distance from which a portrait is taken, mm.
_DISTANCE_MM = 900.0
#: Height of the face from chin to brows as a fraction of the image.
_FACE_FRACTION = 0.42
_CRF = 18


def portrait_camera(
    rig: Rig,
    size: int,
    *,
    face_fraction: float = _FACE_FRACTION,
    raise_by: float = 0.12,
    neutral: np.ndarray | None = None,
) -> tuple[Camera, np.ndarray]:
    """Frame a face like a portrait.

    Parameters
    ----------
    rig : Rig
    size : int
        Side of the square image, pixels.
    face_fraction : float
        Height from chin to brows as a fraction of the image.
    raise_by : float
        How far above the middle of chin and brows the image's centre lies, as a fraction of the image.
    neutral : ndarray (V, 3), optional
        The mesh to frame; the rig's own where missing.

    Returns
    -------
    camera : Camera
    translation : ndarray (3,), mm
        Puts the rig in front of the camera, for `render.pose.pose`.
    """
    points = (rig.neutral if neutral is None else neutral)[rig.landmarks]
    low, high = points[JAW, 1].min(), points[BROWS, 1].max()
    height = high - low
    middle = np.array(
        [points[NOSE, 0].mean(), (low + high) / 2 + raise_by * height / face_fraction, points[NOSE_TIP, 2]]
    )
    camera = Camera(face_fraction * size * _DISTANCE_MM / height, ((size - 1) / 2, (size - 1) / 2))
    return camera, np.array([0, 0, -_DISTANCE_MM]) - middle


def draw_frames(
    renderer: Renderer,
    rig: Rig,
    weights: np.ndarray,
    rotations: np.ndarray,
    *,
    camera: Camera,
    translation: np.ndarray,
    neutral: np.ndarray | None = None,
    background: tuple[float, float, float] = BACKGROUND,
) -> Iterator[np.ndarray]:
    """Yield an image (H, W, 3) uint8 of every frame: weights (T, C), rotations (T, 3), radians."""
    neutral = rig.neutral if neutral is None else neutral
    for frame_weights, rotation in zip(weights, matrix_from_euler(rotations), strict=True):
        vertices, offset = pose(rig, frame_weights, None, rotation, translation, neutral=neutral)
        yield renderer.draw(vertices, rig, camera=camera, background=background, vignette=0.3, normal_offset=offset)


def render_animation(
    path: str | Path,
    rig: Rig,
    weights: np.ndarray,
    rotations: np.ndarray,
    *,
    fps: Fraction | float,
    audio: np.ndarray | None,
    sr: int,
    size: int,
    progress: bool,
) -> None:
    """Write an mp4 of a rig that moves by `weights` (T, C) and `rotations` (T, 3), radians, with its sound.

    Parameters
    ----------
    path : path-like, ends in .mp4
    rig : Rig
    weights, rotations : ndarray (T, C), (T, 3)
    fps : Fraction or number, 1/s
    audio : ndarray (n,), float32, mono, or None
        Starts with the first frame.
    sr : int, Hz
    size : int
        Side of the square image, pixels; an odd one is made even.
    progress : bool
        Show a progress bar on standard error.

    Raises
    ------
    RenderError
        If the machine has no graphics driver.
    """
    from speechface.media import VideoWriter

    size += size % 2
    camera, translation = portrait_camera(rig, size)
    with Renderer(size, size) as renderer:
        frames = draw_frames(renderer, rig, weights, rotations, camera=camera, translation=translation)
        if progress:
            from tqdm import tqdm

            frames = tqdm(frames, total=len(weights), unit="frame", file=sys.stderr)
        with VideoWriter(path, width=size, height=size, fps=fps, audio=audio, sr=sr, crf=_CRF) as video:
            for image in frames:
                video.write(image)
