"""Entries of the section ``models``: each is checked by its family's class, and against the others."""

from collections.abc import Mapping
from typing import Any

from speechface.audio.features import FEATURES
from speechface.errors import ConfigError
from speechface.networks.families import FAMILIES
from speechface.networks.families.base import ModelSettings
from speechface.networks.families.ensemble import EnsembleSettings
from speechface.networks.families.report import ReportSettings
from speechface.registry import Registry
from speechface.sections import BaselineSettings
from speechface.settings import Settings, from_json

__all__ = ["families", "member_of", "model_settings", "models_of"]


def families(kind: type[Settings]) -> list[str]:
    """Families whose settings are of a class: models, or baselines."""
    return [name for name in FAMILIES if issubclass(FAMILIES[name].settings, kind)]


def member_of(registry: Registry, name: Any, where: str) -> Any:
    """A member of a registry; ConfigError of where its name stands."""
    try:
        return registry[name]
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def model_settings(value: Any, where: str = "model settings") -> ModelSettings:
    """Return the settings of one entry of ``models``, given as a dict or JSON text; its family decides on the keys."""
    value = from_json(value, where)
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: found {value!r}, expected keys and values")
    family = member_of(FAMILIES, value.get("family", "report"), f"{where}.family")
    if not issubclass(family.settings, ModelSettings):
        raise ConfigError(f"{where}.family is {value['family']}, a baseline; name it in baselines.names")
    settings = family.settings.parse(value, where)
    if settings.READS:
        feature = member_of(FEATURES, settings.feature, f"{where}.feature")
        if feature.kind not in settings.READS:
            fitting = [name for name in FEATURES if FEATURES[name].kind in settings.READS]
            raise ConfigError(
                f"{where}.feature is {settings.feature}; family {settings.family} reads {', '.join(fitting)}"
            )
    return settings


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


def _trained_as(entry: Any, shared: Mapping[str, Any]) -> Any:
    """An entry of models in which section training, where it says something, goes before the family's own defaults."""
    if not isinstance(entry, dict) or not isinstance(entry.get("training", {}), dict):
        return entry
    try:
        usual = getattr(FAMILIES[entry.get("family", "report")].settings, "TRAINING", {})
    except ConfigError:  # told by who parses the entry
        return entry
    said = {key: shared[key] for key in usual if key in shared}
    return {**entry, "training": {**said, **entry.get("training", {})}} if said else entry


def models_of(entries: dict[str, Any], training: Mapping[str, Any], source: str) -> dict[str, ModelSettings]:
    """Settings of all entries; `training` is what section training says."""
    reserved = ("labels", *families(BaselineSettings))  # they stand for something else in tables
    for name in entries:
        if name in reserved:
            raise ConfigError(f"{source}: models: '{name}' is the name of a baseline or of the labels; choose another")
    models = {
        name: model_settings(_trained_as(value, training), f"{source}: models.{name}")
        for name, value in entries.items()
    }
    for name, settings in models.items():
        where = f"{source}: models.{name}"
        if isinstance(settings, EnsembleSettings):
            models[name] = _ensemble_of(settings, models, f"{where}.members")
        if isinstance(settings, ReportSettings):
            _check_encoder(name, settings, models, where)
    return models
