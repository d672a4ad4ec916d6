"""Fig. 11: the labelled face laid over the frames it was fitted to.

Beside each cut of a video frame stands the rig with the labels' weights, identity and head pose, drawn by the camera
that the labels were fitted with. Dots are the rig's 68 landmarks projected into the image.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.errors import MediaError, RenderError, TableError
from speechface.figures.common import NothingToShow, read_clips, usable_table
from speechface.figures.style import GREY, PAGE, new_figure, short
from speechface.geometry.camera import Camera
from speechface.geometry.rotation import matrix_from_euler
from speechface.names import path_name
from speechface.rig.channels import ROTATIONS
from speechface.rig.rig import Rig
from speechface.seals import check_zip
from speechface.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "CAPTION", "INPUTS", "SIDE_PX", "Pair", "collect", "cut_camera", "draw", "draw_faces", "fitted_frame", "show",
]  # fmt: skip

LOG = logging.getLogger(__name__)

INPUTS = {"clips": True, "labels": True, "identity": True, "rig": True, "videos": True}
CAPTION = (
    "Left the video frame, right the rig as it was fitted to it, both with the rig's landmarks as the fitted camera "
    "sees them (figure 11 of the report). To see: do the dots on the left lie on lips, lids, brows and jaw?"
)

_MOST = 4
#: Side of a cut in units of the landmarks' extent, and of the drawn image, pixels.
_MARGIN, SIDE_PX = 1.9, 480
#: Seen on any skin: blue in a white ring.
_DOTS = {"marker": "o", "linestyle": "", "color": "#0050ff", "markersize": 2.3, "markeredgecolor": "white",
         "markeredgewidth": 0.35}  # fmt: skip


@dataclass
class Pair:
    """`frame` and `face` images (side, side, 3) uint8 (`face` may be None), `dots` (68, 2) px in them; `matrix`
    (2, 3) takes pixels of the video there."""

    frame: np.ndarray
    face: np.ndarray | None
    dots: np.ndarray
    title: str
    matrix: np.ndarray


def cut_camera(camera: Camera, corner: np.ndarray, side: float, pixels: int) -> Camera:
    """The camera of a square cut, `side` px wide with its top left pixel corner at `corner`, drawn `pixels` wide."""
    scale = pixels / side
    centre = [(c + 0.5 - first) * scale - 0.5 for c, first in zip(camera.centre, corner)]
    return Camera(camera.focal * scale, tuple(centre))


def collect(inputs: Mapping[str, Any]) -> list[Pair]:
    """Take up to four usable clips, spread over the clip table, and of each a frame in which the mouth is open."""
    rig = Rig.load(inputs["rig"])
    inputs["labels"].require_channels(rig.channels, f"rig {inputs['rig']}")
    clips = read_clips(inputs["clips"])
    chosen = (
        [(2 * k + 1) * len(clips) // (2 * _MOST) for k in range(_MOST)] if len(clips) > _MOST else range(len(clips))
    )
    order = list(dict.fromkeys([*chosen, *range(len(clips))]))
    found, reasons = [], []
    for place in order[: 10 * _MOST]:
        try:
            found.append((place, *_fitted(clips[place], rig, inputs)))
        except (NothingToShow, MediaError) as error:
            reasons.append(str(error))
        if len(found) == _MOST:
            break
    if not found:
        raise NothingToShow(f"none of {len(reasons)} clips can be shown; the first: {reasons[0]}")
    found.sort(key=lambda item: item[0])
    pairs = [pair for _, pair, _ in found]
    for pair, image in zip(pairs, draw_faces(rig, [face for _, _, face in found])):
        pair.face = image
    return pairs


def _identity(identities: Mapping[tuple[str, str], str], clip: dict[str, Any]) -> np.ndarray:
    path = identities.get((clip["dataset"], path_name(clip["actor"])))
    if path is None:
        raise NothingToShow(f"no identity of {clip['dataset']}/{clip['actor']} is given")
    check_zip(path, TableError)
    with np.load(path, allow_pickle=False) as archive:
        if "identity" not in archive.files:
            raise NothingToShow(f"{path}: the actor has no identity")
        return archive["identity"].astype(np.float32)


def _fitted(clip, rig, inputs):
    """`fitted_frame` of one clip with the mouth open."""
    labels = usable_table(inputs["labels"], clip)
    used = labels["used"].astype(bool) if labels is not None else np.zeros(0, bool)
    if not used.any():
        raise NothingToShow(f"{clip['clip']} has no usable label")
    jaw, close = (labels.columns.get(name, 0) for name in ("jawOpen", "mouthClose"))
    gap = np.where(used, jaw - close, -1)
    row = int(np.argsort(gap)[-1 - (used.sum() // 20)])  # well open, but not the one frame that may be an error
    words = [short(clip["actor"], 22), short(clip.get("emotion") or clip["clip"], 24), f"{labels['time'][row]:.2f} s"]
    return fitted_frame(clip, labels, row, rig, inputs, ", ".join(words))


def fitted_frame(
    clip: dict[str, Any], labels: Table, row: int, rig: Rig, inputs: Mapping[str, Any], title: str
) -> tuple[Pair, dict[str, Any]]:
    """The Pair of one row of labels, its face not drawn yet, and what `draw_faces` needs for it."""
    from speechface.media import read_frame
    from speechface.render.pose import pose

    rotation = np.array(labels.meta["rotation_reference"]) @ matrix_from_euler(labels.stack(ROTATIONS)[row])
    translation = labels.stack(["translation_x", "translation_y", "translation_z"])[row]
    # labels turn the head about the origin, `pose` about the pivot, so that shoulders stay
    shift = translation + rig.pivot @ rotation.T - rig.pivot
    weights = labels.stack(rig.channels)[row]
    vertices, offset = pose(rig, weights, _identity(inputs["identity"], clip), rotation, shift)
    camera = Camera(labels.meta["focal_px"], tuple(labels.meta["centre_px"]))
    dots = camera.project(vertices[rig.landmarks])
    low, high = dots.min(0), dots.max(0)
    side = int(np.ceil(_MARGIN * (high - low).max()))
    middle = (low + high) / 2 - (0, 0.13 * side)  # landmarks end at the brows, the forehead goes on
    image = read_frame(clip["path"], int(labels["frame"][row]))
    room = np.maximum(np.array(image.shape[1::-1]) - side, 0)  # stay within the image where it is large enough
    corner = np.clip(np.round(middle - side / 2), 0, room).astype(int)
    cut = cut_camera(camera, corner, side, SIDE_PX)
    scale = SIDE_PX / side
    # pixel centres stand at whole numbers in both images
    matrix = np.array([[scale, 0, (0.5 - corner[0]) * scale - 0.5], [0, scale, (0.5 - corner[1]) * scale - 0.5]])
    face = {"vertices": vertices, "normal_offset": offset, "camera": cut}
    placed = cut.project(vertices[rig.landmarks])
    return Pair(_cut(image, matrix), None, placed, title, matrix), face


def _cut(image, matrix):
    """A square of an image at another size; the edge goes on where the image is too small."""
    import cv2

    return cv2.warpAffine(image, matrix, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def draw_faces(rig: Rig, faces: list[dict[str, Any]]) -> list[np.ndarray | None]:
    """Draw the posed meshes; None for each where the machine has no graphics driver."""
    from speechface.render.renderer import Renderer

    try:
        with Renderer(SIDE_PX, SIDE_PX) as renderer:
            return [renderer.draw(face.pop("vertices"), rig, **face) for face in faces]
    except RenderError as error:
        LOG.warning("rigs are not drawn: %s", error)
        return [None] * len(faces)


def draw(pairs: list[Pair]) -> "Figure":
    """Two pairs a row: the frame with projected landmarks, and the rig as it was fitted."""
    across = min(2, len(pairs))
    rows = -(-len(pairs) // across)
    side = PAGE / 4
    figure = new_figure(2 * across * side, rows * (side + 0.2))
    outer = figure.subfigures(rows, across, squeeze=False, wspace=0.02)
    for pair, frame in zip(pairs, outer.flat):
        left, right = frame.subplots(1, 2)
        left.set_title(pair.title, loc="left", fontsize=7.5, pad=3)
        show(left, pair.frame)
        left.plot(*pair.dots.T, **_DOTS)
        show(right, pair.face)
        if pair.face is not None:
            right.plot(*pair.dots.T, **_DOTS)
    return figure


def show(axis: "Axes", image: np.ndarray | None) -> None:
    """Show an image of `SIDE_PX`, or say that it was not drawn."""
    if image is None:
        axis.text(0.5, 0.5, "not drawn:\nno graphics driver", ha="center", va="center", color=GREY,
                  transform=axis.transAxes)  # fmt: skip
    else:
        axis.imshow(image)
    axis.set_xlim(-0.5, SIDE_PX - 0.5)
    axis.set_ylim(SIDE_PX - 0.5, -0.5)
    axis.set_aspect("equal")
    axis.axis("off")
