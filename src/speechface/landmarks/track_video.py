"""dlib's landmarks of a whole video, by the settings of the ``landmarks`` section."""

import itertools

from speechface.landmarks.equalise import Equaliser
from speechface.landmarks.model import DlibFace
from speechface.landmarks.tracking import FaceTracker

__all__ = ["track_video", "CLAHE_TILES"]

#: Tiles along each axis of the histogram equalisation, as in the report's listing A.1.
CLAHE_TILES = 8


#: Pictures decoded before the predictor runs over them: so many that it keeps its trees in the processor's cache, so
#: few that the pictures are there still.
CHUNK = 16
#: Pictures decoded ahead to choose between several faces.
AHEAD = 64


def track_video(pictures, settings, *, face=None, strips=None):
    """Follow the face through a video.

    Parameters
    ----------
    pictures : iterable of objects with ``gray``, and for strips ``planes()``
        `speechface.media.decode_pictures`.
    settings : dict
        Keys of the config section ``landmarks``.
    face : DlibFace, optional
        The detector and predictor; loaded anew where missing.
    strips : speechface.landmarks.strips.FaceStrips, optional
        Gets the part of every picture around the face.

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
    pictures, decoded = iter(pictures), []

    def grays(count):
        """The next pictures; decodes what is missing."""
        decoded.extend(itertools.islice(pictures, max(count - len(decoded), 0)))
        return [picture.gray for picture in decoded[:count]]

    while frames := grays(CHUNK):
        landmarks = tracker.track(frames, ahead=lambda: grays(AHEAD))
        chunk = decoded[: len(frames)]
        del decoded[: len(frames)]
        if strips is not None:
            for picture, points in zip(chunk, landmarks):
                strips.add(picture, points)
    return tracker.result()
