"""How the landmark detector errs.

Its errors are not independent from point to point: whole brows slide, the mouth moves as one. `detector_errors.json`
holds the largest of these common motions, measured on rendered faces with exact truth by
benchmarks/calibrate_errors.py. The fitter carries one variable for each in every frame, so that such a motion of
points need not be explained by weights.
"""

import json
from importlib import resources

import numpy as np

__all__ = ["error_modes", "TABLE"]

TABLE = "detector_errors.json"


def error_modes(scale):
    """Common motions of the points.

    Parameters
    ----------
    scale : float, 0 to 1: share of the measured size; 0 trusts the detector to err independently

    Returns
    -------
    modes : ndarray (68, 3, m), mm on the face for one standard deviation; the jaw and depth stay
    """
    if scale == 0:
        return np.zeros((68, 3, 0))
    table = json.loads(resources.files(__package__).joinpath(TABLE).read_text(encoding="utf-8"))
    modes = np.moveaxis(np.array(table["modes_mm"], float), 0, -1)
    return scale * np.concatenate([modes, np.zeros_like(modes[:, :1])], 1)
