import logging
import warnings
from pathlib import Path

import numpy as np
import pytest

from speechface import glyphs
from speechface.figures import style
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


def test_letters_of_another_script_come_from_the_font_that_has_them(tmp_path, monkeypatch):
    other = Path(default_font()).with_name("STIXGeneral.ttf")  # as an installed font would: DejaVu lacks this letter
    monkeypatch.setattr(style, "fallback_fonts", lambda: {"STIXGeneral": str(other)})
    monkeypatch.setattr(glyphs, "fallback_fonts", lambda: {"STIXGeneral": str(other)})
    with styled(), warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib draws a box and warns
        save(message("a \N{LATIN SMALL LETTER D WITH PALATAL HOOK} b"), tmp_path / "f", 60)
    assert b"STIXGeneral" in (tmp_path / "f.pdf").read_bytes()


def test_a_name_without_a_font_is_drawn_as_its_code_point():
    image, same = np.zeros((40, 300, 3), np.uint8), np.zeros((40, 300, 3), np.uint8)
    draw_text(image, "\U000f1234", (4, 30), size=16, colour=(255, 255, 255))
    draw_text(same, "U+F1234", (4, 30), size=16, colour=(255, 255, 255))
    np.testing.assert_array_equal(image, same)
    assert text_width("\U000f1234", size=16) == text_width("U+F1234", size=16)
