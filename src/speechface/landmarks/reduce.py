"""Images made smaller by a whole number."""

import numpy as np

__all__ = ["reduced"]


def reduced(plane: np.ndarray, step: int) -> np.ndarray:
    """Average `step` x `step` pixels of a plane (height, width), uint8; what is left over at its end is cut.

    Pixel j of the result has its centre at ``step * j + (step - 1) / 2``.
    """
    import cv2

    if step == 1:
        return plane
    height, width = (max(side // step, 1) for side in plane.shape)
    return cv2.resize(plane[: height * step, : width * step], (width, height), interpolation=cv2.INTER_AREA)
