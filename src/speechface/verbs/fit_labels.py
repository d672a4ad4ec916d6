"""Fit head rotation, translation and 46 blendshape weights to the landmarks of a clip, one row a video frame.

Frames without a face are bridged and marked as not used, as are frames whose landmarks the face cannot reach.
"""

import logging

from speechface.verbs.common import add_settings, settings_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    parser.add_argument("--landmarks", required=True, metavar="PARQUET", help="landmark table of the clip")
    parser.add_argument("--identity", required=True, metavar="NPZ", help="identity file of the clip's actor")
    parser.add_argument("--rig", required=True, metavar="NPZ", help="the rig the identity was fitted with")
    parser.add_argument("--out", required=True, metavar="PARQUET", help="label table to write")
    add_settings(parser, "labels")


def run(args):
    from speechface.errors import ClipError
    from speechface.tables import write_table, write_unusable

    settings = settings_of(args)
    try:
        columns, meta = _labels(args, settings)
    except ClipError as error:
        write_unusable(args.out, error, stage="labels", settings=settings)
        logging.info("%s: unusable, %s", args.out, error)
        return
    write_table(args.out, columns, stage="labels", settings=settings, meta=meta)
    quality = meta["quality"]
    logging.info(
        "%s: %d frames, %d used, reprojection %.2f %%, lip gap r %.3f, jitter %.2f mm", args.out, len(columns["frame"]),
        columns["used"].sum(), quality["reprojection_pct_iod"], quality["lip_gap_r"], quality["jitter_mm"],
    )  # fmt: skip


def _actor(face, identity, rig):
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


def _labels(args, settings):
    """Columns and metadata of one clip's labels. ClipError where it has none."""
    import numpy as np

    from speechface.errors import ClipError
    from speechface.fitting.face import Face
    from speechface.fitting.labels import fit_labels, relative_rotation
    from speechface.fitting.observability import observed_channels
    from speechface.fitting.pose import centred
    from speechface.fitting.quality import clip_quality, interocular
    from speechface.geometry.rotation import euler_from_matrix
    from speechface.rig.channels import CHANNELS, ROTATIONS
    from speechface.rig.rig import Rig
    from speechface.tables import read_table
    from speechface.verbs.fit_identity import camera_of, fit_settings, read_identity

    table = read_table(args.landmarks)
    if not table.usable:
        raise ClipError(table.reason)
    detected = table["detected"].astype(bool)
    if not detected.any():
        raise ClipError("no frame with a face")
    identity = read_identity(args.identity)
    if identity["status"] != "ok":
        raise ClipError(f"the actor has no identity: {identity['reason']}")
    rig = Rig.load(args.rig)
    face = Face.of_rig(rig)
    observed_mask = observed_channels(face)
    actor, eyes = _actor(face, identity, rig)
    camera = camera_of(table.meta, settings)
    seen = centred(table["landmarks"], camera.centre)
    fps = float(table.meta["fps"])
    labels = fit_labels(actor, eyes, seen, detected, fit_settings(settings), focal=camera.focal, fps=fps)

    size = np.where(detected, interocular(seen), np.nan)
    with np.errstate(invalid="ignore"):
        miss_pct = 100 * labels.miss / size
        used = detected & (miss_pct <= settings["max_reprojection_pct"])
        confidence = np.where(detected, 1 / (1 + (miss_pct / settings["max_reprojection_pct"]) ** 2), 0.0)
    relative, median = relative_rotation(labels.rotation, used)
    angles = euler_from_matrix(relative)
    mouth = rig.displacement(labels.weights, rig.landmarks[48:])
    columns = {"frame": table["frame"], "time": table["time"], "detected": detected, "used": used,
               "confidence": confidence, "reprojection_px": labels.miss}  # fmt: skip
    columns |= {name: angles[:, k] for k, name in enumerate(ROTATIONS)}
    columns |= {"translation_" + axis: labels.translation[:, k] for k, axis in enumerate("xyz")}
    columns |= {name: labels.weights[:, k] for k, name in enumerate(CHANNELS)}
    columns = {name: c.astype(np.float32) if c.dtype == float and name != "time" else c for name, c in columns.items()}
    quality = clip_quality(seen, labels.projected, detected, labels.weights, mouth)
    meta = {key: table.meta[key] for key in ("width", "height", "fps", "detection_rate") if key in table.meta}
    meta |= {
        "channels": list(CHANNELS), "observed": observed_mask.tolist(), "rig": rig.name,
        "rotation_reference": median.tolist(),
        "rotation": "radians, relative to the median pose: Rz Ry Rx = reference^T R",
        "translation": "mm in camera space", "focal_px": camera.focal, "centre_px": list(camera.centre),
        "quality": {key: value if np.isfinite(value) else None for key, value in quality.items()},
    }  # fmt: skip
    return columns, meta
