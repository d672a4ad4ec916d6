"""The page of a run: what it says, and in a browser what it does."""

import json
import shutil
import socket
import time
from fractions import Fraction

import numpy as np
import pytest
import yaml
from browser import FOUND, Browser
from figure_inputs import write_models

from speechface.cli import main
from speechface.datasets.base import ADAPTERS
from speechface.figures.style import message, save, styled
from speechface.metrics.ranking import best_model, ranked_clips
from speechface.metrics.statistics import empty_statistics
from speechface.page.citations import CITATIONS, licence_of
from speechface.page.html import listed, number
from speechface.tables import Table, read_table, write_table

PEOPLE = [("train", "a", 10), ("train", "b", 20), ("excluded", "b", 30), ("test", "c", 40), ("predict", "d", 50)]


def write_inputs(root):
    """A small run's tables, videos and figures; returns the options of make-page."""
    splits, actors, frames = zip(*PEOPLE)
    reasons = ["", "", "reprojection 3.1 % of the eyes' distance <at most 1.2 %>; /data/my_set/b2.mp4 ends", "", ""]
    names = [f"c{k}" for k in range(len(PEOPLE))]
    columns = {"dataset": ["set"] * 5, "actor": actors, "clip": names, "split": splits, "reason": reasons,
               "emotion": ["happy"] * 5, "n_frames": np.array(frames, np.int32),
               "n_used": np.array([10, 20, 0, 40, 50], np.int32)}  # fmt: skip
    write_table(root / "clips.parquet", {k: list(v) if isinstance(v, tuple) else v for k, v in columns.items()},
                stage="splits")  # fmt: skip
    quality = {
        name: columns[name] if name != "actor" else list(actors) for name in ("dataset", "actor", "clip", "reason")
    }
    quality |= {"reprojection_pct_iod": np.linspace(0.5, 3, 5), "used": np.array([True, True, False, True, True])}
    write_table(root / "quality.parquet", quality, stage="label_report")
    write_models(root / "models.parquet", more={"mse_weights_e2": ("1e-2", (1.5, 2, 3, 4))})
    facts = {"name": "tcn", "family": "sequence", "feature": "log_mel", "model": {"head": "tcn"}}
    (root / "model.json").write_text(json.dumps(facts))
    clip = {"clip": "set/c/c3", "rmse_mouth_mm": 1.234, "lip_gap_r": None}
    (root / "examples.json").write_text(json.dumps({
        "model": "tcn", "seed": 0, "split": "test", "n_clips": 1, "viewer": "best.html",
        "examples": dict.fromkeys(("best", "median", "worst"), clip),
        "frame": {"width": 96, "height": 64, "top": 8, "side": 32},
    }))  # fmt: skip
    with styled():
        save(message("drawn"), root / "workflow", 50)
        save(message("nothing"), root / "emotions", 50, note="no <emotion> is known")
    (root / "my.yaml").write_text("datasets: {set: {adapter: ravdess}}  # <mine>\n")
    jobs = root / "jobs" / "fit_labels"
    jobs.mkdir(parents=True)
    (jobs / "x.tsv").write_text("s\tmax_rss\n90\t123\n")
    return ["--clips", "clips.parquet", "--quality", "quality.parquet", "--models", "models.parquet",
            "--facts", "model.json", "--examples", "examples.json", "--figures", "workflow.png", "emotions.png",
            "--tables", "my.yaml", "--benchmarks", "jobs",
            "--config", "my.yaml", "--adapters", '{"set": "ravdess"}', "--forward", "index.html",
            "--out", "page/index.html"]  # fmt: skip


@pytest.fixture
def page(tmp_path, monkeypatch):
    """The folder of a page."""
    from speechface.media import VideoWriter

    monkeypatch.chdir(tmp_path)
    assert main(["make-page", *write_inputs(tmp_path)]) == 0
    sound = 0.1 * np.sin(np.arange(16000) / 20).astype(np.float32)
    with VideoWriter(tmp_path / "page/media/best.mp4", width=96, height=64, fps=Fraction(25), audio=sound, sr=16000,
                     crf=30) as video:  # fmt: skip
        for k in range(25):
            video.write(np.full((64, 96, 3), 10 * k, np.uint8))
    return tmp_path / "page"


