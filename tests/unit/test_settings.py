"""Sections as typed settings: what a mistake is called, what an old key is told."""

from typing import ClassVar, Literal

import pytest
from pydantic import Field, model_validator

from speechface.errors import ConfigError
from speechface.settings import Settings


class Inner(Settings):
    """An inner section."""

    size: int = Field(3, ge=2, multiple_of=1)
    """Size."""


class Base(Settings):
    RENAMED: ClassVar = {"older": "rate", "ratio": "never told: there is such a key again"}

    rate: float = Field(1.0, gt=0)
    """Rate."""
    ratio: float = Field(1.0, le=2)
    """Ratio."""


class Section(Base):
    RENAMED: ClassVar = {"old": "kind"}

    name: str
    """Name."""
    kind: Literal["a", "b"] = "a"
    """Kind."""
    both: str | float = "x"
    """Text or number."""
    names: list[str | int] = Field([], max_length=2)
    """Names."""
    by_name: dict[str, list[int]] = {}
    """Lists."""
    on: bool = False
    """Switch."""
    inner: Inner = Inner()
    """Section."""

    @model_validator(mode="after")
    def _together(self):
        if self.rate > self.ratio:
            raise ValueError(f"rate is {self.rate}; it must not exceed ratio ({self.ratio})")
        return self


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "my.yaml: s.name is missing"),
        ({"name": 3}, "my.yaml: s.name: found 3, expected text"),
        ({"name": "x", "kind": "c"}, "my.yaml: s.kind: found 'c', expected 'a' or 'b'"),
        ({"name": "x", "both": [1]}, "my.yaml: s.both: found [1], expected text or a number"),
        ({"name": "x", "names": "y"}, "my.yaml: s.names: found 'y', expected a list"),
        ({"name": "x", "names": ["y", 1.5]}, "my.yaml: s.names[1]: found 1.5, expected text or a whole number"),
        ({"name": "x", "names": [1, 2, 3]}, "my.yaml: s.names: found [1, 2, 3], expected at most 2 entries"),
        ({"name": "x", "by_name": {"k": 3}}, "my.yaml: s.by_name.k: found 3, expected a list"),
        ({"name": "x", "by_name": {"k": [1, "2"]}}, "my.yaml: s.by_name.k[1]: found '2', expected a whole number"),
        ({"name": "x", "on": 1}, "my.yaml: s.on: found 1, expected true or false"),
        ({"name": "x", "rate": 0}, "my.yaml: s.rate: found 0, expected more than 0"),
        ({"name": "x", "rate": float("nan")}, "my.yaml: s.rate: found nan, expected a finite number"),
        ({"name": "x", "rate": 3.0, "ratio": 2.0}, "my.yaml: s: rate is 3.0; it must not exceed ratio (2.0)"),
        ({"name": "x", "inner": 3}, "my.yaml: s.inner: found 3, expected keys and values"),
        ({"name": "x", "inner": {"size": 1}}, "my.yaml: s.inner.size: found 1, expected at least 2"),
        ({"name": "x", "inner": {"sizes": 4}}, "my.yaml: s.inner: unknown key 'sizes'; did you mean 'size'?"),
        ({"name": 3, "nmae": "x"}, "my.yaml: s: unknown key 'nmae'; did you mean 'name'?"),
        ({"inner": {"qqq": 1}}, "my.yaml: s.inner: unknown key 'qqq'; known are size"),
        ({"old": "a"}, "my.yaml: s: key 'old' is of an older version; write now: kind"),
        ({"older": "a"}, "my.yaml: s: key 'older' is of an older version; write now: rate"),
        ([1], "my.yaml: s: found [1], expected keys and values"),
        ("?", "my.yaml: s: not valid JSON: Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_a_mistake_is_one_line_with_the_full_key(given, message):
    with pytest.raises(ConfigError) as caught:
        Section.parse(given, "my.yaml: s")
    assert str(caught.value) == message


def test_keys_follow_at_once_where_the_place_ends_in_a_colon():
    with pytest.raises(ConfigError, match=r"^my.yaml: rate: found 0, expected more than 0$"):
        Base.parse({"rate": 0}, "my.yaml: ")
    with pytest.raises(ConfigError, match=r"^my.yaml: unknown key 'rates'"):
        Base.parse({"rates": 0}, "my.yaml: ")


def test_settings_go_through_text_and_equal_ones_give_equal_text():
    settings = Section.parse('{"name": "x", "rate": 1, "ratio": 2}', "s")
    again = Section.parse({"ratio": 2.0, "rate": 1.0, "name": "x"}, "s")
    assert settings == again
    assert settings.text() == again.text()
    assert Section.parse(settings.text(), "s") == settings
    assert Base.parse("", "s") == Base.parse(None, "s") == Base()


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Base().rate = 2.0
