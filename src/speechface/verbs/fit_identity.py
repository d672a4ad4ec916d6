"""Find one actor's identity from the landmarks of all of the actor's clips.

Writes one .npz: the rig's identity coefficients, constant landmark offsets and what the actor's open and shut eyes
look like. Clips without usable landmarks are left out; if none is left, the file says so (status, reason).
"""

import json
import logging

from speechface.verbs.common import add_settings, settings_of

__all__ = ["add_arguments", "run", "fit_settings", "read_identity"]


def add_arguments(parser):
    parser.add_argument("--landmarks", required=True, nargs="+", metavar="PARQUET", help="landmark tables of the actor")
    parser.add_argument("--rig", required=True, metavar="NPZ", help="rig built by build-rig")
    parser.add_argument("--out", required=True, metavar="NPZ", help="identity file to write")
    add_settings(parser, "labels")


def fit_settings(settings):
    """`speechface.fitting.gauss_newton.FitSettings` of the config section labels."""
    from speechface.fitting.gauss_newton import FitSettings

    return FitSettings(**{key: settings[key] for key in ("noise_mm", "sparsity", "smoothness", "iterations")})


def camera_of(meta, settings):
    """`speechface.geometry.camera.Camera` of a clip by its table's metadata."""
    from speechface.geometry.camera import Camera

    return Camera.for_picture(meta["width"], meta["height"], settings["focal_factor"])


def read_identity(path):
    """Read an identity file.

    Returns
    -------
    dict with ``status``, ``reason``, ``rig``, and where the status is ok ``identity`` (K,), ``landmark_offsets``
    (51, 2) in mm, ``eye_open``, ``eye_closed``, ``eye_noise`` (2,) each.

    Raises
    ------
    TableError
        If the file is absent or not an identity file.
    """
    import os
    import zipfile

    import numpy as np

    from speechface.errors import TableError

    if not os.path.exists(path):
        raise TableError(f"{path}: no such identity file; run 'speechface fit-identity'")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return json.loads(str(arrays.pop("header"))) | arrays
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise TableError(f"{path}: not an identity file ({error}); run 'speechface fit-identity'") from None


def run(args):
    import numpy as np

    from speechface.files import write_npz
    from speechface.fitting.detector_errors import error_modes
    from speechface.fitting.face import OFFSET_SD_MM, Face
    from speechface.fitting.identity import fit_identity
    from speechface.fitting.pose import centred
    from speechface.provenance import provenance
    from speechface.rig.rig import Rig
    from speechface.stages import STAGES
    from speechface.tables import read_table

    settings = settings_of(args)
    rig = Rig.load(args.rig)
    observed, focal, fps, reasons = [], [], [], []
    for path in args.landmarks:
        table = read_table(path)
        detected = table["detected"] if table.usable else np.zeros(0, bool)
        if not detected.any():
            reasons.append(table.reason or "no frame with a face")
            continue
        camera = camera_of(table.meta, settings)
        observed.append(centred(table["landmarks"][detected], camera.centre))
        focal.append(camera.focal)
        fps.append(table.meta["fps"])
    header = {"status": "ok", "reason": "", "rig": rig.name, "settings": settings, "clips": len(observed),
              "clips_left_out": len(reasons), "stage": "identity", "stage_version": STAGES["identity"].version,
              "provenance": provenance()}  # fmt: skip
    arrays = {}
    if observed:
        face = Face.of_rig(rig, errors=error_modes(settings["detector_errors"]))
        found = fit_identity(
            face, observed, fit_settings(settings), focal=focal, fps=fps, count=settings["identity_frames"]
        )
        offsets = OFFSET_SD_MM * found.coefficients[found.n_modes :].reshape(2, -1).T
        arrays = {
            "identity": found.coefficients[: found.n_modes].astype(np.float32),
            "landmark_offsets": offsets.astype(np.float32),
            "eye_open": found.eyes.open, "eye_closed": found.eyes.closed, "eye_noise": found.eyes.noise,
        }  # fmt: skip
        largest = np.abs(arrays["identity"]).max(initial=0)
        logging.info("identity from %d clips, %d left out, largest mode %.1f sd, eyes shut at %.2f of open",
                     len(observed), len(reasons), largest, found.eyes.closed.mean())  # fmt: skip
    else:
        header |= {"status": "unusable", "reason": f"no clip with a face among {len(reasons)}: {reasons[0]}"}
        logging.info("no identity: %s", header["reason"])
    write_npz(args.out, {**arrays, "header": np.array(json.dumps(header, sort_keys=True))})
