"""Typed settings: what every section of the configuration is made of.

A section is a class with one annotated, described field a key. Schema, defaults, docs/config.md and checks all come
from these classes. Unknown keys are refused with the nearest known one, old keys with their new name.
"""

import difflib
import json
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from speechface.errors import ConfigError

__all__ = ["Settings"]


class Settings(BaseModel):
    """Base of all sections; immutable. Numbers are not made of text, nor text of numbers.

    Checks that concern several keys are validators of pydantic (`model_validator`) that raise ValueError with a
    sentence: what was found, what is expected, what to do.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, validate_default=True, use_attribute_docstrings=True
    )

    #: Old key -> what to write now, e.g. "validation_fraction" or "nothing: it is always on"; told to who uses it.
    RENAMED: ClassVar[dict[str, str]] = {}

    @classmethod
    def parse(cls, value: Any, where: str) -> Self:
        """Return the settings in a dict or a JSON text ("" or None: the defaults).

        Raises
        ------
        ConfigError
            One line: where, key, what was found, what is expected.
        """
        if isinstance(value, str):
            try:
                value = json.loads(value) if value else {}
            except json.JSONDecodeError as error:
                raise ConfigError(f"{where}: not valid JSON: {error}") from None
        try:
            return cls.model_validate({} if value is None else value)
        except ValidationError as error:
            raise ConfigError(_explain(error, cls, where)) from None

    def __getitem__(self, key: str) -> Any:
        # for callers that have not moved to attributes yet; to be removed
        return getattr(self, key)

    def dump(self) -> dict[str, Any]:
        """Return the settings as a dict of JSON values."""
        return self.model_dump(mode="json")

    def text(self) -> str:
        """Return the settings as one line of JSON, for a command's ``--settings``; equal settings give equal text."""
        return json.dumps(self.dump(), sort_keys=True)


def _class_at(cls: type[BaseModel], path: tuple[Any, ...]) -> type[BaseModel] | None:
    """The section class that the keys of `path` lead to."""
    for key in path:
        field = cls.model_fields.get(str(key))
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return None
        cls = kind
    return cls


def _explain(error: ValidationError, cls: type[BaseModel], where: str) -> str:
    """One line about the first mistake; unknown keys come first, since they often are the cause of the others."""
    mistakes = sorted(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    mistake = mistakes[0]
    *path, key = mistake["loc"] or ("",)
    place = ".".join([where, *map(str, path)]).removesuffix(".")
    if mistake["type"] == "extra_forbidden":
        section = _class_at(cls, tuple(path))
        renamed = getattr(section, "RENAMED", {})
        if key in renamed:
            return f"{place}: key '{key}' is of an older version; write now: {renamed[key]}"
        known = list(section.model_fields) if section else []
        near = difflib.get_close_matches(str(key), known, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(sorted(known))}"
        return f"{place}: unknown key '{key}'; {hint}"
    message = mistake["msg"].removeprefix("Value error, ")
    if key == "" or mistake["type"] == "value_error":
        return f"{'.'.join(part for part in (place, str(key)) if part)}: {message}"
    found = mistake["input"]
    return f"{place}.{key}: {message[0].lower()}{message[1:]}, found {found!r}"
