"""Trivial references as families: neutral, mean, ridge and knn, whose settings are section ``baselines``."""

from speechface.networks.families.base import Family
from speechface.registry import imported_when_called
from speechface.sections import BaselineSettings

__all__ = ["KNN", "MEAN", "NEUTRAL", "RIDGE"]

_PLACE = "speechface.networks.baselines:"
NEUTRAL = MEAN = RIDGE = KNN = Family(
    BaselineSettings, imported_when_called(_PLACE + "content"), imported_when_called(_PLACE + "restore"),
    fit=imported_when_called(_PLACE + "fit"),
)  # fmt: skip
