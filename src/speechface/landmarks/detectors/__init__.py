"""The landmark detectors that there are, one module each."""

from speechface.registry import Registry

__all__ = ["DETECTORS"]

#: name -> `speechface.landmarks.detector.Detector`
DETECTORS = Registry("detector", {
    "dlib": "speechface.landmarks.detectors.dlib:DETECTOR",
    "both": "speechface.landmarks.detectors.both:DETECTOR",
    "mediapipe": "speechface.landmarks.detectors.mediapipe:DETECTOR",
})  # fmt: skip
