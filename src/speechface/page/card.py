"""The card of a trained network: who it is, what it learned from, how good it is, what it cannot do, under which
licence.

In the form of Hugging Face: YAML facts on top, Markdown below.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from speechface.figures.scores import SHORT
from speechface.page.citations import CITATIONS, licence_of
from speechface.page.html import number
from speechface.page.scores import Scores

__all__ = ["model_card"]

_METRICS = ("rmse_mouth_mm", "rmse_mouth_centred_mm", "lip_gap_r", "r2_mouth", "lve_mm", "mse_weights_e2")
_PLACES = {"test": "test clips", "predict": "clips that are only predicted"}


def _cell(row: Mapping[str, Any] | None, decimals: int) -> str:
    if row is None:
        return "-"
    value, low, high = (number(float(row[key]), decimals).markup for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]" if np.isfinite(row["low"]) else value


def _table(scores: Scores, split: str, names: Sequence[str]) -> list[str]:
    metrics = scores.metrics(split, _METRICS)
    heads = [f"{SHORT[metric][0]}, {SHORT[metric][1]}" for metric in metrics]
    lines = ["| | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name in names:
        cells = [_cell(scores.of(split, name, metric), SHORT[metric][2]) for metric in metrics]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _front(name: str, scores: Scores, adapters: Mapping[str, str], datasets: Sequence[str]) -> list[str]:
    """The YAML facts; JSON is YAML."""
    results = []
    for split in scores.splits():
        found = [
            {"type": metric, "name": SHORT[metric][0], "value": round(float(row["value"]), 4)}
            for metric in scores.metrics(split, _METRICS)
            if (row := scores.of(split, name, metric))
        ]
        if found:
            task = {"type": "speech-driven-facial-animation", "name": "speech-driven facial animation"}
            results.append({"task": task, "dataset": {"type": split, "name": _PLACES[split]}, "metrics": found})
    facts = {
        "library_name": "speechface",
        "license": licence_of(adapters.get(dataset, "") for dataset in datasets),
        "tags": ["facial-animation", "blendshapes", "arkit", "speech", "talking-head"],
        "datasets": list(datasets),
        "model-index": [{"name": name, "results": results}],
    }
    return ["---", *(f"{key}: {json.dumps(value)}" for key, value in facts.items()), "---"]


def _listed(members: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{member['name']} (seed {member['seed']})" for member in members)


def model_card(
    facts: Mapping[str, Any], clips: Mapping[str, Any], scores: Scores, *, adapters: Mapping[str, str], detector: str
) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    facts : model.json of the network
    clips : columns of the clip table with the final split
    scores : Scores
    adapters : dataset -> adapter
    detector : landmark detector that the labels come from
    """
    name, seed = facts["name"], facts["seed"]
    train = np.flatnonzero((np.asarray(clips["split"], str) == "train") & (np.asarray(clips["n_used"], float) > 0))
    speakers = sorted({(str(clips["dataset"][k]), str(clips["actor"][k])) for k in train})
    datasets = sorted({dataset for dataset, _ in speakers})
    sexes = {who: str(clips["sex"][k]) for k in train if (who := (clips["dataset"][k], clips["actor"][k]))
             and "sex" in clips and isinstance(clips["sex"][k], str)}  # fmt: skip
    counts = ", ".join(f"{list(sexes.values()).count(sex)} {sex}" for sex in sorted(set(sexes.values())))
    history, members = facts.get("history") or {}, facts.get("members")
    outputs = facts.get("columns") or []
    made = facts.get("provenance") or {}
    references = [other for other in ("knn", "ridge", "mean", "neutral") if other != name]
    what = f"Family `{facts['family']}`, input `{facts['feature']}`."
    if members:
        what += f" It is the mean of {_listed(members)}."
    elif "head" in facts.get("model", {}):
        what += f" Head `{facts['model']['head']}`."
    lines = [
        *_front(name, scores, adapters, datasets),
        f"# {name}, seed {seed}",
        "",
        f"Speech in, the motion of a face out: {len(outputs)} values a video frame (blendshape weights, named as the "
        f"channels of the rig, and head rotation where it has it). {what} Trained with speechface "
        f"{made.get('speechface', '')}{', commit ' + made['commit'] if made.get('commit') else ''}.",
        "",
        "```sh",
        "speechface animate speech.wav --model model.ckpt --out animation --formats mp4 livelink parquet",
        "```",
        "",
        "## Trained on",
        "",
        f"{len(train):,} clips, {int(np.asarray(clips['n_used'], float)[train].sum()):,} frames, {len(speakers)} "
        f"speakers{f' ({counts})' if counts else ''} of {', '.join(datasets)}. Labels are weights of a rig fitted to "
        f"landmarks that `{detector}` found in the videos; nobody corrected them by hand."
        + ("" if history.get("best_epoch") is None
           else f" Validation kept epoch {history['best_epoch'] + 1} of {history['epochs']}."),
        "",
        *(f"- {dataset}: {CITATIONS[adapters[dataset]].text} ({CITATIONS[adapters[dataset]].licence})"
          if adapters.get(dataset) in CITATIONS else f"- {dataset}: your own data" for dataset in datasets),
        "",
        "## How good it is",
        "",
    ]  # fmt: skip
    for split in scores.splits():
        own = next((row for key, row in scores.rows.items() if key[:2] == (split, name)), None)
        if own is None:
            continue
        where = f"On {own['n_clips']} {_PLACES[split]} of {own['n_actors']} speakers"
        lines += [f"{where}, means over seeds with 95 % intervals, beside trivial references:", ""]
        lines += [*_table(scores, split, [name, *references]), ""]
    lines += [
        "## Limits",
        "",
        "- It learns its speakers and their language; on voices it has not heard it moves less and misses more.",
        "- Its labels are no ground truth: what landmarks do not show (tongue, mostly gaze and cheeks) is not learned.",
        "- Sound does not tell brows, lids and head; what it does with them is the average of its speakers.",
        "- Not for telling who speaks, how somebody feels, or whether a recording is genuine.",
        "",
        "## Licence",
        "",
        f"`{licence_of(adapters.get(dataset, '') for dataset in datasets)}`, by the licences of the data above; the "
        f"code is "
        "MIT's." + (" dlib's landmark model was trained on iBUG 300-W, whose licence excludes commercial use."
                    if detector == "dlib" else ""),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
