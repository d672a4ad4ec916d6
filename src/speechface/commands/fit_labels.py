"""Fit head rotation, translation and 46 blendshape weights to the landmarks of one actor's clips.

One table a clip, one row a video frame.

Frames without a face are bridged and marked as not used, as are frames whose landmarks the face cannot reach.
"""

import functools
import logging
from dataclasses import dataclass
from typing import Any

from speechface.commands.batches import add_keep, pieces_of, work_through
from speechface.commands.common import add_settings, settings_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    parser.add_argument("--landmarks", required=True, nargs="+", metavar="PARQUET", help="landmark tables of the clips")
    parser.add_argument("--identity", required=True, metavar="NPZ", help="identity file of the clips' actor")
    parser.add_argument("--rig", required=True, metavar="NPZ", help="the rig the identity was fitted with")
    parser.add_argument("--out", required=True, nargs="+", metavar="PARQUET", help="label tables to write, one a clip")
    add_settings(parser, "labels")
    add_keep(parser)


def run(args):
    settings = settings_of(args)
    actor = functools.cache(lambda: _load_actor(args.identity, args.rig, settings))
    work_through(
        pieces_of(args, inputs=("landmarks",), outputs=("out",), shared=("identity", "rig")),
        lambda piece: _write(piece.inputs["landmarks"], piece.outputs["out"], actor, settings),
        stage="labels", settings=settings, keep=args.keep,
    )  # fmt: skip


def _write(landmarks, out, actor, settings):
    """Write the label table of one clip; `actor` is a function that loads its `_Actor`."""
    from speechface.errors import ClipError
    from speechface.tables import read_table, write_table, write_unusable

    table = read_table(landmarks)
    try:
        if not table.usable:
            raise ClipError(table.reason)
        if not table["detected"].any():
            raise ClipError("no frame with a face")
        columns, meta = _labels(table, actor(), settings)
    except ClipError as error:
        write_unusable(out, error, stage="labels", settings=settings)
        logging.info("%s: unusable, %s", out, error)
        return
    write_table(out, columns, stage="labels", settings=settings, meta=meta)
    quality = meta["quality"]
    logging.info(
        "%s: %d frames, %d used, reprojection %.2f %%, lip gap r %.3f, jitter %.2f mm", out, len(columns["frame"]),
        columns["used"].sum(), quality["reprojection_pct_iod"], quality["lip_gap_r"], quality["jitter_mm"],
    )  # fmt: skip


@dataclass(frozen=True)
class _Actor:
    """What all clips of an actor share: `Rig`, the actor's `Face` and `EyeCalibration`, observed channels (46,) and
    focal length in units of the image's longer side."""

    rig: Any
    face: Any
    eyes: Any
    observed: Any
    focal_factor: float


def _load_actor(identity_path, rig_path, settings):
    """Read an `_Actor`. ClipError where the actor has no identity."""
    from speechface.commands.fit_identity import read_identity
    from speechface.errors import ClipError
    from speechface.fitting.detector_errors import error_modes
    from speechface.fitting.face import Face
    from speechface.fitting.observability import observed_channels
    from speechface.rig.rig import Rig

    identity = read_identity(identity_path)
    if identity["status"] != "ok":
        raise ClipError(f"the actor has no identity: {identity['reason']}")
    rig = Rig.load(rig_path)
    face = Face.of_rig(rig, errors=error_modes(settings["detector_errors"]))
    return _Actor(rig, *_own_face(face, identity, rig), observed_channels(face), identity["focal_factor"])


def _own_face(face, identity, rig):
    """The actor's face and eyes from an identity file's content."""
    import numpy as np

    from speechface.errors import RigError
    from speechface.fitting.eyes import EyeCalibration
    from speechface.fitting.face import OFFSET_SD_MM

    modes = identity["identity"]
    if identity["rig"] != rig.name or len(modes) != face.n_modes:
        raise RigError(f"the identity was fitted with rig '{identity['rig']}' and {len(modes)} modes, the rig given is "
                       f"'{rig.name}' with {face.n_modes}; run 'speechface fit-identity' again")  # fmt: skip
    coefficients = np.concatenate([modes, identity["landmark_offsets"].T.ravel() / OFFSET_SD_MM]).astype(float)
    eyes = EyeCalibration(identity["eye_open"], identity["eye_closed"], identity["eye_noise"])
    return face.of_actor(coefficients), eyes


def _labels(table, actor, settings):
    """Columns and metadata of one clip's labels."""
    import numpy as np

    from speechface.commands.fit_identity import camera_of, fit_settings
    from speechface.fitting.labels import fit_labels, relative_rotation
    from speechface.fitting.pose import centred
    from speechface.fitting.quality import clip_quality, confidence, expected_error, interocular
    from speechface.geometry.rotation import euler_from_matrix
    from speechface.rig.channels import CHANNELS, ROTATIONS

    rig = actor.rig
    detected = table["detected"].astype(bool)
    camera = camera_of(table.meta, actor.focal_factor)
    seen = centred(table["landmarks"], camera.centre)
    fps = float(table.meta["fps"])
    labels = fit_labels(actor.face, actor.eyes, seen, detected, fit_settings(settings), focal=camera.focal, fps=fps)

    size = np.where(detected, interocular(seen), np.nan)
    with np.errstate(invalid="ignore"):
        miss_pct = 100 * labels.miss / size
        used = detected & (miss_pct <= settings["max_reprojection_pct"])
    motion = rig.displacement(labels.weights, rig.landmarks)
    every_miss = 100 * np.linalg.norm(labels.projected - np.where(detected[:, None, None], seen, 0.0), axis=-1)
    expected = expected_error(every_miss / np.where(detected, size, 1.0)[:, None], motion)
    relative, median = relative_rotation(labels.rotation, used)
    angles = euler_from_matrix(relative)
    columns = {"frame": table["frame"], "time": table["time"], "detected": detected, "used": used,
               "confidence": np.where(detected, confidence(expected), 0.0), "reprojection_px": labels.miss}  # fmt: skip
    columns |= {name: angles[:, k] for k, name in enumerate(ROTATIONS)}
    columns |= {"translation_" + axis: labels.translation[:, k] for k, axis in enumerate("xyz")}
    columns |= {name: labels.weights[:, k] for k, name in enumerate(CHANNELS)}
    columns = {name: c.astype(np.float32) if c.dtype == float and name != "time" else c for name, c in columns.items()}
    quality = clip_quality(seen, labels.projected, detected, labels.weights, motion[:, 48:])
    meta = {key: table.meta[key] for key in ("width", "height", "fps", "detection_rate") if key in table.meta}
    meta |= {
        "channels": list(CHANNELS), "observed": actor.observed.tolist(), "rig": rig.name,
        "rotation_reference": median.tolist(),
        "rotation": "radians, relative to the median pose: Rz Ry Rx = reference^T R",
        "translation": "mm in camera space", "focal_px": camera.focal, "centre_px": list(camera.centre),
        "quality": {key: value if np.isfinite(value) else None for key, value in quality.items()},
    }  # fmt: skip
    return columns, meta
