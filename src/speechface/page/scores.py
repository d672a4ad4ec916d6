"""What the page says of models: the first screen, the tables of scores, and the report's numbers beside ours."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from speechface.figures.scores import SHORT
from speechface.figures.style import BASELINES, titled
from speechface.metrics.registry import METRICS
from speechface.page.html import Cell, counted, escape, listed, number, score, table
from speechface.tables import Table

__all__ = ["REPORT", "Scores", "examples", "models", "report_numbers", "sentences"]

#: What the trivial references are.
_REFERENCES = {
    "neutral": "a face that never moves", "mean": "the training mean", "ridge": "ridge regression",
    "knn": "nearest neighbours", "labels": "the labels themselves",
}  # fmt: skip
_PLACES = {"test": "test clips", "predict": "speakers and clips that are only predicted"}
_COLUMNS = ("rmse_mouth_mm", "rmse_mouth_centred_mm", "lip_gap_r", "r2_mouth", "lve_mm")
#: The same of models that draw, beside those that do not: what a mean does not show.
_DRAWN = ("lve_mm", "lve_best_mm", "diversity_mm", "frechet_motion", "amplitude_lips", "amplitude_head", "blink_rate")

#: The report's results (section VII): metric -> (its name there, value, unit, what it can be held against here).
REPORT = {
    "mse_weights_e2": ("MSE on AU coefficients", 6.53, "1e-2",
                       "its weights are FaceWarehouse's, ours another rig's: the scale of a weight differs"),
    "rmse_landmarks_mm": ("RMSE on 3D landmarks", 1.038, "mm",
                          "the nearest to comparable: mm on a head, but on another rig; the text also says 0.7 mm"),
    "temporal_smoothness_e2": ("temporal smoothness", 1.94, "1e-2",
                               "no formula is given; ours is the mean difference of changes from frame to frame"),
    "self_smoothness_e2": ("self smoothness", 2.654, "1e-2",
                           "no formula is given; ours is the mean change of the prediction from frame to frame"),
}  # fmt: skip


class Scores:
    """The table of 'compare-models' by split, model and metric; of several datasets of a split all together."""

    def __init__(self, models: Table):
        rows = [dict(zip(models.columns, row)) for row in zip(*models.columns.values())]
        together = {row["split"] for row in rows if row["dataset"] == "all"}
        self.rows = {
            (str(row["split"]), str(row["model"]), str(row["metric"])): row
            for row in rows
            if row["dataset"] == "all" or row["split"] not in together
        }
        self.reference = str(models.meta.get("reference", ""))

    def of(self, split: str, model: str, metric: str) -> Mapping[str, Any] | None:
        """One row, or None."""
        return self.rows.get((split, model, metric))

    def splits(self) -> list[str]:
        return [split for split in ("test", "predict") if any(key[0] == split for key in self.rows)]

    def models(self, split: str) -> list[str]:
        """Models of a split by the mouth's error, least first, baselines last."""
        names = {model for place, model, _ in self.rows if place == split}

        def rank(name: str) -> tuple[bool, float, str]:
            row = self.of(split, name, "rmse_mouth_mm")
            return name in BASELINES, row["value"] if row else np.inf, name

        return sorted(names, key=rank)

    def metrics(self, split: str, wanted: Sequence[str]) -> list[str]:
        """Those of `wanted` that some model of a split has."""
        found = {
            metric for (place, _, metric), row in self.rows.items() if place == split and np.isfinite(row["value"])
        }
        return [metric for metric in wanted if metric in found]


def _words(row: Mapping[str, Any] | None, metric: str) -> str:
    """``1.66 mm [1.26, 2.16]``."""
    unit = "" if SHORT[metric][1] in ("r", "R2") else f"&nbsp;{SHORT[metric][1]}"
    shown = score(row, SHORT[metric][2])
    value, _, between = shown.markup.partition(" <")
    return f"<b>{value}{unit}</b>{' <' + between if between else ''}"


def _trained(name: str, facts: Mapping[str, Any]) -> str:
    """What a network is, in words."""
    members = facts.get("members")
    if members:
        return f"an ensemble of {counted(len(members), 'network')}"
    if "family" not in facts:
        return _REFERENCES.get(name, "")
    head, feature = facts.get("model", {}).get("head"), facts.get("feature")
    return f"{facts['family']} family, {f'{head} on ' if head else ''}{titled(feature or '')}"


def _who(clips: Mapping[str, Any], split: str) -> tuple[set[tuple[str, str]], int, int, list[str]]:
    """Speakers, clips, frames and datasets of a split."""
    rows = np.flatnonzero((np.asarray(clips["split"], str) == split) & (np.asarray(clips["n_used"], float) > 0))
    speakers = {(str(clips["dataset"][k]), str(clips["actor"][k])) for k in rows}
    frames = int(np.sum(np.asarray(clips["n_used"], float)[rows])) if len(rows) else 0
    return speakers, len(rows), frames, sorted({name for name, _ in speakers})


