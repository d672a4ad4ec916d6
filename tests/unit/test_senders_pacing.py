"""Frames that come in bursts are sent at even steps, none later than need be, none held for long."""

from fractions import Fraction

import numpy as np
import pytest

from speechface.senders import LiveFrame
from speechface.senders.pacing import Pacer

FPS = Fraction(30)


def played(arrivals, *, tick=0.001, seconds=5.0):
    """When frames (k at arrivals[k], s) are sent, where the pacer is asked every `tick` s."""
    pacer, sent, following = Pacer(FPS), {}, 0
    for now in np.arange(1, round(seconds / tick)) * tick:
        while following < len(arrivals) and arrivals[following] <= now:
            pacer.push(LiveFrame(following, following / 30, FPS, (), np.zeros(0), np.zeros(3)), now)
            following += 1
        sent.update({frame.number: now for frame in pacer.due(now)})
    return np.array([sent[k] for k in sorted(sent)]), list(sent)


@pytest.mark.parametrize("block", [0.02, 0.1, 0.128, 0.2])
def test_blocks_of_sound_become_even_frames(block):
    times = np.arange(90) / 30
    arrivals = 0.134 + np.ceil((times + 1e-9) / block) * block
    sent, order = played(arrivals)
    assert order == list(range(90))
    late = sent - arrivals
    assert late.min() >= 0
    assert late.max() <= block + 0.002
    steps = np.diff(sent)[round(3 * block * 30) :]
    assert np.abs(steps - 1 / 30).max() < 0.003  # ticks, and what frames may come sooner again


def test_a_frame_that_comes_alone_goes_at_once():
    arrivals = 0.134 + np.arange(60) / 30
    sent, _ = played(arrivals)
    assert (sent - arrivals).max() <= 0.002  # two ticks


def test_after_a_late_frame_the_others_come_sooner_little_by_little():
    arrivals = 0.134 + np.arange(140) / 30
    arrivals[20:23] = arrivals[23]
    sent, _ = played(arrivals)
    late = sent - arrivals
    assert late[24] == pytest.approx(0.1, abs=0.002)
    assert late[139] < late[24] - 0.005


def test_what_comes_faster_than_it_shows_is_not_held_up():
    pacer, sent = Pacer(FPS), 0
    for number in range(1000):
        now = 1 + number / 1000
        pacer.push(LiveFrame(number, number / 30, FPS, (), np.zeros(0), np.zeros(3)), now)
        sent += len(pacer.due(now))
    assert sent >= 1000 - 9  # 0.3 s of frames
    assert len(pacer.rest()) == 1000 - sent
    assert pacer.wait(99.0) == np.inf
