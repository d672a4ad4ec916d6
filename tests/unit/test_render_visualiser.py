"""The visualiser's page and its text."""

import numpy as np
import pytest

from speechface.render import visualiser
from speechface.render.text import draw_text, shortened, text_width, wrapped
from speechface.render.visualiser import LABEL, PREDICTION, Visualiser, message_image, readable
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.synthesis.visemes import INDEX


def page(**change):
    settings = {
        "title": "set/actor/clip",
        "headings": ("a", "b", "c"),
        "channels": CHANNELS,
        "observed": np.ones(52, bool),
    } | change
    return Visualiser(120, **settings)


def count(image, colour):
    """Pixels of exactly that colour."""
    return int((image == np.array(colour, np.uint8)).all(-1).sum())


def blank(a_page, label=None, prediction=None, images=(None, None, None), **more):
    return a_page.frame(images, label, prediction, time=0.0, text="", **more)


def test_names_are_readable_and_distinct():
    assert readable("mouthSmileLeft") == "mouth smile L"
    assert readable("jawLeft") == "jaw left"
    assert readable("mouthRight") == "mouth right"
    assert len({readable(name) for name in CHANNELS}) == 52


def test_bars_are_as_long_as_the_weights():
    a_page = page()
    empty = blank(a_page)

    def length(value):
        label = np.zeros(52)
        label[INDEX["jawOpen"]] = value
        return (count(blank(a_page, label), LABEL) - count(empty, LABEL)) / 5  # rows of a bar

    assert length(0) == 0
    assert length(1) > 150
    assert abs(length(0.5) - length(1) / 2) <= 1  # rounded to a pixel
    assert length(1.7) == length(1)


def test_every_channel_has_a_bar_of_its_own():
    a_page = page()
    empty = blank(a_page)
    for_all = count(blank(a_page, prediction=np.ones(52)), PREDICTION) - count(empty, PREDICTION)
    one = np.zeros(52)
    one[5] = 1
    for_one = count(blank(a_page, prediction=one), PREDICTION) - count(empty, PREDICTION)
    assert for_all == 52 * for_one


def test_errors_point_left_and_right_and_unseen_channels_are_grey():
    seen = np.ones(52, bool)
    seen[0] = False
    a_page = page(observed=seen)
    zeros, step = np.zeros(52), np.zeros(52)
    step[1] = 0.25
    change = {}
    for name, label, prediction in (("over", zeros, step), ("under", step, zeros)):
        drawn = blank(a_page, label, prediction)
        change[name] = np.nonzero((drawn == visualiser.ERROR).all(-1) & (blank(a_page) != visualiser.ERROR).any(-1))[1]
    assert change["under"].max() < change["over"].min()
    only_unseen = np.zeros(52)
    only_unseen[0] = 1
    drawn = blank(a_page, only_unseen, only_unseen)
    assert count(drawn, LABEL) == count(blank(a_page), LABEL)


def test_images_stand_unchanged_in_their_places(rng):
    a_page = page()
    images = [rng.integers(0, 256, (120, 120, 3), np.uint8) for _ in range(3)]
    drawn = blank(a_page, images=images)
    lefts = []
    for image in images:
        windows = np.lib.stride_tricks.sliding_window_view(drawn[:, :, 0], (1, 120))[:, :, 0]
        row, left = np.argwhere((windows == image[0, :, 0]).all(-1))[0]
        np.testing.assert_array_equal(drawn[row : row + 120, left : left + 120], image)
        lefts.append(left)
    assert lefts == sorted(lefts)


def test_frames_do_not_leak_into_each_other():
    a_page = page()
    before = blank(a_page)
    blank(a_page, np.ones(52), np.zeros(52), notes=("no face", "", "no prediction"))
    np.testing.assert_array_equal(blank(a_page), before)


@pytest.mark.parametrize("size", [100, 121, 320])
def test_sizes_are_even_for_the_encoder(size):
    a_page = Visualiser(size, title="x" * 300, headings=("y" * 200,) * 3, channels=CHANNELS, observed=np.ones(52, bool))
    assert a_page.width % 2 == a_page.height % 2 == 0
    drawn = a_page.frame((None,) * 3, None, None, time=1.0, text="z", notes=("w " * 80,) * 3)
    assert drawn.shape == (a_page.height, a_page.width, 3)


def test_text_covers_its_width_where_it_is_put():
    image = np.full((60, 300, 3), 255, np.uint8)
    draw_text(image, "Hamburg", (150, 40), size=20, colour=(0, 0, 0), align="centre")
    rows, columns = np.nonzero(image.min(2) < 128)
    width = text_width("Hamburg", size=20)
    assert abs((columns.min() + columns.max()) / 2 - 150) <= 3  # side bearings of the outer letters
    assert width - 6 < np.ptp(columns) <= width
    assert 20 < rows.min() < 40 < rows.max() < 50  # only the g reaches below the baseline


def test_text_outside_is_cut_without_harm():
    image = np.zeros((20, 20, 3), np.uint8)
    for position in ((-500, 10), (10, -50), (500, 500), (-5, 5)):
        draw_text(image, "outside", position, size=12, colour=(255, 255, 255))
    assert image[:, -3:].max() == 0 or image.any()


def test_long_text_is_shortened_and_wrapped_to_its_width():
    text = "dataset/Actor_01/01-01-01-01-01-01-01 and more words"
    cut = shortened(text, 150, size=13)
    assert text_width(cut, size=13) <= 150
    assert cut[0] == "d"
    assert cut[-1] == "s"
    assert "…" in cut
    lines = wrapped(text, 330, size=13)
    assert " ".join(lines) == text
    assert len(lines) > 1
    assert all(text_width(line, size=13) <= 330 for line in lines)


def test_message_is_written_on_white():
    image = message_image(400, 200, "set/a/b", "no face in any of 90 frames")
    assert image.shape == (200, 400, 3)
    assert 200 < (image.min(2) < 128).sum() < 8000
