"""The configuration: one file, typed sections, defaults filled in, unknown keys refused.

Every section is a class of `speechface.settings.Settings`. Features, datasets, landmark detectors and model families
bring their own; the others stand in `speechface.sections`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from speechface.audio.features import FEATURES
from speechface.config_checks import CHECKS, check_clips, check_files, first_problem
from speechface.config_models import families, member_of, model_settings, models_of
from speechface.datasets.base import ADAPTERS, Clip, DatasetSettings, list_clips
from speechface.errors import ConfigError
from speechface.figures.registry import FIGURES
from speechface.landmarks.detector import DetectorSettings
from speechface.landmarks.detectors import DETECTORS
from speechface.networks.families.base import ModelSettings
from speechface.registry import require
from speechface.rig.registry import RIGS
from speechface.sections import (
    SECTIONS,
    AudioSettings,
    BaselineSettings,
    CropSettings,
    EvaluationSettings,
    FigureSettings,
    LabelSettings,
    QualitySettings,
    RenderingSettings,
    RigSettings,
    TrainingSettings,
)
from speechface.settings import Distinct, Seed, Settings, from_json, unknown_key

__all__ = [
    "Config", "RENAMED", "TopLevel", "choices", "defaults", "load", "model_settings", "parse_section",
    "plan_clips", "resolve",
]  # fmt: skip

#: Old key of the top level -> what to write now.
RENAMED = {
    "batch": "shard_clips, the number of clips of an actor from which on they are divided among several jobs",
    "demo": "its keys in datasets.demo, with n_actors for actors and clips_per_actor for clips",
}


#: Keys that name components: class -> key -> (what they name, function that lists the names).
_NAMING: dict[type[Settings], dict[str, tuple[str, Callable[[], Iterable[str]]]]] = {
    DatasetSettings: {"adapter": ("dataset", lambda: ADAPTERS)},
    DetectorSettings: {"detector": ("detector", lambda: DETECTORS)},
    ModelSettings: {"family": ("family", lambda: families(ModelSettings)), "feature": ("feature", lambda: FEATURES)},
    RigSettings: {"kind": ("rig", lambda: RIGS)},
    BaselineSettings: {
        "names": ("baseline", lambda: families(BaselineSettings)),
        "feature": ("feature", lambda: FEATURES),
    },
    FigureSettings: {"names": ("figure", lambda: FIGURES)},
}


def choices(section: type[Settings], key: str) -> list[str]:
    """Names that a key may have, where it names components; else none."""
    found = [_NAMING[kind][key] for kind in section.__mro__ if key in _NAMING.get(kind, {})]
    return [name for _, names in found for name in names()]


@dataclass(frozen=True)
class Config:
    """A whole configuration, checked, defaults filled in."""

    datasets: dict[str, DatasetSettings]
    seeds: list[int]
    shard_clips: int
    audio: AudioSettings
    features: dict[str, Settings]
    landmarks: DetectorSettings
    crops: CropSettings
    rig: RigSettings
    labels: LabelSettings
    quality: QualitySettings
    models: dict[str, ModelSettings]
    training: TrainingSettings
    baselines: BaselineSettings
    evaluation: EvaluationSettings
    rendering: RenderingSettings
    figures: FigureSettings

    def section(self, name: str) -> Settings:
        """A section by its name in the file, features' included."""
        return self.features[name] if name in self.features else getattr(self, name)

    def dump(self) -> dict[str, Any]:
        """The configuration as a dict of JSON values, as a config file would hold it."""
        plain: dict[str, Any] = {
            "datasets": _dumped(self.datasets),
            "seeds": self.seeds,
            "shard_clips": self.shard_clips,
        }
        for name in ("audio", *self.features, "landmarks", "crops", "rig", "labels", "quality"):
            plain[name] = self.section(name).dump()
        plain["models"] = _dumped(self.models)
        for name in ("training", "baselines", "evaluation", "rendering", "figures"):
            plain[name] = self.section(name).dump()
        return plain


def _dumped(entries: Mapping[str, Settings]) -> dict[str, Any]:
    return {name: entry.dump() for name, entry in entries.items()}


def _check_names(settings: Settings, where: str) -> None:
    """Refuse names of components that there are not; the components are not imported."""
    for key, (kind, names) in _NAMING.get(type(settings), {}).items():
        chosen = getattr(settings, key)
        for name in [chosen] if isinstance(chosen, str) else chosen:
            try:
                require(kind, name, names())
            except ConfigError as error:
                raise ConfigError(f"{where}.{key}: {error}") from None


