"""One clip's landmarks in a few numbers, for its table's metadata and the quality report."""

from typing import Any

import numpy as np

from speechface.landmarks.detector import Profile, Tracks

__all__ = ["jitter_pct", "track_summary"]


def jitter_pct(landmarks: np.ndarray, profile: Profile) -> float:
    """Noise of landmarks (T, n, 2) from frame to frame, per cent of the distance of the outer eye corners.

    Standard deviation a point of white noise with the same second differences, median over frames, since fast motion
    has second differences too; frames without a face are left out. NaN if no three frames in a row have one.
    """
    second = np.diff(np.asarray(landmarks, np.float64), 2, axis=0)
    power = (second**2).sum(-1).mean(-1)
    if not np.isfinite(power).any():
        return float("nan")
    # the second difference of white noise has 6 times its variance
    return float(100 * np.sqrt(np.nanmedian(power) / 6) / np.nanmedian(profile.interocular(landmarks)))


def track_summary(tracks: Tracks, profile: Profile, *, width: int, height: int) -> dict[str, Any]:
    """Numbers about how a face was followed.

    Parameters
    ----------
    tracks : Tracks
    profile : Profile of the detector
    width, height : int, pixels, of the image

    Returns
    -------
    dict : ``detection_rate`` fraction of frames with a face; ``faces`` seen at once; ``losses``, how often the face was
        lost; ``strangers``, frames dropped because they show somebody else; ``eye_distance_px`` median distance of
        the outer eye corners; ``cut_fraction`` of the faces whose points reach out of the image; ``brightness``, mean
        grey level of the face; ``jitter_pct``. Numbers that a clip without a face does not have are None.
    """
    found = tracks.detected
    points = tracks.landmarks[found]
    summary = {"detection_rate": float(found.mean()) if len(found) else 0.0, "faces": tracks.faces,
               "losses": tracks.losses, "strangers": tracks.strangers}  # fmt: skip
    numbers = dict.fromkeys(("eye_distance_px", "cut_fraction", "brightness", "jitter_pct"))
    if len(points):
        outside = ((points < 0) | (points > (width - 1, height - 1))).any((1, 2))
        numbers = {
            "eye_distance_px": float(np.median(profile.interocular(points))),
            "cut_fraction": float(outside.mean()),
            "brightness": tracks.brightness,
            "jitter_pct": jitter_pct(tracks.landmarks, profile),
        }
    return summary | {name: value if value is not None and np.isfinite(value) else None
                      for name, value in numbers.items()}  # fmt: skip
