"""Settings of liveliness by name, or in a file of one's own."""

from importlib import resources
from pathlib import Path

from speechface.errors import ConfigError
from speechface.liveliness.settings import LifeSettings
from speechface.registry import require

__all__ = ["PRESETS", "life_settings"]

#: The presets that come with the package, ``presets/<name>.json``.
PRESETS = ("natural", "calm", "lively", "off")


def life_settings(name: str) -> LifeSettings:
    """Return a preset by its name, or the settings in a file (NAME.json); defaults where it is silent.

    Raises
    ------
    ConfigError
        If there is no such preset or file, or a key or value in it cannot be used.
    """
    if not name.endswith(".json"):
        require("preset of liveliness (or a .json file)", name, PRESETS)
        place = resources.files("speechface.liveliness").joinpath("presets", f"{name}.json")
        return LifeSettings.parse(place.read_text(encoding="utf-8"), f"preset {name}")
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}: no readable file of settings ({type(error).__name__})") from None
    return LifeSettings.parse(text, name)