@pytest.mark.parametrize(("names", "said"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_names_in_a_sentence(names, said):
    assert listed(names) == said


def test_the_page_says_who_learned_from_whom_and_how_far_off_it_is(page):
    text = (page / "index.html").read_text()
    assert "learned from 2 clips (30 frames) of 2 speakers of set" in text
    assert "1 clip of 1 speaker it has never heard" in text
    assert '1.20&nbsp;mm</b> <span class="ci">[1.10, 1.30]</span> away from the labels' in text
    assert "ridge regression 1.80, the training mean 2.10" in text
    assert "The only clip" in text, "one clip is shown once"
    assert text.count("<video") == 1
    assert "RAVDESS" in text
    assert "CC BY-NC-SA" in text
    assert "fit labels" in text
    assert "no &lt;emotion&gt; is known" in text, "a figure that shows nothing is a sentence"


def test_clips_left_out_are_counted_by_reason_and_text_is_escaped(page):
    text = (page / "index.html").read_text()
    assert "<b>1 clip left out:</b>" in text
    assert "<li>1 × reprojection … % of the eyes&#x27; distance &lt;at most … %&gt;</li><li>1 × … ends</li>" in text
    assert "# &lt;mine&gt;" in text
    assert "<mine>" not in text


def test_the_folder_is_complete_and_the_page_outside_leads_there(page):
    assert {path.name for path in (page / "media").iterdir()} == {"best.mp4", "workflow.png", "workflow.pdf", "my.yaml"}
    assert 'url=page/index.html"' in (page.parent / "index.html").read_text()


def test_where_one_clip_gives_no_interval_the_page_does_not_speak_of_brackets(page):
    table = read_table("models.parquet")
    columns = {name: np.full(len(table), np.nan) if name in ("low", "high") else v for name, v in table.columns.items()}
    write_table("models.parquet", columns, stage="evaluation", meta=table.meta)
    words = ["make-page", "--clips", "clips.parquet", "--quality", "quality.parquet", "--models", "models.parquet",
             "--examples", "examples.json", "--out"]  # fmt: skip
    assert "brackets are 95" in (page / "index.html").read_text()
    assert main([*words, "one/index.html"]) == 0
    text = (page.parent / "one/index.html").read_text()
    assert "brackets" not in text
    assert "one clip gives no intervals" in text
    assert "correlation of <b>0.70</b>" in text


def test_what_can_be_held_against_the_report_stands_below_the_table(page):
    text = (page / "index.html").read_text()
    assert "MSE on AU coefficients, 1e-2</td>" in text
    assert "<li>MSE on AU coefficients: its weights are FaceWarehouse&#x27;s" in text
    assert text.count("<td>no formula") == 0


def test_every_data_set_that_is_known_can_be_cited():
    assert set(CITATIONS) == set(ADAPTERS) - {"folder"}


def test_without_models_there_are_labels_and_data(page):
    options = ["--clips", "clips.parquet", "--quality", "quality.parquet", "--out", "bare/index.html"]
    assert main(["make-page", *options]) == 0
    text = (page.parent / "bare/index.html").read_text()
    assert 'id="labels"' in text
    assert 'id="models"' not in text


def test_where_a_model_draws_a_table_says_how_faces_move(page):
    assert "diversity" not in (page / "index.html").read_text()
    write_models(page.parent / "models.parquet", more={
        "diversity_mm": ("mm", (0.7, np.nan, np.nan, np.nan)), "blink_rate": ("1/min", (20.5, 0.0, 0.0, 0.0)),
        "blink_rate_labels": ("1/min", (17.25,) * 4), "lve_mm": ("mm", (3.0, 2.5, 2.6, 4.0)),
    })  # fmt: skip
    options = ["--clips", "clips.parquet", "--quality", "quality.parquet", "--models", "models.parquet"]
    assert main(["make-page", *options, "--examples", "examples.json", "--out", "page/index.html"]) == 0
    text = (page / "index.html").read_text()
    heads = [head for head in ("diversity, mm", "blinks, 1/min", "head&#x27;s amplitude") if head in text]
    assert heads == ["diversity, mm", "blinks, 1/min"], "a metric that no model has is no column"
    assert "The labels blink 17.2 times a minute" in text
    assert 'href="media/best.html"' in text


def test_numbers_have_no_minus_before_zero_and_a_dash_for_nothing():
    assert number(-0.001).markup == "0.00"
    assert number(float("nan")).markup == "–"
    assert number(1234.5, 1).markup == "1,234.5"


@pytest.mark.skipif(not FOUND, reason="needs chromium and chromedriver (Debian: chromium-driver)")
@pytest.mark.parametrize("size", [{}, {"width": 360, "height": 740}], ids=["desk", "telephone"])
def test_in_a_browser_videos_play_tables_sort_and_nothing_is_fetched_elsewhere(page, tmp_path, size):
    copied = shutil.copytree(page, tmp_path / "else where" / "copy")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    browser = Browser(tmp_path / "profile", port=port, **size)
    try:
        browser.open(copied / "index.html")
        film = "const v = document.querySelector('video'); return "
        for _ in range(100):
            if browser.script(film + "v.currentTime > 0.1 && !v.paused"):
                break
            time.sleep(0.1)
        else:
            pytest.fail(f"the video stands still: {browser.script(film + '[v.readyState, v.paused, v.currentTime]')}")
        assert browser.script(film + "v.muted") is True
        assert browser.script("document.querySelector('.sound').click();" + film + "v.muted") is False
        order = "const t = document.querySelector('table.sorts'), h = t.tHead.rows[0].cells[1];" \
                "for (let k = 0; k < CLICKS; k++) h.querySelector('button').click();" \
                "return [...t.tBodies[0].rows].map(r => r.cells[0].dataset.key)"  # fmt: skip
        assert browser.script(order.replace("CLICKS", "1")) == ["tcn", "cnn", "ridge", "mean"]
        assert browser.script(order.replace("CLICKS", "1")) == ["mean", "ridge", "cnn", "tcn"]
        assert browser.script("return document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
        heights = browser.script("return [...document.querySelectorAll('#report td')].map(cell => cell.offsetHeight)")
        assert max(heights) < 60, "no row is empty but for a tower of words"
        column = browser.script(
            "const s = document.querySelector('.scroll'); s.scrollLeft = 1e4;"
            "return [s.querySelector('td').getBoundingClientRect().left - s.getBoundingClientRect().left, s.scrollLeft]"
        )
        assert column[0] == pytest.approx(0, abs=1) or not size, "on a telephone names of rows stay in view"
        fetched = browser.requests()
        assert any(address.endswith("best.mp4") for address in fetched)
        assert [address for address in fetched if not address.startswith(("file:", "data:"))] == []
    finally:
        browser.close()


def test_every_network_has_a_card_and_the_run_a_crate(page, capsys):
    root = page.parent
    facts = json.loads((root / "model.json").read_text())
    facts |= {"seed": 0, "columns": ["jawOpen"] * 49, "history": {"best_epoch": 4, "epochs": 15}}
    folder = root / "models" / "tcn" / "0"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps(facts))
    (folder / "model.ckpt").write_bytes(b"a network")
    words = ["describe-run", "--clips", "clips.parquet", "--models", "models.parquet", "--config", "my.yaml",
             "--facts", str(folder / "model.json"), "--adapters", '{"set": "ravdess"}', "--out"]  # fmt: skip
    assert main([*words, str(root / "ro-crate-metadata.json")]) == 0
    card = (folder / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["license"] == "cc-by-nc-sa-4.0"
    assert front["model-index"][0]["results"][0]["metrics"][0]["value"] == pytest.approx(1.2)
    assert "2 clips, 30 frames, 2 speakers of set" in card
    assert "kept epoch 5 of 15" in card
    assert "| ridge | 1.80 [1.70, 1.90] |" in card
    crate = json.loads((root / "ro-crate-metadata.json").read_text())
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    parts = [part["@id"] for part in entities["./"]["hasPart"]]
    assert {"page/index.html", "config/my.yaml", "models/tcn/0/model.ckpt", "models/tcn/0/README.md"} <= set(parts)
    assert all((root / part).exists() and part in entities for part in parts)
    assert entities["#run"]["object"] == [{"@id": "config/my.yaml"}]
    assert main([*words, str(root / "crate.json")]) == 1
    assert "ro-crate-metadata.json" in capsys.readouterr().err
    facts["history"]["best_epoch"] = None  # nothing was held out
    (folder / "model.json").write_text(json.dumps(facts))
    assert main([*words, str(root / "ro-crate-metadata.json")]) == 0
    assert "kept epoch" not in (folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("adapters", "code"),
    [(["demo"], "mit"), (["demo", "ravdess"], "cc-by-nc-sa-4.0"), (["ravdess", "folder"], "other"), ([""], "other")],
)
def test_a_network_s_licence_follows_its_data(adapters, code):
    assert licence_of(adapters) == code


def evaluation(errors, split="test"):
    """A table of 'evaluate' whose clips miss the mouth's points by `errors` mm; NaN: not evaluated."""
    rows = [empty_statistics(46) for _ in errors]
    for row, error in zip(rows, errors):
        if np.isfinite(error):
            row["n_frames"], row["n_clips"] = np.array(4.0), np.array(1.0)
            row["landmarks_sq"] = np.full(68, 4 * error**2)
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    who = {"dataset": "d", "actor": "a", "split": split}
    columns |= {name: np.array([value] * len(errors)) for name, value in who.items()}
    return Table({**columns, "clip": np.array([f"c{k}" for k in range(len(errors))])}, {"model": "m", "seed": 0})


def test_clips_are_ranked_by_the_mouth_and_those_not_evaluated_are_left_out():
    split, ranked = ranked_clips(evaluation([2.0, np.nan, 0.5, 1.0]))
    assert split == "test"
    assert [clip["clip"] for clip in ranked] == ["d/a/c2", "d/a/c3", "d/a/c0"]
    assert ranked[0]["rmse_mouth_mm"] == pytest.approx(0.5)
    assert ranked_clips(evaluation([1.0], "predict"))[0] == "predict"
    assert ranked_clips(evaluation([np.nan])) == ("test", [])


def test_the_best_model_is_the_best_in_validation_else_the_first(tmp_path):
    write_models(tmp_path / "m.parquet")
    models = read_table(tmp_path / "m.parquet")
    assert best_model(models, ["cnn", "tcn"]) == "tcn"
    assert best_model(models, ["cnn", "ridge"]) == "cnn"
