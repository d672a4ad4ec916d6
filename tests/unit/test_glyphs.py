import logging

import numpy as np
import pytest

from speechface.figures.style import message, save, styled
from speechface.glyphs import default_font, fallback_fonts, font_for, readable
from speechface.render.text import draw_text, text_width


def test_letters_that_a_font_has_stay_and_others_are_spelt_out():
    own = (default_font(),)
    assert readable("Иван, Анна, José: a_b", own) == "Иван, Анна, José: a_b"
    assert readable("张 a", own) == "U+5F20 a"
    assert readable("\U000f1234x") == "U+F1234 x"  # a private letter
    assert font_for("Иван") == default_font()
    assert all(font_for("张") == file for file in list(fallback_fonts().values())[:1] if "CJK" in file)


@pytest.mark.parametrize("name", ["张伟", "Иван", "$a_{b}$", "a$b", "\\frac", "50%", "\U000f1234"])
def test_figures_show_any_name_without_boxes_and_formulas(name, tmp_path, caplog):
    with styled(), caplog.at_level(logging.WARNING):
        save(message(f"{name} says nothing"), tmp_path / "f", 60)
    assert (tmp_path / "f.pdf").stat().st_size > 1000
    assert not caplog.records


def test_a_name_without_a_font_is_drawn_as_its_code_point():
    image, same = np.zeros((40, 300, 3), np.uint8), np.zeros((40, 300, 3), np.uint8)
    draw_text(image, "\U000f1234", (4, 30), size=16, colour=(255, 255, 255))
    draw_text(same, "U+F1234", (4, 30), size=16, colour=(255, 255, 255))
    np.testing.assert_array_equal(image, same)
    assert text_width("\U000f1234", size=16) == text_width("U+F1234", size=16)
