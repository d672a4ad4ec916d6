"""Fit head rotation, translation and blendshape weights to the landmarks of one actor's clips.

Writes a table of one row a video frame. Frames without a face that may be believed are bridged and marked as not used,
as are frames whose landmarks the face cannot reach. A clip that cannot be used is listed with the reason.
"""

import argparse
import functools
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from speechface.commands.common import add_settings, settings_of

if TYPE_CHECKING:
    import numpy as np

    from speechface.clip_tables import ClipRows
    from speechface.fitting.eyes import EyeCalibration
    from speechface.fitting.face import Face
    from speechface.fitting.gaze import Eyeballs
    from speechface.fitting.lips import LipCalibration
    from speechface.rig.rig import Rig
    from speechface.sections import LabelSettings
    from speechface.tables import Table

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)

#: What is read of the landmarks.
_COLUMNS = ("frame", "time", "detected", "fault", "landmarks")
#: Metadata that all clips share.
_SHARED = ("channels", "observed", "rig", "rotation", "translation", "detector")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--landmarks", required=True, metavar="PARQUET", help="table of the clips' landmarks")
    parser.add_argument("--identity", required=True, metavar="NPZ", help="identity file of the clips' actor")
    parser.add_argument("--rig", required=True, metavar="NPZ", help="the rig the identity was fitted with")
    parser.add_argument("--out", required=True, metavar="PARQUET", help="table to write")
    add_settings(parser, "labels")


def run(args: argparse.Namespace) -> None:
    from speechface.clip_tables import ClipTable, file_facts
    from speechface.clip_updates import update_clip_tables

    settings, tables = settings_of(args), ClipTable(args.landmarks)
    actor = functools.cache(lambda: _load_actor(args.identity, args.rig, settings))  # for the first clip that needs it

    def facts(clip_id: str, known: Any) -> dict[str, Any]:
        return {
            "landmarks": tables.content(clip_id),
            "rig": file_facts(args.rig, known.get("rig")),
            "identity": file_facts(args.identity, known.get("identity")),
        }

    update_clip_tables(
        {"labels": args.out},
        list(tables.entries),
        lambda clip_id: _labels(tables.read(clip_id, _COLUMNS), actor, settings),
        stage="labels",
        settings=settings,
        facts=facts,
        shared=_SHARED,
    )


@dataclass(frozen=True)
class _Actor:
    """What all clips of an actor share.

    `eyeballs` and `gaze_rest` are None where the detector does not see irises. `face` is the actor's own; `observed`
    (C,) bool, the channels that the landmarks show; `focal_factor`, focal length in units of the image's longer side.
    """

    rig: "Rig"
    detector: str
    face: "Face"
    eyes: "EyeCalibration"
    lips: "LipCalibration | None"
    eyeballs: "Eyeballs | None"
    gaze_rest: "np.ndarray | None"
    observed: "np.ndarray"
    focal_factor: float


def _load_actor(identity_path: str, rig_path: str, settings: "LabelSettings") -> _Actor:
    """Read an `_Actor`. ClipError where the actor has no identity."""
    import numpy as np

    from speechface.commands.fit_identity import read_identity
    from speechface.errors import ClipError, RigError
    from speechface.fitting.eyes import EyeCalibration
    from speechface.fitting.face import Face
    from speechface.fitting.gaze import Eyeballs
    from speechface.fitting.lips import LipCalibration
    from speechface.fitting.observability import observed_channels
    from speechface.landmarks.detectors import DETECTORS
    from speechface.rig.channels import GAZE, columns
    from speechface.rig.rig import Rig

    identity = read_identity(identity_path)
    if identity["status"] != "ok":
        raise ClipError(f"the actor has no identity: {identity['reason']}")
    rig, profile = Rig.load(rig_path), DETECTORS[identity["detector"]].profile
    face, modes = Face.of_rig(rig, profile, errors=settings.detector_errors), identity["identity"]
    if identity["rig"] != rig.name or len(modes) != face.n_modes:
        raise RigError(f"the identity was fitted with rig '{identity['rig']}' and {len(modes)} modes, the rig given is "
                       f"'{rig.name}' with {face.n_modes}; run 'speechface fit-identity' again")  # fmt: skip
    coefficients = np.concatenate([modes, identity["landmark_offsets"].T.ravel() / profile.offset_mm]).astype(float)
    eyes = EyeCalibration(identity["eye_open"], identity["eye_closed"], identity["eye_noise"])
    lips = LipCalibration(float(identity["lips_shut"])) if "lips_shut" in identity else None
    eyeballs, observed = Eyeballs.of_rig(rig, profile, modes), observed_channels(face)
    if eyeballs is not None:
        observed[columns(rig.channels, GAZE)] = True
    return _Actor(rig, identity["detector"], face.of_actor(coefficients), eyes, lips, eyeballs,
                  identity.get("gaze_rest"), observed, identity["focal_factor"])  # fmt: skip


