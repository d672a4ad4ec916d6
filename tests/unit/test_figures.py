"""Figures show the numbers they are given, name what is missing and never fail on empty inputs."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from figure_inputs import (
    GRAPH,
    clip_row,
    texts,
    write_clips,
    write_log,
    write_metrics,
    write_models,
    write_nothing,
    write_results,
)
from letters import bad_letters
from stored import write_clip_table
from synthetic import synthetic_rig

from speechface.audio.synchrony import DELAYS_MS
from speechface.cli import main
from speechface.clip_tables import ClipTables
from speechface.figures import (
    alignment,
    face_error,
    features,
    labels_overview,
    landmarks,
    lip_gap,
    style,
    training,
    workflow,
)
from speechface.figures.inputs import FILES, LISTS, TABLES, VIDEOS
from speechface.figures.registry import FIGURES
from speechface.figures.style import colour_of, line_of, message, note_of, save, short, styled
from speechface.geometry.camera import Camera
from speechface.metrics.statistics import shapes
from speechface.tables import write_table


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    write_results(root, emotions=("sad", "neutral", "happy"))
    (root / "rules.dot").write_text(GRAPH)
    return root


def options(root):
    """The command line options of every figure."""
    clips = ["--clips", root / "clips.parquet", "--rig", root / "rig.npz"]
    names = (*TABLES, "quality", "metrics", "models")
    table = {name: ["--" + name, root / f"{name}.parquet"] for name in names}
    spoken = [*clips[2:], *table["labels"], "--all_predictions", root / "predictions.parquet"]
    spoken += ["--evaluations", root / "evaluations.parquet"]
    identity = ["--identity", root / "identity" / "demo" / "Actor_01.npz"]
    return {
        "features": [*clips[:2], *table["spectrogram"], *table["acoustics"], *table["audio"]],
        "lip_gap": [*clips[:2], *spoken, *table["audio"], *table["truth"]],
        "face_error": spoken,
        "landmarks": [*clips, *table["labels"], *table["predictions"]],
        "alignment": [*clips, *table["labels"], *identity],
        "labels_overview": [
            *clips,
            *table["quality"],
            *table["landmarks"],
            *table["labels"],
            *table["delays"],
            *identity,
        ],
        "training": ["--logs", *logs(root)],
        "models": [*table["models"], "--table-stem", root / "tables" / "models"],
        "emotions": [*table["metrics"], "--table-stem", root / "tables" / "emotions"],
        "samples": [*clips[:2], *table["labels"], *table["predictions"]],
        "motion": [*clips, *table["labels"], *table["predictions"]],
        "workflow": ["--graph", root / "rules.dot"],
    }


def logs(root):
    return sorted(root.glob("models/*/*/log.csv"))


def inputs(root, figure, **changes):
    """What the command hands to a figure's `collect`."""
    found = {}
    for name in figure.INPUTS:
        file = {"rig": "rig.npz", "all_predictions": "predictions.parquet"}.get(name, f"{name}.parquet")
        path = root / file
        found[name] = ClipTables([path]) if name in TABLES else [str(path)] if name in LISTS else str(path)
    if "identity" in found:
        found["identity"] = {("demo", "Actor_01"): root / "identity" / "demo" / "Actor_01.npz"}
    return {**found, **changes}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_names_known_inputs_and_has_a_caption(name):
    figure = FIGURES[name]
    assert set(figure.INPUTS) <= {*FILES, *TABLES, *LISTS, VIDEOS}
    assert figure.CAPTION.rstrip()[-1] in ".?"
    assert {"CAPTION", "INPUTS", "collect", "draw"} <= set(figure.__all__)


@pytest.mark.parametrize("name", FIGURES)
def test_command_writes_a_pdf_and_an_image_of_the_asked_resolution(name, results, tmp_path):
    arguments = [str(word) for word in options(results)[name]]
    stem = tmp_path / "out" / name
    assert main(["figure", name, "--out-stem", str(stem), "--settings", '{"dpi": 60}', *arguments]) == 0
    assert stem.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    header = stem.with_suffix(".png").read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    assert 100 < int.from_bytes(header[16:20], "big") <= 7.2 * 60  # never wider than a page


