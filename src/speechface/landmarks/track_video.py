"""dlib's landmarks of a whole video, by the settings of the ``landmarks`` section."""

from speechface.landmarks.equalise import Equaliser
from speechface.landmarks.model import DlibFace
from speechface.landmarks.tracking import FaceTracker

__all__ = ["track_video", "CLAHE_TILES"]

#: Tiles along each axis of the histogram equalisation, as in the report's listing A.1.
CLAHE_TILES = 8


def track_video(chunks, settings, *, face=None):
    """Follow the face through a video.

    Parameters
    ----------
    chunks : iterable of ndarray (m, height, width), uint8
        Gray pictures, e.g. `speechface.media.decode_gray`.
    settings : dict
        Keys of the config section ``landmarks``.
    face : DlibFace, optional
        The detector and predictor; loaded anew where missing.

    Returns
    -------
    tracks : speechface.landmarks.tracking.Tracks
    """
    face = face or DlibFace()
    tracker = FaceTracker(
        face.detect,
        face.predict,
        Equaliser(clip_limit=settings["clahe_clip"], tiles=CLAHE_TILES),
        detect_every=settings["detect_every"],
        detect_height=settings["detect_height"],
        boxes=settings["jittered_boxes"],
    )
    for chunk in chunks:
        tracker.track(chunk)
    return tracker.result()