def _labels(table: "Table", load_actor: Any, settings: "LabelSettings") -> "ClipRows":
    """Rows of one clip; `load_actor` is a function that gives its `_Actor`."""
    import numpy as np

    from speechface.clip_tables import ClipRows
    from speechface.commands.fit_identity import camera_of, fit_settings
    from speechface.errors import ClipError, TableError
    from speechface.fitting.gaze import with_gaze
    from speechface.fitting.labels import fit_labels, relative_rotation
    from speechface.fitting.pose import centred
    from speechface.fitting.quality import clip_quality, confidence, expected_error
    from speechface.geometry import ibug
    from speechface.geometry.rotation import euler_from_matrix
    from speechface.landmarks.detectors import DETECTORS
    from speechface.landmarks.faults import trusted
    from speechface.rig.channels import ROTATIONS

    if not table.usable:
        raise ClipError(table.reason)
    detected = trusted(table.columns)
    if not detected.any():
        raise ClipError("no frame with a face")
    actor: _Actor = load_actor()
    if table.meta["detector"] != actor.detector:
        raise TableError(f"the landmarks are of detector {table.meta['detector']}, the identity was fitted to those of "
                         f"{actor.detector}; run 'speechface fit-identity' again")  # fmt: skip
    rig, profile = actor.rig, actor.face.profile
    camera = camera_of(table.meta, actor.focal_factor)
    points = centred(table["landmarks"], camera.centre)
    seen = points[:, DETECTORS[actor.detector].profile.fitted]
    fps = float(table.meta["fps"])
    labels = fit_labels(actor.face, actor.eyes, seen, detected, fit_settings(settings), focal=camera.focal, fps=fps,
                        lips=actor.lips)  # fmt: skip
    if actor.eyeballs is not None and actor.gaze_rest is not None:
        weights = with_gaze(labels.weights, actor.eyeballs, points, detected, labels.rotation, labels.translation,
                            rest=actor.gaze_rest, focal=camera.focal)  # fmt: skip
        labels = replace(labels, weights=weights)

    size = np.where(detected, profile.interocular(seen), np.nan)
    with np.errstate(invalid="ignore"):
        miss_pct = 100 * labels.miss / size
        used = detected & (miss_pct <= settings.max_reprojection_pct)
    motion = rig.displacement(labels.weights, rig.landmarks)
    every_miss = 100 * np.linalg.norm(labels.projected - np.where(detected[:, None, None], seen, 0.0), axis=-1)
    expected = expected_error(every_miss / np.where(detected, size, 1.0)[:, None], motion, profile)
    relative, median = relative_rotation(labels.rotation, used)
    angles = euler_from_matrix(relative)
    columns = {"frame": table["frame"], "time": table["time"], "detected": detected, "used": used,
               "confidence": np.where(detected, confidence(expected), 0.0), "reprojection_px": labels.miss}  # fmt: skip
    columns |= {name: angles[:, k] for k, name in enumerate(ROTATIONS)}
    columns |= {"translation_" + axis: labels.translation[:, k] for k, axis in enumerate("xyz")}
    columns |= {name: labels.weights[:, k] for k, name in enumerate(rig.channels)}
    columns = {name: c.astype(np.float32) if c.dtype == float and name != "time" else c for name, c in columns.items()}
    quality = clip_quality(seen, labels.projected, detected, labels.weights, motion[:, ibug.MOUTH], profile,
                           rig.channels)  # fmt: skip
    LOG.info("%d frames, %d used, reprojection %.2f %%, lip gap r %.3f, jitter %.2f mm", len(detected), used.sum(),
             quality["reprojection_pct_iod"], quality["lip_gap_r"], quality["jitter_mm"])  # fmt: skip
    carried = ("width", "height", "fps", "detection_rate")
    meta: dict[str, Any] = {key: table.meta[key] for key in carried if key in table.meta}
    meta |= {
        "channels": list(rig.channels), "observed": actor.observed.tolist(), "rig": rig.name,
        "detector": actor.detector, "rotation_reference": median.tolist(),
        "rotation": "radians, relative to the median pose: Rz Ry Rx = reference^T R",
        "translation": "mm in camera space", "focal_px": camera.focal, "centre_px": list(camera.centre),
        "quality": {key: value if np.isfinite(value) else None for key, value in quality.items()},
    }  # fmt: skip
    return ClipRows(columns, meta)
