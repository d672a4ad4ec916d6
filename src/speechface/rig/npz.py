"""Any other face as one .npz file; docs/rigs.md describes the fields."""

import logging
import os
import zipfile
from pathlib import Path

import numpy as np

from speechface.errors import RigError
from speechface.geometry import ibug
from speechface.rig.channels import ARKIT52, REPORT46
from speechface.rig.contour import contour_candidates
from speechface.rig.regions import face_regions, spine_top
from speechface.rig.rig import Rig
from speechface.seals import check_zip

__all__ = ["read_npz"]

LOG = logging.getLogger(__name__)

_REQUIRED = ("neutral", "shapes", "channels", "triangles", "landmarks")
#: Columns of tables beside the channels.
_COLUMNS = ("dataset", "actor", "clip", "frame", "time", "detected", "used", "confidence")
_SKIN = (0.82, 0.64, 0.55)
#: An outer distance between the eye corners outside this span, mm, tells of another unit.
_EYE_SPAN_MM = (60.0, 140.0)


def read_npz(source: str | os.PathLike, *, identity_modes: int) -> Rig:
    """Read a rig of our own format, or plain arrays of somebody else's face.

    Parameters
    ----------
    source : path-like
        .npz with at least ``neutral``, ``shapes``, ``channels``, ``triangles`` and ``landmarks`` (docs/rigs.md).
    identity_modes : int
        Identity modes to keep at most.

    Raises
    ------
    RigError
        Naming the field that is missing or wrong.
    """
    if not source:
        raise RigError("rig.source is empty; give the .npz file of the rig")
    source = Path(source)
    if not source.exists():
        raise RigError(f"{source}: no such file (rig.source)")
    check_zip(source, RigError)
    try:
        with np.load(source, allow_pickle=False) as archive:
            ours = "header" in archive.files
            arrays = {} if ours else {name: archive[name] for name in archive.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise RigError(f"{source}: not a readable .npz file ({error})") from None
    if ours:
        rig = Rig.load(source)
        rig.identity = rig.identity[:identity_modes]
        return rig
    return _from_arrays(arrays, source, identity_modes)


def _from_arrays(arrays, source, identity_modes):
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise RigError(f"{source}: field '{missing[0]}' is missing; it has {', '.join(arrays)} (docs/rigs.md)")
    neutral = _array(arrays, "neutral", source, (None, 3))
    n = len(neutral)
    triangles = _array(arrays, "triangles", source, (None, 3), kind=np.int32)
    landmarks = _array(arrays, "landmarks", source, (ibug.N_POINTS,), kind=np.int32)
    for name, index in (("triangles", triangles), ("landmarks", landmarks)):
        if index.size and (index.min() < 0 or index.max() >= n):
            raise RigError(f"{source}: {name} refer to vertex {index.max()}, there are {n} (count from 0)")
    _check_place(neutral[landmarks], source)
    channels, shapes = _channels(arrays, source), _array(arrays, "shapes", source, (None, n, 3))
    if len(channels) != len(shapes):
        raise RigError(f"{source}: {len(shapes)} shapes, but {len(channels)} channel names (field 'channels')")
    skin = _array(arrays, "skin", source, (None,), kind=np.int32, default=lambda: np.arange(n, dtype=np.int32))
    regions = face_regions(neutral, landmarks, skin)
    regions |= {name.split("/", 1)[1]: arrays[name].astype(np.int32) for name in arrays if name.startswith("region/")}
    return Rig(
        name=str(arrays.get("name", source.stem)),
        channels=channels,
        neutral=neutral,
        shapes=shapes,
        triangles=triangles,
        landmarks=landmarks,
        identity=_array(arrays, "identity", source, (None, n, 3), default=lambda: np.zeros((0, n, 3)))[:identity_modes],
        colors=_array(arrays, "colors", source, (n, 3), default=lambda: np.tile(_SKIN, (n, 1))),
        material=_array(arrays, "material", source, (n, 2), default=lambda: np.tile([0.1, 1.0], (n, 1))),
        contour=_array(
            arrays, "contour", source, (ibug.N_JAW, None), kind=np.int32,
            default=lambda: contour_candidates(neutral, landmarks, skin),
        ),
        regions=regions,
        head_weight=_array(arrays, "head_weight", source, (n,), default=lambda: np.ones(n)),
        pivot=_array(arrays, "pivot", source, (3,), default=lambda: spine_top(neutral[landmarks])),
        normal_offset=np.zeros((n, 3), np.float32),
        meta={"source": source.name, "licence": str(arrays.get("licence", "unknown"))},
    )  # fmt: skip


def _array(arrays, name, source, shape, *, kind=np.float32, default=None):
    value = np.asarray(arrays[name] if name in arrays else default()).astype(kind)
    fits = value.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, value.shape))
    if not fits:
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise RigError(f"{source}: field '{name}' has shape {value.shape}, expected ({wanted})")
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        raise RigError(f"{source}: field '{name}' holds values that are not finite")
    return value


def _channels(arrays, source):
    """Names of the shapes; they become columns of tables."""
    names = tuple(str(name) for name in arrays["channels"])
    for name in names:
        if not (name.isascii() and name.isalnum() and name[0].isalpha()) or name in _COLUMNS:
            raise RigError(f"{source}: '{name}' cannot be the name of a channel (field 'channels'); take ARKit's "
                           "names, e.g. jawOpen (docs/rigs.md)")  # fmt: skip
    foreign = [name for name in names if name not in (*ARKIT52, *REPORT46)]
    if foreign:
        LOG.warning("%s: speech, labels and exports of ARKit's names will not know %s", source, ", ".join(foreign))
    return names


def _check_place(marks, source):
    """The face must be in millimetres, upright, and look along +z."""
    span = float(ibug.interocular(marks))
    if not _EYE_SPAN_MM[0] < span < _EYE_SPAN_MM[1]:
        raise RigError(f"{source}: the outer eye corners lie {span:.3g} apart, expected {_EYE_SPAN_MM[0]:g} to "
                       f"{_EYE_SPAN_MM[1]:g}; positions must be in millimetres")  # fmt: skip
    right, left = marks[list(ibug.OUTER_EYE_CORNERS)]
    brow, chin, tip, ears = marks[ibug.NOSE][0], marks[ibug.CHIN], marks[ibug.NOSE_TIP], marks[list(ibug.JAW_ENDS)]
    if left[0] < right[0] or brow[1] < chin[1] or tip[2] < ears[:, 2].mean():
        raise RigError(f"{source}: the face does not look along +z with +y up and +x to the subject's left")
