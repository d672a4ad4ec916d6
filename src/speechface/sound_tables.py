"""The tables of sound: one row a clip, with its sound as FLAC and the times of its video frames."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from speechface.audio.sound import decode_flac, encode_flac
from speechface.clip_tables import ClipRows, ClipTable, ClipTables, bytes_column
from speechface.errors import ClipError

__all__ = ["Sound", "read_sound", "read_times", "sound_rows"]


class Sound(NamedTuple):
    """Sound of a clip.

    Parameters
    ----------
    audio : ndarray (n_samples,), float32 in [-1, 1)
    sr : int, Hz
    start : float, s, when sample 0 is to be heard; the first video frame shows at 0
    """

    audio: np.ndarray
    sr: int
    start: float

    def since(self, moment: float) -> np.ndarray:
        """The sound from a moment on, s; silence where there is none before sample 0."""
        skipped = round((moment - self.start) * self.sr)
        if skipped >= 0:
            return self.audio[skipped:]
        return np.concatenate([np.zeros(-skipped, np.float32), self.audio]) if len(self.audio) else self.audio


def sound_rows(
    clip_id: str, audio: np.ndarray, sr: int, times: np.ndarray, *, start: float = 0.0, **meta: object
) -> ClipRows:
    """Return the row of a clip.

    Parameters
    ----------
    clip_id : str, ``dataset/actor/clip``
    audio : ndarray (n_samples,), mono, full scale 1.0
    sr : int, Hz
    times : ndarray (n,), s, of the video frames
    start : float, s, of sample 0; below 0 where the sound begins before the first frame
    **meta : JSON values, ``fps`` among them: frames/s
    """
    column = bytes_column([encode_flac(audio, sr)], [f"{clip_id.rsplit('/', 1)[-1]}.flac"])
    listed = pa.array([np.asarray(times, np.float64).tolist()], pa.list_(pa.float64()))
    return ClipRows({"audio": column, "times": listed}, {"n_samples": len(audio), "sr": sr, "start": start, **meta})


def _row(tables: ClipTable | ClipTables, clip_id: str, column: str) -> pa.Scalar:
    entry = tables.entry(clip_id)
    if entry["status"] == "unusable":
        raise ClipError(entry["reason"])
    return tables.arrow(clip_id, [column]).column(0)[0]


def read_sound(tables: ClipTable | ClipTables, clip_id: str, *, delay_ms: float = 0.0) -> Sound:
    """Return the sound of a clip, in step with its images where it stands `delay_ms` late.

    Raises
    ------
    ClipError
        If the clip could not be used; the reason is the table's.
    MediaError
        If the sound is damaged.
    """
    audio, sr = decode_flac(_row(tables, clip_id, "audio")["bytes"].as_py(), f"sound of {clip_id}")
    return Sound(audio, sr, float(tables.clip_meta(clip_id)["start"]) - delay_ms / 1000)


def read_times(tables: ClipTable | ClipTables, clip_id: str) -> tuple[np.ndarray, float]:
    """Return the times of a clip's video frames, ndarray (n,) float64, s, and their rate, frames/s; errors as above."""
    times = _row(tables, clip_id, "times").values.to_numpy(zero_copy_only=False)
    return times, float(tables.clip_meta(clip_id)["fps"])
