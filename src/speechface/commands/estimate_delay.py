"""Tell how much later than the images the sound of every clip stands, from how its lips and its sound go together.

Writes a table of one row a clip: the delay, its uncertainty, how clearly lips and sound go together, how long a face is
seen, s, and the log-likelihood of every delay (`speechface.audio.synchrony`). What the clips of an actor or a data set
tell together is told by `pool-delays`, from these tables. A clip without a face or sound is listed with the reason.
"""

import argparse
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from speechface.clip_tables import ClipTable

__all__ = ["add_arguments", "lips_and_sound", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--landmarks", required=True, metavar="PARQUET", help="table of the clips' landmarks")
    parser.add_argument("--audio", required=True, metavar="PARQUET", help="table of their sound")
    parser.add_argument("--out", required=True, metavar="PARQUET", help="table to write")


def run(args: argparse.Namespace) -> None:
    import numpy as np

    from speechface.audio.synchrony import agreement, synchrony
    from speechface.clip_tables import ClipRows, ClipTable
    from speechface.clip_updates import update_clip_tables

    landmarks, sounds = ClipTable(args.landmarks), ClipTable(args.audio)

    def facts(clip_id: str, known: Any) -> dict[str, Any]:
        return {"landmarks": landmarks.content(clip_id), "audio": sounds.content(clip_id)}

    def estimate(clip_id: str) -> ClipRows:
        gap, times, audio, sr = lips_and_sound(landmarks, sounds, clip_id)
        curve = agreement(gap, times, audio, sr=sr)
        found = synchrony(curve)
        LOG.info("delay %.0f ms, sigma %.0f, agreement %.1f", found.delay_ms, found.sigma_ms, found.agreement)
        columns = {name: np.array([getattr(found, name)]) for name in ("delay_ms", "sigma_ms", "agreement")}
        seen = np.isfinite(gap).sum() * np.median(np.diff(times)) if len(times) > 1 else 0.0
        return ClipRows({**columns, "seen_s": np.array([seen]), "curve": curve[None].astype(np.float32)})

    update_clip_tables(
        {"delays": args.out}, list(landmarks.entries), estimate, stage="delays", settings={}, facts=facts
    )


def lips_and_sound(
    landmarks: "ClipTable", sounds: "ClipTable", clip_id: str
) -> tuple["np.ndarray", "np.ndarray", "np.ndarray", int]:
    """Gap of the lips and times as `speechface.audio.synchrony.agreement` takes them, sound and its rate, Hz.

    The times count from sample 0 of the sound, which begins before the first frame where the file has sound there.

    Raises
    ------
    ClipError
        If the clip has no face or no sound.
    """
    import numpy as np

    from speechface.audio.synchrony import DELAYS_MS, HOP_S
    from speechface.errors import ClipError
    from speechface.landmarks.detectors import DETECTORS
    from speechface.landmarks.faults import trusted
    from speechface.sound_tables import read_sound

    table = landmarks.read(clip_id, ("time", "detected", "fault", "landmarks"))
    if not table.usable:
        raise ClipError(table.reason)
    detected = trusted(table.columns)
    if not detected.any():
        raise ClipError("no frame with a face")
    sound = read_sound(sounds, clip_id)
    if not len(sound.audio):
        raise ClipError("the clip has no sound")
    profile, points = DETECTORS[table.meta["detector"]].profile, table["landmarks"].astype(float)
    gap = np.where(detected, profile.lip_gap(points) / np.median(profile.interocular(points[detected])), np.nan)
    # a whole number of hops, so that hops keep their place in the frames
    lead = HOP_S * min(np.ceil(max(-sound.start, 0.0) / HOP_S), -DELAYS_MS[0] / 1000 / HOP_S)
    return gap, table["time"] + lead, sound.since(-lead), sound.sr
