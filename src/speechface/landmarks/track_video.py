"""dlib's landmarks of a whole video, by the settings of the ``landmarks`` section."""

import itertools

from speechface.landmarks.equalise import Equaliser
from speechface.landmarks.model import DlibFace
from speechface.landmarks.tracking import FaceTracker

__all__ = ["track_video", "CLAHE_TILES"]

#: Tiles along each axis of the histogram equalisation, as in the report's listing A.1.
CLAHE_TILES = 8


#: Images decoded before the predictor runs over them: so many that it keeps its trees in the processor's cache, so
#: few that the images are there still.
CHUNK = 16
#: Images decoded ahead to choose between several faces.
AHEAD = 64


def track_video(images, settings, *, face=None, strips=None):
    """Follow the face through a video.

    Parameters
    ----------
    images : iterable of objects with ``gray``, and for strips ``planes()``
        `speechface.media.decode_images`.
    settings : dict
        Keys of the config section ``landmarks``.
    face : DlibFace, optional
        The detector and predictor; loaded anew where missing.
    strips : speechface.landmarks.strips.FaceStrips, optional
        Gets the part of every image around the face.

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
    images, decoded = iter(images), []

    def grays(count):
        """The next images; decodes what is missing."""
        decoded.extend(itertools.islice(images, max(count - len(decoded), 0)))
        return [image.gray for image in decoded[:count]]

    while frames := grays(CHUNK):
        landmarks = tracker.track(frames, ahead=lambda: grays(AHEAD))
        chunk = decoded[: len(frames)]
        del decoded[: len(frames)]
        if strips is not None:
            for image, points in zip(chunk, landmarks):
                strips.add(image, points)
    return tracker.result()
