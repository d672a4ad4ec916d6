"""A rig that speaks, as a video with sound."""

import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np

from speechface.geometry.camera import Camera
from speechface.geometry.ibug import BROWS, JAW, NOSE, NOSE_TIP
from speechface.geometry.rotation import matrix_from_euler
from speechface.render.pose import Poser
from speechface.render.renderer import Renderer
from speechface.rig.rig import Rig

__all__ = ["portrait_camera", "draw_frames", "render_animation"]

#: Distance from which a portrait is taken, mm.
_DISTANCE_MM = 900.0
#: Height of the face from chin to brows as a fraction of the image.
_FACE_FRACTION = 0.42
_CRF, _CRF_VP9 = 18, 24
#: Points drawn for a pixel of a video: an edge is as smooth as with 4 to the eye, for two thirds of the time.
_SAMPLES = 2.25
#: Frames that may wait to be encoded.
_BEHIND = 4


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
    transparent: bool,
) -> Iterator[np.ndarray]:
    """Yield what `Renderer.points` gives of every frame, or `draw` of transparent ones: weights (T, C), rotations
    (T, 3), radians."""
    draw = renderer.draw if transparent else renderer.points
    for vertices, normals in Poser(rig).frames(weights, matrix_from_euler(rotations), translation):
        yield draw(vertices, rig, camera=camera, vignette=0.3, normals=normals, transparent=transparent)


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
    transparent: bool = False,
) -> None:
    """Write a video of a rig that moves by `weights` (T, C) and `rotations` (T, 3), radians, with its sound.

    Parameters
    ----------
    path : path-like, ends in .mp4, or .webm if `transparent`
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
    transparent : bool
        A WebM with alpha, without a background.

    Raises
    ------
    RenderError
        If the machine has no graphics driver.
    """
    from speechface.media.encode import AlphaWriter, VideoWriter

    size += size % 2
    camera, translation = portrait_camera(rig, size)
    kind, crf = (AlphaWriter, _CRF_VP9) if transparent else (VideoWriter, _CRF)
    with (
        Renderer(size, size, 4 if transparent else _SAMPLES) as renderer,
        kind(path, width=size, height=size, fps=fps, audio=audio, sr=sr, crf=crf) as video,
        ThreadPoolExecutor(1) as encoder,
    ):
        frames: Iterator[np.ndarray] = draw_frames(
            renderer, rig, weights, rotations, camera=camera, translation=translation,
            transparent=transparent,
        )  # fmt: skip
        if progress:
            from tqdm import tqdm

            frames = tqdm(frames, total=len(weights), unit="frame", file=sys.stderr)

        def encode(image: np.ndarray) -> None:
            if isinstance(video, AlphaWriter):
                video.write(_straight(image))
            else:
                video.write_points(image)

        # averaging and encoding go on beside drawing, a few frames behind
        waiting: deque[Future[None]] = deque()
        for image in frames:
            waiting.append(encoder.submit(encode, image))
            if len(waiting) > _BEHIND:
                waiting.popleft().result()
        for rest in waiting:
            rest.result()


def _straight(image: np.ndarray) -> np.ndarray:
    """RGBA with colours times alpha -> plain colours; where nothing shows, those nearby, so that no rim shines through.

    image (H, W, 4), uint8.
    """
    values = image.astype(np.float32)
    side = len(image)
    step = next(k for k in (16, 8, 4, 2) if side % k == 0)
    coarse = values.reshape(side // step, step, side // step, step, 4).sum((1, 3))
    for _ in range(2):  # colours flow to their neighbours
        around = np.pad(coarse, ((1, 1), (1, 1), (0, 0)))
        spread = sum(
            around[1 + y : 1 + y + len(coarse), 1 + x : 1 + x + len(coarse)] for y in (-1, 0, 1) for x in (-1, 0, 1)
        )
        coarse = np.where(coarse[..., 3:] > 0, coarse, spread)
    fill = coarse[..., :3] * 255 / np.maximum(coarse[..., 3:], 1)
    colours = np.repeat(np.repeat(fill, step, 0), step, 1)
    shown = values[..., 3] > 0
    colours[shown] = values[shown, :3] * 255 / values[shown, 3:]
    out = image.copy()
    out[..., :3] = np.minimum(colours + 0.5, 255)
    return out
