"""Find one actor's identity from the landmarks of all of the actor's clips.

Writes one .npz: the rig's identity coefficients, constant landmark offsets and what the actor's open and shut eyes
look like. Clips without usable landmarks, and one whose face at rest is far from that of the others, are left out; if
none is left, the file says so (status, reason).
"""

import argparse
import json
import logging
import os
from itertools import compress
from typing import TYPE_CHECKING, Any

from speechface.commands.common import add_settings, settings_of

if TYPE_CHECKING:
    from speechface.fitting.clip import FitSettings
    from speechface.geometry.camera import Camera
    from speechface.sections import LabelSettings

__all__ = ["add_arguments", "camera_of", "fit_settings", "read_identity", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--landmarks", required=True, nargs="+", metavar="PARQUET", help="landmark tables of the actor")
    parser.add_argument("--rig", required=True, metavar="NPZ", help="rig built by build-rig")
    parser.add_argument("--out", required=True, metavar="NPZ", help="identity file to write")
    add_settings(parser, "labels")


def fit_settings(settings: "LabelSettings") -> "FitSettings":
    """What the fit takes of the config section labels."""
    from speechface.fitting.clip import FitSettings

    return FitSettings(settings.noise_mm, settings.sparsity, settings.smoothness, settings.iterations)


def camera_of(meta: dict[str, Any], focal_factor: float) -> "Camera":
    """The camera of a clip by its table's metadata."""
    from speechface.geometry.camera import Camera

    return Camera.for_image(meta["width"], meta["height"], focal_factor)


def read_identity(path: str | os.PathLike) -> dict[str, Any]:
    """Read an identity file.

    Returns
    -------
    dict with ``status``, ``reason``, ``rig``, and where the status is ok ``detector``, ``identity`` (K,),
    ``landmark_offsets`` (inner points, 2) in mm, ``focal_factor``, ``eye_open``, ``eye_closed`` and ``eye_noise``, (2,)
    each; ``lips_shut`` where the detector tells contact, ``gaze_rest`` (2, 2) in mm where it sees irises.

    Raises
    ------
    TableError
        If the file is absent or not an identity file.
    """
    import numpy as np

    from speechface.errors import TableError
    from speechface.seals import check_zip

    if not os.path.exists(path):
        raise TableError(f"{path}: no such identity file; run 'speechface fit-identity'")
    check_zip(path, TableError)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return json.loads(str(arrays.pop("header"))) | arrays
    except (ValueError, KeyError) as error:
        raise TableError(f"{path}: not an identity file ({error}); run 'speechface fit-identity'") from None


def run(args: argparse.Namespace) -> None:
    import numpy as np

    from speechface.clip_tables import ClipTables
    from speechface.errors import TableError
    from speechface.files import write_npz
    from speechface.fitting.face import Face
    from speechface.fitting.gaze import Eyeballs, gaze_at_rest
    from speechface.fitting.identity import clips_apart, estimate_focal_factor, fit_identity
    from speechface.fitting.pose import centred
    from speechface.landmarks.detectors import DETECTORS
    from speechface.landmarks.faults import trusted
    from speechface.provenance import provenance
    from speechface.rig.rig import Rig
    from speechface.stages import STAGES

    settings = settings_of(args)
    rig, tables = Rig.load(args.rig), ClipTables(args.landmarks)
    ids, observed, metas, reasons = [], [], [], []
    for clip_id in sorted(tables):  # the same however the clips are dealt out to tables
        table = tables.read(clip_id, ("detected", "fault", "landmarks"))
        detected = trusted(table.columns) if table.usable else np.zeros(0, bool)
        if not detected.any():
            reasons.append(table.reason or "no frame with a face")
            continue
        ids.append(clip_id)
        observed.append(centred(table["landmarks"][detected], camera_of(table.meta, 1.0).centre))
        metas.append(table.meta)
    detectors = sorted({meta["detector"] for meta in metas})
    if len(detectors) > 1:
        raise TableError(f"the landmarks are of several detectors ({', '.join(detectors)}); detect them again")
    header = {"status": "ok", "reason": "", "rig": rig.name, "settings": settings.dump(), "clips": len(observed),
              "clips_left_out": len(reasons), "stage": "identity", "stage_version": STAGES["identity"].version,
              "provenance": provenance()}  # fmt: skip
    arrays = {}
    if observed:
        profile = DETECTORS[detectors[0]].profile
        face = Face.of_rig(rig, profile, errors=settings.detector_errors)
        fitting, count = fit_settings(settings), settings.identity_frames
        sides = [camera_of(meta, 1.0).focal for meta in metas]
        fitted = [points[:, profile.fitted] for points in observed]
        factor = settings.focal_factor or estimate_focal_factor(face, fitted, fitting, sides=sides, count=count)
        focal = [factor * side for side in sides]
        apart = clips_apart(face, fitted, focal=focal)
        header["apart_mm"] = {clip_id: round(float(mm), 2) for clip_id, mm in zip(ids, apart, strict=True) if mm}
        for clip_id, distance in header["apart_mm"].items():
            LOG.warning("%s: left out of the identity: its face at rest is %.1f mm from the other clips'",
                        clip_id, distance)  # fmt: skip
        kept = apart == 0
        observed, fitted, metas = (list(compress(observed, kept)), list(compress(fitted, kept)),
                                   list(compress(metas, kept)))  # fmt: skip
        focal = list(compress(focal, kept))
        found = fit_identity(face, fitted, fitting, focal=focal, fps=[meta["fps"] for meta in metas], count=count)
        header |= {"focal_factor": factor, "detector": detectors[0]}
        offsets = profile.offset_mm * found.coefficients[found.n_modes :].reshape(2, -1).T
        arrays = {
            "identity": found.coefficients[: found.n_modes].astype(np.float32),
            "landmark_offsets": offsets.astype(np.float32),
            "eye_open": found.eyes.open, "eye_closed": found.eyes.closed, "eye_noise": found.eyes.noise,
        }  # fmt: skip
        if found.lips is not None:
            arrays["lips_shut"] = np.array(found.lips.shut)
        eyeballs = Eyeballs.of_rig(rig, profile, found.coefficients[: found.n_modes])
        if eyeballs is not None:
            actor, inner = face.of_actor(found.coefficients), face.profile.inner
            seen = [points[:, inner] for points in fitted]
            arrays["gaze_rest"] = gaze_at_rest(eyeballs, actor.neutral[inner], seen, observed, focal=focal)
        largest = np.abs(arrays["identity"]).max(initial=0)
        LOG.info("identity from %d clips, %d left out, focal length %.2f, largest mode %.1f sd, shut eyes at %.2f",
                 len(observed), len(reasons), factor, largest, found.eyes.closed.mean())  # fmt: skip
    else:
        header |= {"status": "unusable", "reason": f"no clip with a face among {len(reasons)}: {reasons[0]}"}
        LOG.warning("no identity: %s", header["reason"])
    write_npz(args.out, {**arrays, "header": np.array(json.dumps(header, sort_keys=True))})
