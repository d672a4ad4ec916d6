"""The stages of the workflow: their versions and the config sections they read.

Snakemake reruns a job when its parameters change, but it cannot see an edit inside this package. So each
stage has a version, which reaches its rule as a parameter: raise it whenever the stage's output changes. A feature is a
stage of its own and brings its version (`speechface.audio.feature.Feature`).
"""

from dataclasses import dataclass

__all__ = ["Stage", "STAGES"]


@dataclass(frozen=True)
class Stage:
    """`version` counts changes of the output; `sections` are the config sections the stage depends on."""

    version: int
    sections: tuple[str, ...] = ()


class _Stages(dict[str, Stage]):
    """The stages named here, and every feature."""

    def __missing__(self, name: str) -> Stage:
        from speechface.audio.features import FEATURES

        if name not in FEATURES:
            raise KeyError(name)
        return Stage(FEATURES[name].version, ("audio", name))

    def __contains__(self, name: object) -> bool:
        from speechface.audio.features import FEATURES

        return super().__contains__(name) or name in FEATURES


STAGES = _Stages(
    {
        "clips": Stage(1, ("datasets",)),
        "demo": Stage(3, ("demo",)),
        "audio": Stage(6, ("audio",)),
        "delays": Stage(1, ("datasets",)),
        "landmarks": Stage(9, ("landmarks",)),
        "crops": Stage(3, ("crops",)),
        "rig": Stage(3, ("rig",)),
        "identity": Stage(7, ("labels",)),
        "labels": Stage(8, ("labels",)),
        "label_report": Stage(6, ("quality",)),
        "splits": Stage(3, ("datasets",)),
        "stats": Stage(1, ()),
        "training": Stage(5, ("models", "training")),
        "baselines": Stage(2, ("baselines",)),
        "prediction": Stage(4, ()),
        "evaluation": Stage(3, ("evaluation",)),
        "rendering": Stage(2, ("rendering",)),
        "figures": Stage(4, ("figures",)),
        "animation": Stage(1, ()),
    }
)
