"""How clips are dealt out to jobs."""

import pytest

from speechface.datasets.base import Clip
from speechface.errors import ConfigError
from speechface.shards import plan_shards, shard_ids


def clips(**counts):
    """`counts` clips of each actor."""
    return [Clip("set", actor, f"{k:04d}", "") for actor, count in counts.items() for k in range(count)]


@pytest.mark.parametrize("most", [1, 3, 128])
def test_every_clip_is_in_one_shard_of_one_actor(most):
    every = clips(a=1, b=300, c=20, d=7)
    shards = plan_shards(every[::-1], most=most)
    assert sorted((clip for shard in shards for clip in shard.clips), key=lambda clip: clip.id) == every
    assert all({f"set/{clip.actor}" for clip in shard.clips} == {shard.actor} for shard in shards)
    assert [shard.id for shard in shards] == sorted({shard.id for shard in shards})
    assert all(shard.dataset == "set" for shard in shards)
    assert shard_ids(shards) == {clip.id: shard.id for shard in shards for clip in shard.clips}


def test_an_actor_is_one_shard_until_it_has_too_many_clips():
    assert [shard.id for shard in plan_shards(clips(a=128, b=129), most=128)] == ["set/a", "set/b.1of2", "set/b.2of2"]


def test_the_number_of_parts_is_a_power_of_two_and_parts_are_of_like_size():
    shards = plan_shards(clips(a=1000), most=128)
    assert [shard.id for shard in shards] == [f"set/a.{k}of8" for k in range(1, 9)]
    # 1000 clips at random in 8 parts: 125 each, standard deviation 10.5
    assert max(len(shard.clips) for shard in shards) <= 125 + 5 * 10.5
    assert len(plan_shards(clips(a=700), most=128)) == 8


def test_a_clip_that_comes_or_goes_touches_one_part():
    before = {shard.id: shard.clips for shard in plan_shards(clips(a=200), most=64)}
    after = {shard.id: shard.clips for shard in plan_shards(clips(a=199), most=64)}
    assert before.keys() == after.keys()
    assert sum(before[place] != after[place] for place in before) == 1


def test_actors_whose_shards_would_be_one_are_named():
    twice = [Clip("set", "b.1of2", "x", ""), *clips(b=20)]
    with pytest.raises(ConfigError, match=r"two actors give the shard set/b.1of2; rename one"):
        plan_shards(twice, most=16)