@pytest.mark.parametrize("name", FIGURES)
def test_inputs_without_content_give_a_figure_that_says_so(name, tmp_path):
    for table in ("clips", "models", "quality"):
        write_nothing(tmp_path / f"{table}.parquet")
    for table in TABLES:
        write_clip_table(tmp_path / f"{table}.parquet", "labels", {"demo/Actor_01/x": "made for a test"})
    synthetic_rig().save(tmp_path / "rig.npz")
    write_metrics(tmp_path / "metrics.parquet", models=("cnn",), emotions=())
    columns = {**{name: np.zeros(0) for name in shapes(46)}, "split": np.zeros(0, str)}
    write_table(tmp_path / "evaluations.parquet", columns, stage="evaluation", meta={"model": "cnn", "seed": 0})
    (tmp_path / "rules.dot").write_text("digraph {}")
    (tmp_path / "log.csv").write_text("epoch,step,learning_rate,train_loss,val_loss\n")
    arguments = options(tmp_path)[name]
    if name == "training":
        arguments = ["--logs", f"cnn/0={tmp_path / 'log.csv'}"]
    assert main(["figure", name, "--out-stem", str(tmp_path / "f"), *map(str, arguments)]) == 0
    assert (tmp_path / "f.png").stat().st_size > 1000
    assert note_of(tmp_path / "f.png"), "the page says it in words"
    if name == "emotions":
        assert "evaluates no clip" in (tmp_path / "tables" / f"{name}.csv").read_text()


ODD = "一个_very_long_name_Екатерина_№7_(final)_that_somebody_chose"


@pytest.mark.parametrize(("n_clips", "epochs"), [(1, 300), (4, 1)])
def test_letters_of_odd_runs_can_be_read_as_printed(n_clips, epochs, tmp_path):
    """Long names in several scripts, one clip, one epoch, many models: no letter is small, cut off or covered."""
    facts = {"emotions": (None,) * n_clips} if n_clips == 1 else {}
    write_results(tmp_path, clip=ODD, actor="Actor_01" if n_clips == 1 else ODD, statement=ODD, **facts)
    models = (ODD, "tcn", "b" * 60, "cnn", "gru", "ridge", "mean", "neutral")[n_clips == 1 :]
    write_metrics(tmp_path / "metrics.parquet", models=models, emotions=(ODD, "happy", "sad"), n_clips=5)
    write_models(tmp_path / "models.parquet", models=models)
    for model in models[:5]:
        write_log(tmp_path / "logs" / model / "0" / "log.csv", epochs=epochs)
    (tmp_path / "rules.dot").write_text(GRAPH)
    given = {"graph": tmp_path / "rules.dot", "logs": [str(path) for path in tmp_path.glob("logs/*/*/log.csv")]}
    with styled(models):
        for name in sorted(set(FIGURES) - {"alignment", "labels_overview"}):  # need videos
            figure = FIGURES[name]
            read = inputs(tmp_path, figure)
            drawn = figure.draw(figure.collect({key: given.get(key, value) for key, value in read.items()}))
            assert (name, bad_letters(drawn)) == (name, [])
            assert drawn.get_figwidth() <= style.PAGE


