"""The configuration: one file, typed sections, defaults filled in, unknown keys refused.

Every section is a class of `speechface.settings.Settings`. Features, datasets, landmark detectors and model families
bring their own; the others stand in `speechface.sections`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from speechface.audio.features import FEATURES
from speechface.datasets.base import ADAPTERS, DatasetSettings
from speechface.errors import ConfigError
from speechface.figures.registry import FIGURES
from speechface.landmarks.detector import DetectorSettings
from speechface.landmarks.detectors import DETECTORS
from speechface.networks.families import FAMILIES
from speechface.networks.families.base import ModelSettings
from speechface.networks.families.ensemble import EnsembleSettings
from speechface.networks.families.report import ReportSettings
from speechface.registry import Registry, require
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
from speechface.settings import Settings, from_json, unknown_key

__all__ = [
    "Config", "RENAMED", "TopLevel", "choices", "defaults", "load", "model_settings", "parse_section",
    "resolve",
]  # fmt: skip

#: Old key of the top level -> what to write now.
RENAMED = {
    "batch": "shard_clips, the number of clips of an actor from which on they are divided among several jobs",
    "demo": "its keys in datasets.demo, with n_actors for actors and clips_per_actor for clips",
}


def _families(kind: type[Settings]) -> list[str]:
    """Families whose settings are of a class: models, or baselines."""
    return [name for name in FAMILIES if issubclass(FAMILIES[name].settings, kind)]


#: Keys that name components: class -> key -> (what they name, function that lists the names).
_NAMING: dict[type[Settings], dict[str, tuple[str, Callable[[], Iterable[str]]]]] = {
    DatasetSettings: {"adapter": ("dataset", lambda: ADAPTERS)},
    DetectorSettings: {"detector": ("detector", lambda: DETECTORS)},
    ModelSettings: {"family": ("family", lambda: _families(ModelSettings)), "feature": ("feature", lambda: FEATURES)},
    RigSettings: {"kind": ("rig", lambda: RIGS)},
    BaselineSettings: {
        "names": ("baseline", lambda: _families(BaselineSettings)),
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


def _member(registry: Registry, name: Any, where: str) -> Any:
    try:
        return registry[name]
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


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
        return _member(DETECTORS, detector, f"{where}.detector").settings.parse(value, where)
    settings = (SECTIONS[name] if name in SECTIONS else FEATURES[name].settings).parse(value, where)
    _check_names(settings, where)
    return settings


def defaults(name: str) -> Settings:
    """Return the default settings of a section, e.g. ``defaults("spectrogram")``."""
    return parse_section(name, {})


def model_settings(value: Any, where: str = "model settings") -> ModelSettings:
    """Return the settings of one entry of ``models``, given as a dict or JSON text; its family decides on the keys."""
    value = from_json(value, where)
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: found {value!r}, expected keys and values")
    family = _member(FAMILIES, value.get("family", "report"), f"{where}.family")
    if not issubclass(family.settings, ModelSettings):
        raise ConfigError(f"{where}.family is {value['family']}, a baseline; name it in baselines.names")
    settings = family.settings.parse(value, where)
    if settings.READS:
        feature = _member(FEATURES, settings.feature, f"{where}.feature")
        if feature.kind not in settings.READS:
            fitting = [name for name in FEATURES if FEATURES[name].kind in settings.READS]
            raise ConfigError(
                f"{where}.feature is {settings.feature}; family {settings.family} reads {', '.join(fitting)}"
            )
    return settings


def _dataset(name: str, value: Any, where: str) -> DatasetSettings:
    if not isinstance(value, dict) or "adapter" not in value:
        raise ConfigError(f"{where}: adapter is missing; known are {', '.join(ADAPTERS)}")
    kind = _member(ADAPTERS, value["adapter"], f"{where}.adapter").Settings
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

    seeds: list[Annotated[int, Field(ge=0)]] = Field([0], min_length=1)
    """Seeds with which every model is trained."""
    shard_clips: int = Field(128, ge=1)
    """Clips that one job of preparation works on, about: an actor with more is divided into a power of two of parts."""


def _ensemble_of(settings: EnsembleSettings, models: dict[str, ModelSettings], where: str) -> ModelSettings:
    """Check the members of an ensemble; what it takes and gives, and whom it leaves out, are theirs."""
    taken: dict[str, Any] = {}
    for member in settings.members:
        other = models.get(member)
        if other is None or other.family == "ensemble":
            trained = [key for key, model in models.items() if model.family != "ensemble"]
            raise ConfigError(
                f"{where} is {member!r}; members are trained models: {', '.join(trained) or 'there is none'}"
            )
        for key in ("feature", "outputs", "leave_one_speaker_out"):
            found = getattr(other, key)
            if taken.setdefault(key, found) != found:
                raise ConfigError(
                    f"{where} is {settings.members}; their {key} differ ({taken[key]}, {found}); all must be the same"
                )
    return settings.model_copy(update=taken)


def _check_encoder(name: str, settings: ReportSettings, models: dict[str, ModelSettings], where: str) -> None:
    """A pretrained encoder is that of another model that has one of its own and hears no actor it is evaluated on."""
    if settings.encoder != "pretrained":
        return
    other, where = models.get(settings.encoder_from), f"{where}.encoder_from is {settings.encoder_from!r}"
    if settings.encoder_from == name or not isinstance(other, ReportSettings) or other.encoder == "pretrained":
        raise ConfigError(
            f"{where}; encoder pretrained takes the encoder of another model that has encoder conv or conv_pooled"
        )
    if other.leave_one_speaker_out:
        raise ConfigError(
            f"{where}; that model hears every actor (leave_one_speaker_out), those evaluated here, too; take another"
        )


def _models(entries: dict[str, Any], source: str) -> dict[str, ModelSettings]:
    reserved = ("labels", *_families(BaselineSettings))  # they stand for something else in tables
    for name in entries:
        if name in reserved:
            raise ConfigError(f"{source}: models: '{name}' is the name of a baseline or of the labels; choose another")
    models = {name: model_settings(value, f"{source}: models.{name}") for name, value in entries.items()}
    for name, settings in models.items():
        where = f"{source}: models.{name}"
        if isinstance(settings, EnsembleSettings):
            models[name] = _ensemble_of(settings, models, f"{where}.members")
        if isinstance(settings, ReportSettings):
            _check_encoder(name, settings, models, where)
    return models


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
    for name, dataset in datasets.items():
        together = getattr(dataset, "clips_per_actor", 0) if dataset.SYNTHETIC else 0
        if together > top.shard_clips:
            raise ConfigError(
                f"{source}: shard_clips is {top.shard_clips}; the clips of a synthetic actor are made together, give at"
                f" least datasets.{name}.clips_per_actor ({together})"
            )
    models = _models(_named(config.get("models") or {}, f"{source}: models"), source)
    sections: dict[str, Any] = {
        name: parse_section(name, config.get(name), f"{source}: {name}") for name in ("landmarks", *SECTIONS)
    }
    features = {name: parse_section(name, config.get(name), f"{source}: {name}") for name in FEATURES}
    evaluated = [*models, *sections["baselines"].names]
    for section, key in (("rendering", "model"), ("evaluation", "reference")):
        chosen = getattr(sections[section], key)
        if chosen and chosen not in evaluated:
            raise ConfigError(f"{source}: {section}.{key} is {chosen}; it must be one of {', '.join(evaluated)}")
    return Config(
        datasets=datasets,
        seeds=top.seeds,
        shard_clips=top.shard_clips,
        features=features,
        models=models,
        **sections,
    )


def load(path: str | Path) -> Config:
    """Read and resolve a YAML config file."""
    import yaml

    path = Path(path)
    if not path.exists():
        raise ConfigError(f"{path}: no such config file")
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    return resolve(content, str(path))