def sentences(
    scores: Scores, clips: Mapping[str, Any], model: str, facts: Mapping[str, Any], split: str
) -> Iterator[str]:
    """Three or four sentences: what was trained on whom, how far it is off, how well its lips follow.

    Parameters
    ----------
    scores : Scores
    clips : columns of the clip table with the final split
    model : the model that the page shows
    facts : of its training (model.json)
    split : "test" or "predict", where it is judged
    """
    trained, n_train, frames, names = _who(clips, "train")
    judged, n_judged, _, _ = _who(clips, split)
    known = len(judged & trained)
    who = counted(len(judged), "speaker")
    if not known:
        who += " it has never heard"
    elif known == len(judged):
        who = "the same speaker" if known == 1 else f"the same {who}"
    else:
        who += f", {known} of them known from training"
    what = _trained(model, facts)
    yield (
        f"<b>{escape(titled(model))}</b>{f' ({escape(what)})' if what else ''} learned from "
        f"{counted(n_train, 'clip')} ({frames:,} frames) of {counted(len(trained), 'speaker')} of "
        f"{escape(listed([titled(name) for name in names]))}; here it speaks {counted(n_judged, 'clip')} of {who}, "
        "from sound alone."
    )
    for place in dict.fromkeys((split, *scores.splits())):
        own = scores.of(place, model, "rmse_mouth_mm")
        if own is None:
            continue
        beside = [
            f"{_REFERENCES[name]} {number(row['value']).markup}"
            for name in ("knn", "ridge", "mean", "neutral")
            if name != model and (row := scores.of(place, name, "rmse_mouth_mm"))
        ]
        where = (
            "Its mouth" if place == split else f"On {counted(int(own['n_clips']), 'clip')} that are only predicted it"
        )
        yield (
            f"{where} is {_words(own, 'rmse_mouth_mm')} away from the labels (root mean square over the mouth's "
            f"points)" + (f", where {', '.join(beside)}." if beside else ".")
        )
    gap = scores.of(split, model, "lip_gap_r")
    if gap is not None:
        best = max(
            ((row["value"], name) for name in ("knn", "ridge") if name != model
             and (row := scores.of(split, name, "lip_gap_r"))), default=None,
        )  # fmt: skip
        rival = f", {_REFERENCES[best[1]]} {number(best[0]).markup}" if best else ""
        between = "; brackets are 95&nbsp;% intervals over speakers and their clips" if np.isfinite(gap["low"]) else ""
        yield (
            f"The opening of its lips follows the labels' with a correlation of {_words(gap, 'lip_gap_r')}{rival}"
            f"{between}."
        )


def examples(facts: Mapping[str, Any], clips: Mapping[str, Any]) -> str:
    """The videos of the first screen (`facts`: what render-examples wrote)."""
    known = {
        "/".join(str(clips[name][k]) for name in ("dataset", "actor", "clip")): k for k in range(len(clips["clip"]))
    }
    films: dict[str, list[str]] = {}
    for name, clip in facts["examples"].items():
        films.setdefault(clip["clip"], []).append(name)
    width, height, top, side = (facts["frame"][key] for key in ("width", "height", "top", "side"))
    style = f"aspect-ratio:{width}/{side};object-position:0 {100 * top / (height - side):.2f}%"
    words = ("recorded", "labels", "from sound")
    aside = max(0.0, 50 * (1 - 3 * side / width))  # of small pictures the video is wider
    heads = (
        f'<div class="heads" style="padding:0 {aside:.1f}%">{"".join(f"<span>{escape(w)}</span>" for w in words)}</div>'
    )
    out = []
    for clip_id, names in films.items():
        clip, row = facts["examples"][names[0]], known.get(clip_id)
        about = [titled(clip_id.split("/")[1])]
        for column in ("emotion", "statement"):
            text = clips[column][row] if row is not None and column in clips else None
            about += [f"“{text}”" if column == "statement" else titled(text)] if isinstance(text, str) and text else []
        rank = {"best": "Best", "median": "Median", "worst": "Worst"}
        head = listed([rank[name] if k == 0 else name for k, name in enumerate(names)]) + f" of {facts['n_clips']}"
        head = head if facts["n_clips"] > 1 else "The only clip"
        gap = "" if clip["lip_gap_r"] is None else f", lip-gap r {clip['lip_gap_r']:.2f}"
        out.append(
            f"<figure>{heads}"
            f'<video src="media/{names[0]}.mp4" style="{style}" autoplay muted loop playsinline '
            f'controls preload="auto"></video><figcaption><span><b>{head}</b>: '
            f"{escape(', '.join(about))}; mouth {clip['rmse_mouth_mm']:.2f} mm off{gap}</span>"
            '<button class="sound">sound on</button></figcaption></figure>'
        )
    viewer = facts.get("viewer")
    what = "with its curves and a slider for every channel"
    link = f'<p class="note"><a href="media/{viewer}">Turn the best one round</a>, {what}.</p>'
    return f'<div class="examples">{"".join(out)}</div>{link if viewer else ""}'