def parse_section(name: str, value: Any, where: str = "") -> Settings:
    """Return the settings of one section, given as a dict or JSON text; missing keys take their defaults.

    Raises
    ------
    ConfigError
        One line: where, key, what was found, what is expected.
    """
    where = where or f"--settings ({name})"
    value = from_json(value, where)
    if name == "landmarks":
        detector = value.get("detector", "dlib") if isinstance(value, dict) else "dlib"
        return member_of(DETECTORS, detector, f"{where}.detector").settings.parse(value, where)
    settings = (SECTIONS[name] if name in SECTIONS else FEATURES[name].settings).parse(value, where)
    _check_names(settings, where)
    return settings


def defaults(name: str) -> Settings:
    """Return the default settings of a section, e.g. ``defaults("spectrogram")``."""
    return parse_section(name, {})


def _dataset(name: str, value: Any, where: str) -> DatasetSettings:
    if not isinstance(value, dict) or "adapter" not in value:
        raise ConfigError(f"{where}: adapter is missing; known are {', '.join(ADAPTERS)}")
    kind = member_of(ADAPTERS, value["adapter"], f"{where}.adapter").Settings
    if "root" in kind.model_fields and not value.get("root"):
        raise ConfigError(f"{where}.root is missing; give the folder of the data")
    if name != "demo" and kind.SYNTHETIC:
        raise ConfigError(f"{where}.adapter is demo; the synthetic dataset must be named 'demo'; rename it")
    return kind.parse(value, where)


def _named(value: Any, where: str) -> dict[str, Any]:
    """A mapping from names to entries: letters, digits and underscores, since they become names of files."""
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: found {value!r}, expected entries by name")
    for name in value:
        if not (isinstance(name, str) and name.replace("_", "a").isalnum() and name.isascii()):
            raise ConfigError(f"{where}: the name '{name}' may only have letters, digits and underscores")
    return value


class TopLevel(Settings):
    """Keys of the top level that are no sections."""

    seeds: Distinct[Seed] = Field([0], min_length=1)
    """Seeds with which every model is trained."""
    shard_clips: int = Field(128, ge=1)
    """Clips that one job of preparation works on, about: an actor with more is divided into a power of two of parts."""


def resolve(config: Mapping[str, Any] | None, source: str = "config") -> Config:
    """Check a configuration (a dict) and return it with every default filled in.

    Raises
    ------
    ConfigError
        One line: file, key, what was found, what is expected.
    """
    if not isinstance(config or {}, Mapping):
        raise ConfigError(f"{source}: found {config!r}, expected keys and values")
    config = dict(config or {})
    known = [*TopLevel.model_fields, "datasets", "models", "landmarks", *SECTIONS, *FEATURES]
    for key in config:
        if key not in known:
            raise ConfigError(f"{source}: {unknown_key(key, known, RENAMED)}")
    top = TopLevel.parse({key: config[key] for key in TopLevel.model_fields if key in config}, f"{source}: ")
    if not config.get("datasets"):
        raise ConfigError(f"{source}: datasets is missing; name one at least")
    entries = _named(config["datasets"], f"{source}: datasets")
    datasets = {name: _dataset(name, value, f"{source}: datasets.{name}") for name, value in entries.items()}
    sections: dict[str, Any] = {
        name: parse_section(name, _keys(config.get(name), f"{source}: {name}"), f"{source}: {name}")
        for name in ("landmarks", *SECTIONS, *FEATURES)
    }
    models = models_of(_named(config.get("models") or {}, f"{source}: models"), config.get("training") or {}, source)
    found = Config(
        datasets=datasets,
        seeds=top.seeds,
        shard_clips=top.shard_clips,
        features={name: sections.pop(name) for name in FEATURES},
        models=models,
        **sections,
    )
    if problem := first_problem(CHECKS, found):
        raise ConfigError(f"{source}: {problem}")
    return found


def _keys(value: Any, where: str) -> Any:
    if value is not None and not isinstance(value, Mapping):
        raise ConfigError(f"{where}: found {value!r}, expected keys and values")
    return value


def load(path: str | Path) -> Config:
    """Read and resolve a YAML config file."""
    from speechface.config_file import read_config

    return resolve(read_config(path), str(path))


def plan_clips(config: Config, source: str) -> list[Clip]:
    """Return the clips of a configuration, with their planned split; what cannot run is refused before any work.

    Raises
    ------
    ConfigError
        One line: a file that a key names is absent, a dataset holds no clip, a split leaves a side empty, ...
    """
    check_files(config, source)
    try:
        clips = list_clips(config.datasets)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from None
    check_clips(config, clips, source)
    return clips
