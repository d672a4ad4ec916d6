"""Pinhole camera.

The camera sits at the origin and looks along -z with +x right in the image and +y up, so a face that
looks into it has its own axes parallel to the camera's. Pixels have x right and y down, the centre of
the top left pixel at (0, 0) as in dlib's landmarks.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Camera"]


@dataclass(frozen=True)
class Camera:
    """Pinhole camera. `focal` in pixels; `centre` the principal point (x, y) in pixels."""

    focal: float
    centre: tuple

    @classmethod
    def for_image(cls, width: int, height: int, focal_factor: float) -> "Camera":
        """Camera of an image whose focal length is `focal_factor` times its longer side."""
        return cls(float(focal_factor * max(width, height)), ((width - 1) / 2, (height - 1) / 2))

    def project(self, points: np.ndarray) -> np.ndarray:
        """Camera-space points (..., 3), mm, z < 0 in front -> pixels (..., 2)."""
        points = np.asarray(points)
        scale = self.focal / -points[..., 2]
        x = self.centre[0] + points[..., 0] * scale
        y = self.centre[1] - points[..., 1] * scale
        return np.stack([x, y], -1)