def test_missing_options_and_files_are_one_line(results, tmp_path, capsys):
    stem = str(tmp_path / "f")
    assert main(["figure", "landmarks", "--out-stem", stem, "--clips", str(results / "clips.parquet")]) == 1
    assert "figure 'landmarks' needs --labels" in capsys.readouterr().err
    assert main(["figure", "training", "--out-stem", stem, "--logs", f"a/0={tmp_path / 'no.csv'}"]) == 1
    assert "no such training log" in capsys.readouterr().err
    assert main(["figure", "workflow", "--out-stem", stem, "--graph", str(tmp_path / "no.dot")]) == 1
    assert main(["figure", "workflow", "--out-stem", stem, "--graph", "x", "--table-stem", "y"]) == 1
    assert "has no table" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_same_figure_gives_the_same_bytes(results, tmp_path):
    for name in ("a", "b"):
        with styled():
            save(workflow.draw(workflow.collect({"graph": results / "rules.dot"})), tmp_path / name, 60)
    for kind in ("pdf", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_message_shows_its_words():
    assert "no clip was evaluated" in texts(message("no clip was evaluated"))


def test_a_model_has_its_own_colour_in_every_figure_of_a_run():
    with styled(["zeta", "alpha", "beta"]):
        alone, among = colour_of("beta", ["beta"]), colour_of("beta", ["alpha", "beta", "labels", "mean"])
        assert alone == among
        assert len({colour_of(name, [name]) for name in ("zeta", "alpha", "beta", "labels", "mean")}) == 5


@pytest.mark.parametrize(
    ("name", "most", "words"),
    [("my_model", 12, "my model"), ("one_that_is_very_long_2024", 12, "one th…2024"), ("ж" * 9, 7, "жжж…жжж"),
     ("", 5, "")],
)  # fmt: skip
def test_long_names_keep_both_ends(name, most, words):
    assert short(name, most) == words


def test_wide_letters_count_twice(monkeypatch):
    monkeypatch.setattr(style, "readable", lambda text: text)  # as with a font that has them
    assert short("一二三四五六", 12) == "一二三四五六"
    assert short("一二三四五六", 8) == "一二…六"


def test_lines_of_models_differ_in_grey():
    names = [f"m{k}" for k in range(8)]
    with styled(names):
        assert len({line_of(name, names)["dashes"] for name in names}) == len(names)


# ---- lip gap and errors on the face


def test_the_lip_gap_is_that_of_the_median_clip_and_follows_the_rig(results):
    data = lip_gap.collect(inputs(results, lip_gap))
    assert (data.title, data.n_clips) == ("demo/Actor_01/clip1", 3), "later ones are worse"
    rig = synthetic_rig()
    labels = ClipTables([results / "labels.parquet"]).read("demo/Actor_01/clip1")
    for k in (0, 5, 20):
        upper, lower = rig.mesh(labels.stack(rig.channels)[k])[rig.landmarks[[62, 66]]]
        assert data.label[k] == pytest.approx(np.linalg.norm(upper - lower), abs=1e-4)
    assert np.isnan(data.label[3]), "a label that is not used"
    times, gap, r = data.models["cnn"]
    known = np.isfinite(data.label)
    assert r == pytest.approx(np.corrcoef(gap[known], data.label[known])[0, 1])
    assert data.phonemes == [(0.1, 0.3, "ˈɑː"), (0.3, 0.5, "m")]
    words = texts(lip_gap.draw(data))
    assert "ɑː" in words
    assert f"cnn (r {r:.2f})" in words


def test_of_a_long_clip_the_part_is_shown_in_which_lips_move_most(results):
    data = lip_gap.collect(inputs(results, lip_gap))
    times = np.arange(1500) / 25
    gap = np.where((times > 31) & (times < 35), 5 + 5 * np.sin(20 * times), 5.0)
    long = replace(data, times=times, label=gap, models={"cnn": (times, gap, 1.0)}, sound=np.ones(60), sr=1)
    first, last = lip_gap.draw(long).axes[1].get_xlim()
    assert last - first == pytest.approx(5, abs=0.05)
    assert first <= 31.1
    assert last >= 34.9
    assert lip_gap.draw(data).axes[1].get_xlim() == (data.times[0], data.times[-1]), "all of a short one"


@pytest.mark.parametrize(
    ("ranked", "shown"),
    [(["a", "knn", "ridge", "mean", "neutral"], None),
     (["a", "b", "c", "knn", "ridge", "mean", "neutral"], ["a", "b", "c", "knn", "mean", "neutral"]),
     (["a", "b", "c", "d", "e", "f", "g"], ["a", "b", "c", "d", "e", "f"]),
     (["ridge", "knn", "neutral"], ["ridge", "neutral"])],
)  # fmt: skip
def test_errors_on_the_face_always_have_the_training_mean_beside_them(ranked, shown):
    ranked_shown = face_error._chosen(ranked)
    assert ranked_shown == (shown or [name for name in ranked if name != "ridge"])


def test_errors_of_vertices_are_those_of_the_meshes():
    rig = synthetic_rig()
    rng = np.random.default_rng(0)
    true, found = rng.random((2, 40, len(rig.channels))).astype(np.float32)
    mean, high = face_error.vertex_errors(rig, found - true)
    miss = np.stack([np.linalg.norm(rig.mesh(f) - rig.mesh(t), axis=-1) for f, t in zip(found, true)])
    moving = np.any(rig.shapes != 0, (0, 2))
    assert moving.any()
    assert np.allclose(mean[moving], miss.mean(0)[moving], atol=1e-3)  # float32 of positions of 100 mm
    assert np.allclose(high[moving], np.percentile(miss, 95, axis=0)[moving], atol=1e-3)
    assert np.isnan(mean[~moving]).all()


def test_the_nearest_triangle_is_seen_and_values_vary_linearly_in_it():
    rig = synthetic_rig()
    front = face_error._Front(rig)
    from matplotlib.colors import Normalize

    height, width = front.shape
    image = front.painted(rig.neutral[:, 0].astype(float), Normalize(rig.neutral[:, 0].min(), rig.neutral[:, 0].max()))
    assert image.shape == (height, width, 3)
    blue = image[..., 2].copy()  # the map of colours loses blue from pale to red: from the subject's right to the left
    rows = np.flatnonzero((blue < 0.99).mean(1) > 0.5)
    middle = blue[rows[len(rows) // 2]]
    assert middle[: width // 4].mean() > middle[-width // 4 :].mean()


# ---- features


def test_silence_fades(results):
    data = features.collect(inputs(results, features))
    one = data.spoken[0]
    assert one.loudness.max() == 1
    one.loudness = np.zeros(len(one.loudness))
    assert not features._alpha("spectrogram", one).any()
    assert features._alpha("log_mel", one) is None, "it has its level"


def test_features_take_one_actor_and_sentence_in_the_report_s_order(results):
    data = features.collect(inputs(results, features))
    assert [one.title for one in data.spoken] == ["neutral", "happy", "sad"]
    first = data.spoken[0]
    table = ClipTables([results / "acoustics.parquet"]).read("demo/Actor_01/clip1")
    assert first.seconds == pytest.approx(len(table) * 1001 / 30000)
    mel = table["acoustics"][:, :384].reshape(-1, 128, 3)
    assert np.array_equal(first.images["log_mel"][:, 3 * 7 + 2], mel[7, :, 2])  # frame 7, step 2
    windows = ClipTables([results / "spectrogram.parquet"]).read("demo/Actor_01/clip1")["spectrogram"]
    image = first.images["spectrogram"]
    assert image.shape == (128, 11 * len(windows))  # 11.5 hops a frame
    assert np.allclose(image[:, 11 * 7 + 10], -80 * windows[7, :, 30])
    words = texts(features.draw(data))
    assert "sad" in words
    assert "Actor 01" in words


def test_features_prefer_the_sentence_with_most_emotions(results, tmp_path):
    rows = [clip_row("clip0", "neutral", statement="dogs"), clip_row("clip1", "happy"), clip_row("clip2", "sad"),
            clip_row("gone", "disgust")]  # fmt: skip
    write_clips(tmp_path / "clips.parquet", rows)
    data = features.collect(inputs(results, features, clips=tmp_path / "clips.parquet"))
    assert [one.title for one in data.spoken] == ["happy", "sad"]  # a clip without tables is left out
    assert "kids" in data.speaker


def test_features_work_with_one_feature_and_without_emotions(results, tmp_path):
    write_clips(tmp_path / "clips.parquet", [clip_row("clip2", None, statement=None)])
    data = features.collect(inputs(results, features, clips=tmp_path / "clips.parquet", acoustics=None))
    assert list(data.spoken[0].images) == ["spectrogram"]
    assert data.spoken[0].title == "clip2"
    features.draw(data)


# ---- landmarks


def test_landmarks_are_the_rig_s_and_the_error_is_theirs(results):
    data = landmarks.collect(inputs(results, landmarks))
    rig = synthetic_rig()
    labels = ClipTables([results / "labels.parquet"]).read("demo/Actor_01/clip0")
    gap = data.real[:, 62, 1] - data.real[:, 66, 1]
    assert np.all(np.diff(gap) >= 0)  # from closed to open
    for points, time in zip(data.real, data.times):
        row = int(np.argmin(np.abs(labels["time"] - time)))
        assert labels["used"][row]
        weights = np.array([labels[name][row] for name in rig.channels])
        assert np.allclose(points, rig.mesh(weights)[rig.landmarks], atol=1e-2)  # the file stores float16
    error = np.sqrt(np.square(data.real - data.generated).sum(-1)[:, 48:68].mean(1))
    words = texts(landmarks.draw(data))
    assert f"mouth RMSE {error[0]:.1f} mm" in words
    assert "cnn" in words


@pytest.mark.parametrize(("n", "count"), [(40, 5), (3, 5), (1, 5)])
def test_chosen_frames_span_closed_to_open(n, count):
    gap = np.random.default_rng(0).random(n)
    pick = landmarks.chosen_frames(gap, count)
    assert len(pick) == len(set(pick)) == min(n, count)
    assert gap[pick[0]] == gap.min()
    assert gap[pick[-1]] == gap.max()


# ---- alignment


def test_a_point_keeps_its_place_in_a_cut():
    camera = Camera(1500.0, (319.5, 239.5))
    points = np.random.default_rng(0).uniform(-80, 80, (50, 3)) - (0, 0, 1500)
    corner, side, pixels = np.array([210, 130]), 200, 480
    inside = camera.project(points) - corner + 0.5  # from the cut's edge
    cut = alignment.cut_camera(camera, corner, side, pixels).project(points)
    assert np.allclose(cut + 0.5, inside * pixels / side)


def test_clips_are_ranked_and_those_without_a_number_left_out():
    worst = labels_overview.worst_first(np.array([1.0, 5.0, np.nan, 1.2, 0.5, 3.0]))
    assert worst.tolist() == [1, 5, 3, 0, 4]
    assert len(labels_overview.worst_first(np.array([np.nan]))) == 0


def test_the_overview_shows_the_worst_clip_of_each_criterion_with_its_name_and_number(tmp_path):
    from speechface.media import VideoWriter

    rows = write_results(tmp_path, emotions=("neutral", "happy", "sad", "angry"))
    for row in rows:
        row["path"] = str(tmp_path / f"{row['clip']}.mp4")
        with VideoWriter(row["path"], width=320, height=240, fps=Fraction(30000, 1001), crf=30) as video:
            for _ in range(40):
                video.write(np.full((240, 320, 3), 90, np.uint8))
    write_clips(tmp_path / "clips.parquet", rows)
    cells = labels_overview.collect(inputs(tmp_path, labels_overview))
    assert len(cells) == len(labels_overview.CRITERIA)  # all four clips are among the worst, none is left as usual
    found = {cell.title: (cell.clip.rsplit("/", 1)[-1], cell.note) for cell in cells}
    assert found["misses the landmarks most"] == ("clip3", "misses by 1.60 % on average, here by the most")
    assert found["shut lips stand open"] == ("clip1", "shut in 50 % of the frames, open on the rig in 100 % of these")
    assert found["lips move too little or too far"][0] == "clip3"
    assert found["sound and lips agree least"][0] == "clip2"
    assert "agree with probability 0.01; 70 ms of delay used" in found["sound and lips agree least"][1]
    assert found["gaze wanders most"] == ("", "the detector sees no irises")
    assert found["longest gap"] == ("clip0", "0.20 s, the longest of 3; here its middle")
    # landmarks are moved into the cut as the image is: a circle of 30 px about the middle of the video
    radius = np.linalg.norm(cells[0].seen - cells[0].seen.mean(0), axis=1)
    assert np.allclose(radius, 30 * cells[0].pair.matrix[0, 0])
    (sound,) = (cell for cell in cells if cell.curve is not None)
    assert (sound.title, DELAYS_MS[np.argmax(sound.curve)], sound.delay_ms) == ("sound and lips agree least", -200, 70)
    figure = labels_overview.draw(cells)
    assert "longest gap" in texts(figure)
    assert "demo/Actor 01/clip2" in texts(figure)
    assert bad_letters(figure) == []


def test_alignment_dots_fall_on_the_face_in_the_video(tmp_path):
    """A video with a white dot where the labels say the nose tip is: the figure's dot lies on it."""
    from speechface.geometry.rotation import matrix_from_euler
    from speechface.media import VideoWriter

    write_results(tmp_path, emotions=("neutral",))
    row = clip_row("clip0", "neutral", path=str(tmp_path / "clip0.mp4"))
    write_clips(tmp_path / "clips.parquet", [row])
    labels, rig = ClipTables([tmp_path / "labels.parquet"]).read("demo/Actor_01/clip0"), synthetic_rig()
    identity = np.load(tmp_path / "identity" / "demo" / "Actor_01.npz")["identity"]
    camera = Camera(labels.meta["focal_px"], tuple(labels.meta["centre_px"]))
    with VideoWriter(tmp_path / "clip0.mp4", width=320, height=240, fps=Fraction(30000, 1001), crf=10) as video:
        for frame in range(len(labels)):
            angles = [labels[f"rotation_{axis}"][frame] for axis in "xyz"]
            turn = np.array(labels.meta["rotation_reference"]) @ matrix_from_euler(angles)
            weights = [labels[name][frame] for name in rig.channels]
            shift = [labels[f"translation_{axis}"][frame] for axis in "xyz"]
            x, y = camera.project((rig.mesh(weights, identity) @ turn.T + shift)[rig.landmarks[30]])
            image = np.zeros((240, 320, 3), np.uint8)
            image[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3] = 255
            video.write(image)
    pairs = alignment.collect(inputs(tmp_path, alignment))
    bright = np.argwhere(pairs[0].frame[..., 0] > 128).mean(0)[::-1]
    assert np.abs(bright - pairs[0].dots[30]).max() < 3  # half a video pixel is 1.2 here; the codec blurs
    assert "neutral" in texts(alignment.draw(pairs))


# ---- training


def test_training_shows_every_model_and_marks_the_kept_epoch(results):
    runs = training.collect({"logs": [str(path) for path in logs(results)]})
    assert [(run.model, run.seed) for run in runs] == [("cnn", "0"), ("cnn", "1"), ("gru", "0")]
    figure = training.draw(runs)
    assert {"cnn", "gru", "not measured"} <= set(texts(figure).split(" | "))
    loss = figure.axes[0]
    best = int(np.argmin(runs[0].columns["val_loss"]))
    marks = [line.get_xydata()[0] for line in loss.lines if line.get_label() == "kept epoch"]
    assert (best + 1, runs[0].columns["val_loss"][best]) == pytest.approx(tuple(marks[0]))


def test_learning_rates_of_many_sizes_are_numbers_on_the_axis(tmp_path):
    path = tmp_path / "log.csv"
    rows = [f"{k},10,{10.0 ** -(3 + k)},1.0,1.0,2.0" for k in range(5)]
    path.write_text("\n".join(["epoch,step,learning_rate,train_loss,val_loss,val_mouth_mm", *rows, ""]))
    with styled():
        figure = training.draw(training.collect({"logs": [f"tcn/0={path}"]}))
        figure.draw_without_rendering()
        ticks = [label.get_text() for axis in figure.axes for label in axis.get_yticklabels()]
    assert "10⁻³" in ticks
    assert not [text for text in ticks if "$" in text]


def test_training_copes_with_one_epoch_and_no_validation(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("epoch,step,learning_rate,train_loss,val_loss,val_mouth_mm\n0,10,0.005,1.0,,\n")
    runs = training.collect({"logs": [f"my_model/3={path}"]})
    assert (runs[0].model, runs[0].seed) == ("my_model", "3")
    assert "my model" in texts(training.draw(runs))


def test_training_marks_the_epoch_that_the_network_says_it_kept(tmp_path):
    write_log(tmp_path / "tcn" / "0" / "metrics.csv")
    (tmp_path / "tcn" / "0" / "model.json").write_text(json.dumps({"history": {"best_epoch": 8}}))
    (run,) = training.collect({"logs": [str(tmp_path / "tcn" / "0" / "metrics.csv")]})
    assert np.argmin(run.columns["val_loss"]) != 8, "else the test shows nothing"
    figure = training.draw([run])
    marks = [line.get_xydata()[0] for line in figure.axes[0].lines if line.get_label() == "kept epoch"]
    assert tuple(marks[0]) == pytest.approx((9, run.columns["val_loss"][8]))
    assert f"kept: {run.columns['val_mouth_mm'][8]:.2f} mm" in texts(figure)


def test_errors_and_rates_of_models_share_their_axes(results):
    figure = training.draw(training.collect({"logs": [str(path) for path in logs(results)]}))
    loss, mouth, rate = (figure.axes[k : k + 2] for k in (0, 2, 4))
    assert all(one.get_ylim() == other.get_ylim() for one, other in (mouth, rate))
    assert loss[0].get_shared_y_axes().get_siblings(loss[0]) == [loss[0]]


def test_a_foreign_csv_is_named(tmp_path):
    write_log(tmp_path / "log.csv")
    text = (tmp_path / "log.csv").read_text().replace("val_loss", "loss2")
    (tmp_path / "log.csv").write_text(text)
    from speechface.errors import TableError

    with pytest.raises(TableError, match="'val_loss' is missing"):
        training.collect({"logs": [f"cnn/0={tmp_path / 'log.csv'}"]})


def test_settings_are_checked(tmp_path, capsys):
    settings = json.dumps({"dip": 3})
    assert main(["figure", "workflow", "--out-stem", str(tmp_path / "f"), "--graph", "g", "--settings", settings]) == 1
    assert "dip" in capsys.readouterr().err
