"""The families of models: what each is called, which settings it has and where its code is.

To add one, write its module here with a `Family` and add a line to `FAMILIES`. These modules are cheap to import; what
needs torch stands behind the functions of a `Family`.
"""

from speechface.registry import Registry

__all__ = ["FAMILIES"]

#: name -> `speechface.networks.families.base.Family`
FAMILIES = Registry("family", {
    "report": "speechface.networks.families.report:FAMILY",
    "sequence": "speechface.networks.families.sequence:FAMILY",
    "flow": "speechface.networks.families.flow:FAMILY",
    "ensemble": "speechface.networks.families.ensemble:FAMILY",
    "neutral": "speechface.networks.families.baselines:NEUTRAL",
    "mean": "speechface.networks.families.baselines:MEAN",
    "ridge": "speechface.networks.families.baselines:RIDGE",
    "knn": "speechface.networks.families.baselines:KNN",
})  # fmt: skip
