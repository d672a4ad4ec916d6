"""Registries: members are found by name, imported late, and may come from other packages."""

import subprocess
import sys

import pytest
from toys import toy_package

from speechface.errors import ConfigError
from speechface.registry import Registry


def registry():
    return Registry("shape", {"square": "math:sqrt", "text": "string", "deep": "os:path.join"})


def test_members_are_modules_or_what_stands_in_them():
    import math
    import os
    import string

    found = registry()
    assert list(found) == ["square", "text", "deep"]
    assert (found["square"], found["text"], found["deep"]) == (math.sqrt, string, os.path.join)


@pytest.mark.parametrize("look", [lambda found: found["sqare"], lambda found: found.require("sqare")])
def test_an_unknown_name_is_told_the_nearest(look):
    with pytest.raises(
        ConfigError, match=r"^unknown shape 'sqare'; did you mean 'square'\? known are square, text, deep$"
    ):
        look(registry())


def test_what_is_no_name_is_refused_as_well():
    with pytest.raises(ConfigError, match=r"unknown shape \['square'\]; "):
        registry().require(["square"])


def test_a_member_of_this_process_may_not_take_a_name():
    found = registry()
    found.register("round", 3.14)
    assert found["round"] == 3.14
    with pytest.raises(ConfigError, match="there is a shape 'text' already"):
        found.register("text", 1)


def test_listing_and_asking_import_nothing_and_other_packages_add_members(tmp_path):
    environment = toy_package(tmp_path, "shape", "blob", "raise SystemExit('imported')")
    code = (
        "from speechface.registry import Registry\n"
        "found = Registry('shape', {'square': 'no.such.module'})\n"
        "found.require('blob')\n"
        "print(len(found), *found, 'blob' in found, 'cube' in found)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.split() == ["2", "square", "blob", "True", "False"]


def test_a_member_of_another_package_does_not_displace_one_of_ours(tmp_path):
    environment = toy_package(tmp_path, "shape", "square", "")
    code = "from speechface.registry import Registry; print(Registry('shape', {'square': 'math:pi'})['square'])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.startswith("3.14")


def test_what_is_no_name_is_refused_as_an_unknown_one():
    for name in ({"a": 1}, ["a"], None, 1):
        with pytest.raises(ConfigError, match="unknown shape"):
            Registry("shape", {"square": "math:pi"})[name]
