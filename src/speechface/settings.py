"""Typed settings: what every section of the configuration is made of.

A section is a class with one annotated, described field a key. Schema, defaults, docs/config.md and checks all come
from these classes. Unknown keys are refused with the nearest known one, old keys with their new name.
"""

import difflib
import json
import os
import re
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from speechface.errors import ConfigError

__all__ = ["Distinct", "PathText", "Seed", "Settings", "from_json", "unknown_key"]

#: Numbers that YAML 1.1 takes for text: 1e-4 has no point.
_POWER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")
#: Larger whole numbers fit in no array.
_LARGEST = 2**63 - 1


def _distinct(values: list[Any]) -> list[Any]:
    twice = next((value for k, value in enumerate(values) if value in values[:k]), None)
    if twice is not None:
        raise ValueError(f"found {values}; {twice!r} stands there twice; name it once")
    return values


def _expanded(text: str) -> str:
    """A path with ``~`` and ``$VARIABLE`` filled in; one that exists as it is written stays so."""
    return text if os.path.exists(text) else os.path.expandvars(os.path.expanduser(text))


_T = TypeVar("_T")
#: A list without repetition.
Distinct = Annotated[list[_T], AfterValidator(_distinct)]
#: A path; ``~`` and ``$VARIABLE`` are filled in.
PathText = Annotated[str, AfterValidator(_expanded)]
#: The seed of a random generator: PyTorch's and NumPy's take 32 bits.
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


def _number(value: Any, kind: Any) -> Any:
    """What a key of type `kind` takes for `value`: powers of ten are text to YAML, but numbers to people."""
    if kind in (int, float) and isinstance(value, str) and _POWER.fullmatch(value):
        number = float(value)
        return int(number) if kind is int and number.is_integer() else number
    return value


class Settings(BaseModel):
    """Base of all sections; immutable. Numbers are not made of text, but for powers such as 1e-4; nor text of numbers.

    Checks that concern several keys are validators of pydantic (`model_validator`) that raise ValueError with a
    sentence: what was found, what is expected, what to do.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        validate_default=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )

    #: Old key -> what to write now, e.g. "validation_fraction" or "nothing: it is always on"; told to who uses it.
    #: Those of the classes above count, too.
    RENAMED: ClassVar[dict[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _numbers(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        for key, number in value.items():
            if isinstance(number, int) and abs(number) > _LARGEST:
                raise ValueError(f"{key} is {number}; it must be below 2^63")
        kinds = {key: field.annotation for key, field in cls.model_fields.items()}
        return {key: _number(item, kinds.get(key)) for key, item in value.items()}

    @classmethod
    def parse(cls, value: Any, where: str) -> Self:
        """Return the settings in a dict or a JSON text ("" or None: the defaults).

        Messages begin with `where`; keys follow after a dot, or at once if it ends in ": ".

        Raises
        ------
        ConfigError
            One line: where, key, what was found, what is expected.
        """
        value = from_json(value, where)
        try:
            return cls.model_validate({} if value is None else value)
        except ValidationError as error:
            raise ConfigError(_explain(error, cls, value, where)) from None
        except ConfigError as error:  # of settings within these; it begins with their key
            raise ConfigError(_at(where, str(error))) from None

    @classmethod
    def renamed(cls) -> dict[str, str]:
        """All old keys -> what to write now."""
        found: dict[str, str] = {}
        for kind in reversed(cls.__mro__):
            found |= vars(kind).get("RENAMED", {})
        return {key: text for key, text in found.items() if key not in cls.model_fields}

    def dump(self) -> dict[str, Any]:
        """Return the settings as a dict of JSON values."""
        return self.model_dump(mode="json")

    def text(self) -> str:
        """Return the settings as one line of JSON, for a command's ``--settings``; equal settings give equal text."""
        return json.dumps(self.dump(), sort_keys=True)


def _at(where: str, *path: str) -> str:
    """The place of a key: "my.yaml: models.tcn" and "head" make "my.yaml: models.tcn.head"."""
    return where + ("" if where.endswith(": ") or not path else ".") + ".".join(path)


def from_json(value: Any, where: str) -> Any:
    """Return what a JSON text says ("": None); other values as they are.

    Raises
    ------
    ConfigError
        If it is no JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where.removesuffix(': ')}: not valid JSON: {error}") from None


def unknown_key(key: Any, known: Iterable[str], renamed: dict[str, str]) -> str:
    """What to tell of a key that does not exist: its new name, or the nearest one, or all that there are."""
    known = list(known)
    if key in renamed:
        return f"key '{key}' is of an older version; write now: {renamed[key]}"
    near = difflib.get_close_matches(str(key), known, 1)
    return f"unknown key '{key}'; " + (
        f"did you mean '{near[0]}'?" if near else f"known are {', '.join(sorted(known))}"
    )


#: Kind of a mistake, as pydantic calls it -> what is expected; with the facts that pydantic gives.
_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "literal_error": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
}


def _place(loc: tuple[Any, ...], cls: type[BaseModel], value: Any) -> tuple[list[str], type[BaseModel] | None]:
    """Keys and positions that lead to a mistake, without pydantic's names of the kinds of a union; the class there."""
    path: list[str] = []
    section: type[BaseModel] | None = cls
    for key in loc:
        if isinstance(key, int) and isinstance(value, list):
            path[-1] += f"[{key}]"
            value, section = value[key], None
        elif section is not None or isinstance(value, dict):
            field = section.model_fields.get(str(key)) if section else None
            kinds = [field.annotation, *get_args(field.annotation)] if field else []
            section = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)
            value = value.get(key) if isinstance(value, dict) else None
            path.append(str(key))
    return path, section


def _texts(facts: dict[str, Any]) -> dict[str, str]:
    """Facts of a mistake as people write them: 1.0 is 1."""
    return {key: f"{fact:g}" if isinstance(fact, float) else str(fact) for key, fact in facts.items()}


def _explain(error: ValidationError, cls: type[BaseModel], value: Any, where: str) -> str:
    """One line about the first mistake; unknown keys come first, since they often are the cause of the others."""
    mistakes = sorted(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    first = mistakes[0]
    if first["type"] == "extra_forbidden":
        *above, key = first["loc"]
        path, section = _place(tuple(above), cls, value)
        renamed = section.renamed() if section and issubclass(section, Settings) else {}
        place = _at(where, *path).removesuffix(": ")
        return f"{place}: {unknown_key(key, section.model_fields if section else (), renamed)}"
    path, _ = _place(first["loc"], cls, value)
    place = _at(where, *path).removesuffix(": ")
    if first["type"] == "missing":
        return f"{place} is missing"
    # a value that is of no kind of a union gives one mistake a kind
    same = [found for found in mistakes if _place(found["loc"], cls, value)[0] == path and found["type"] in _EXPECTED]
    if not same:
        return f"{place}: {first['msg'].removeprefix('Value error, ')}"
    wanted = dict.fromkeys(_EXPECTED[found["type"]].format(**_texts(found.get("ctx", {}))) for found in same)
    return f"{place}: found {first['input']!r}, expected {' or '.join(wanted)}"
