import re
import shlex
import subprocess

import pytest

from speechface.datasets.base import Clip
from speechface.names import escaped, path_name, same_form, unescaped
from speechface.shards import plan_shards

NAMES = ["张伟", "Иван", "Анна", "O'Brien", 'a "b"', "a{b}[c]", "50% $HOME `ls`", "-dash", ".hidden", "a=b::c", "+20",
         "a b", "a+20b", "line\nbreak", "back\\slash", "हिन्दी", "é", "~", "#1", "e" * 250, "😀"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back_from_its_escaped_form_which_means_nothing_to_a_shell(name):
    text = escaped(name)
    assert unescaped(text) == name
    assert shlex.quote(text) == text or not text.isascii()
    assert not re.search(r"[\s{}'\"\\$%*?\[\]=:;&|<>~#`()!^,]|^[-.]", text)


def test_plain_names_stay_and_different_names_stay_different():
    for name in ("Actor_01", "01-01-03-01-01-01-05", "s1", "张伟", "Иван"):
        assert escaped(name) == path_name(name) == name
    assert escaped("a b/c") == "a+20b/c"
    assert len({path_name(name) for name in NAMES}) == len(NAMES)
    assert len({path_name("e" * 200 + str(k)) for k in range(9)}) == 9


@pytest.mark.parametrize("name", NAMES)
def test_a_name_fits_into_a_path_with_room_for_suffixes(name, tmp_path):
    assert len(path_name(name).encode()) <= 160
    (tmp_path / f".{path_name(name)}.2of4.finished.arrows.new").touch()


def test_a_text_that_was_never_escaped_stays():
    assert unescaped("a+b +FF +2") == "a+b +FF +2"


def test_the_escaped_form_goes_through_a_shell_unquoted():
    said = subprocess.run(["sh", "-c", f"echo {escaped('a b;$x *{y}')}"], capture_output=True, text=True, check=True)
    assert unescaped(said.stdout.strip()) == "a b;$x *{y}"


def test_composed_and_decomposed_letters_are_the_same():
    assert same_form("Jose\u0301") == "José"


def test_shards_stand_in_paths_and_keep_their_actors_names():
    clips = [Clip("d", name, "c", "x") for name in NAMES]
    shards = plan_shards(clips, most=9)
    assert len(shards) == len(NAMES)
    assert {shard.clips[0].actor for shard in shards} == set(NAMES)
    assert all(shard.id == shard.actor == path_name(f"d/{shard.clips[0].actor}") for shard in shards)