def _heading(metric: str) -> Cell:
    name, unit, _ = SHORT[metric]
    arrow = {"lower": " ↓", "higher": " ↑", "one": " → 1"}.get(METRICS[metric].better, "")
    shown = f"{name}, {unit}" if unit not in ("r", "R2", "") else f"{name} {unit}".strip()
    return Cell(f"{escape(shown.replace('R2', 'R²'))}{arrow}", None, METRICS[metric].meaning)


def models(scores: Scores, facts: Mapping[str, Mapping[str, Any]], shown: str) -> str:
    """A table of scores a split: models by the mouth's error, references last in grey, the one shown marked."""
    parts = []
    for split in scores.splits():
        metrics = scores.metrics(split, _COLUMNS)
        rows: list[list[Cell | str]] = []
        names = scores.models(split)
        for name in names:
            first = next(row for key, row in scores.rows.items() if key[:2] == (split, name))
            what = escape(_trained(name, facts.get(name, {})))
            rows.append([
                Cell(f'{escape(titled(name))}<br><span class="ci">{what}</span>', name),
                *(score(scores.of(split, name, metric), SHORT[metric][2]) for metric in metrics),
                number(first["validation_mm"]), number(first["n_seeds"], 0),
            ])  # fmt: skip
        example = next(row for key, row in scores.rows.items() if key[0] == split)
        marks = ["best" if name == shown else "plain" if name in BASELINES else "" for name in names]
        speakers = counted(int(example["n_actors"]), "speaker")
        parts.append(
            f"<h3>{_PLACES[split].capitalize()}: {counted(int(example['n_clips']), 'clip')} of {speakers}</h3>"
        )
        validation = Cell("validation, mm", None, "mouth RMSE on clips held out of training")
        parts.append(table(["model", *map(_heading, metrics), validation, "seeds"], rows, marks=marks))
        if scores.metrics(split, ["diversity_mm"]):
            parts.append(_drawn(scores, split, names, marks))
    known = any(np.isfinite(row["low"]) for row in scores.rows.values())
    between = (
        "brackets: 95 % bootstrap intervals over speakers and their clips" if known else "one clip gives no intervals"
    )
    note = (
        f"Means over seeds; {between}. ↓ less is better, ↑ more is better; a click on a heading sorts. Grey: trivial "
        "references. Green: the model of the videos above."
    )
    return "\n".join([*parts, f'<p class="note">{note}</p>']) if parts else ""


def _drawn(scores: Scores, split: str, names: Sequence[str], marks: Sequence[str]) -> str:
    """A table of how the models of a split move, where one of them draws samples."""
    metrics = scores.metrics(split, _DRAWN)
    rows = [
        [Cell(escape(titled(name)), name), *(score(scores.of(split, name, m), SHORT[m][2]) for m in metrics)]
        for name in names
    ]
    labels = scores.of(split, names[0], "blink_rate_labels")
    people = f" The labels blink {number(labels['value'], 1).markup} times a minute." if labels else ""
    note = (
        "How faces move: models that draw differ from draw to draw (diversity), and one of their samples is nearer to "
        f"the label than the others (best sample). Amplitude is prediction over label.{people}"
    )
    return table(["model", *map(_heading, metrics)], rows, marks=marks, note=note)


def report_numbers(scores: Scores, facts: Mapping[str, Mapping[str, Any]], model: str, split: str) -> str:
    """The numbers of the report that this project started from, beside those of its network trained here (family
    report), of the shown model and of trivial references."""
    ported = [name for name in scores.models(split) if facts.get(name, {}).get("family") == "report"]
    columns = list(dict.fromkeys([*ported[:1], model, "mean", "neutral"]))
    rows: list[list[Cell | str]] = []
    caveats: dict[str, list[str]] = {}
    for metric, (name, value, unit, caveat) in REPORT.items():
        decimals = len(str(value).split(".")[1])
        own = [score(scores.of(split, column, metric), SHORT[metric][2]) for column in columns]
        rows.append([f"{name}, {unit}", number(value, decimals), *own])
        caveats.setdefault(caveat, []).append(name)
    if all(scores.of(split, model, metric) is None for metric in REPORT):
        return ""
    note = (
        "The report (Mangla, Gupta, Pathak, 2019) tested on RAVDESS with the rig of FaceWarehouse, which is not free, "
        "and gives neither formulas nor the speakers it tested on. So a smaller number here does not show a better "
        "network. What can be compared: the columns of one row with each other, on the same clips, labels and rig"
        + (f"; {escape(titled(ported[0]))} is the report's network, trained here." if ported else ".")
    )
    listed = "".join(f"<li>{escape(', '.join(names))}: {escape(why)}</li>" for why, names in caveats.items())
    return table(["", "the report", *map(titled, columns)], rows, note=note) + f'<ul class="note">{listed}</ul>'
