"""Trivial references as families: neutral, mean, ridge and knn, whose settings are section ``baselines``."""

from typing import Any

from speechface.networks.families.base import Family
from speechface.sections import BaselineSettings

__all__ = ["KNN", "MEAN", "NEUTRAL", "RIDGE"]


def _fit(name: str, train: str, stats: dict[str, Any], settings: BaselineSettings) -> Any:
    from speechface.networks.baselines import fit

    return fit(name, train, stats, settings)


def _content(model: Any) -> dict[str, Any]:
    return model.content()


def _restore(content: dict[str, Any]) -> Any:
    from speechface.networks.baselines import restore

    return restore(content)


NEUTRAL = MEAN = RIDGE = KNN = Family(BaselineSettings, _content, _restore, fit=_fit)
