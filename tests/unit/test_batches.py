"""How clips are dealt out to jobs."""

import pytest

from speechface.batches import MOST_CLIPS, plan_batches, rule_names
from speechface.datasets.base import Clip


def clips(**counts):
    """`counts` clips of each actor."""
    return [Clip("set", actor, f"{k:04d}", "") for actor, count in counts.items() for k in range(count)]


@pytest.mark.parametrize("size", ["actor", 2, 7, 500])
def test_every_clip_is_in_one_batch_of_one_actor(size):
    every = clips(a=1, b=300, c=20, d=7)
    batches = plan_batches(every, size)
    assert [clip for batch in batches for clip in batch.clips] == every
    most = MOST_CLIPS if size == "actor" else min(size, MOST_CLIPS)
    assert all(1 <= len(batch.clips) <= most for batch in batches)
    assert all({clip.actor for clip in batch.clips} == {batch.speaker.split("/")[1]} for batch in batches)
    assert len({batch.place for batch in batches}) == len(batches)


def test_an_actor_is_one_batch_until_the_command_would_grow_too_long():
    places = [batch.place for batch in plan_batches(clips(a=MOST_CLIPS, b=MOST_CLIPS + 1), "actor")]
    assert places == ["set/a", "set/b/001", "set/b/002"]


def test_batches_of_an_actor_are_of_even_length():
    lengths = [len(batch.clips) for batch in plan_batches(clips(a=22), 10)]
    assert sorted(lengths) == [7, 7, 8]


def test_rule_names_are_words_and_differ():
    names = rule_names(["set/a b", "set/a_b", "set/a.b", "set/ä"])
    assert len(set(names)) == 4
    assert all(name.isascii() and name.isidentifier() for name in names)
