"""What the page says beside the scores: data, labels, costs, what made it, and how to cite it."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from speechface.commands.job_report import Usage
from speechface.figures.style import titled
from speechface.page.citations import CITATIONS
from speechface.page.html import Cell, counted, escape, link, number, table

__all__ = ["cite", "config", "data", "figures", "files", "jobs", "labels"]

_SPLITS = {
    "train": "train",
    "test": "test",
    "predict": "only predicted",
    "excluded": "left out",
    "unused": "not asked for",
}
#: Clips listed by name, at most.
_LISTED = 200

_SOFTWARE = """@software{speechface,
  title   = {speechface: speech in, a moving face out},
  author  = {{The speechface developers}},
  version = {%s},
  note    = {%s}
}"""


def data(clips: Mapping[str, Any], adapters: Mapping[str, str]) -> str:
    """Who was recorded, how much of them there is on each side, and which clips were left out and why."""
    frame = {name: np.asarray(clips[name]) for name in ("dataset", "actor", "split", "n_frames", "n_used")}
    sexes = np.asarray(clips["sex"], object) if "sex" in clips else np.full(len(frame["actor"]), None)
    shown = [split for split in _SPLITS if (frame["split"] == split).any()]
    rows: list[list[Cell | str]] = []
    for name in dict.fromkeys(frame["dataset"]):
        own = frame["dataset"] == name
        known = {actor: sex for actor, sex in zip(frame["actor"][own], sexes[own]) if isinstance(sex, str) and sex}
        counts = [f"{sum(s == sex for s in known.values())} {sex}" for sex in sorted(set(known.values()))]
        n_speakers = len(set(frame["actor"][own]))
        speakers = Cell(
            f"{n_speakers}{f' ({escape(chr(44).join(counts))})' if counts else ''}".replace(",", ", "), n_speakers
        )
        sides = []
        for split in shown:
            side = own & (frame["split"] == split)
            n_people = len(set(frame["actor"][side]))
            text = f"{side.sum():,} of {n_people:,}" if side.any() else "–"
            sides.append(Cell(text, int(side.sum())))
        rows.append([
            titled(name), adapters.get(str(name), ""), speakers, number(own.sum(), 0),
            number(frame["n_frames"][own].sum(), 0), number(frame["n_used"][own].sum(), 0), *sides,
        ])  # fmt: skip
    head: list[str | Cell] = ["dataset", "adapter", "speakers", "clips", "frames", "frames with labels used",
            *(Cell(f"{_SPLITS[split]}: clips of speakers") for split in shown)]  # fmt: skip
    return table(head, rows) + _left_out(clips)


def _left_out(clips: Mapping[str, Any]) -> str:
    """The clips that are not used, by reason."""
    rows = [k for k, split in enumerate(clips["split"]) if split == "excluded"]
    if not rows:
        return '<p class="note">No clip was left out.</p>'
    # numbers and files differ from clip to clip; a clip may have several reasons
    kinds = [re.sub(r"\S*/\S+|\d+(\.\d+)?", "…", str(clips["reason"][k] or "no reason given")) for k in rows]
    reasons = Counter(reason for kind in kinds for reason in dict.fromkeys(kind.split("; ")))
    summary = "".join(f"<li>{count} × {escape(reason)}</li>" for reason, count in reasons.most_common())
    listed: list[list[Cell | str]] = [
        ["/".join(str(clips[name][k]) for name in ("dataset", "actor", "clip")), str(clips["reason"][k] or "")]
        for k in rows[:_LISTED]
    ]
    more = f"{len(rows) - _LISTED:,} more in splits/clips.parquet" if len(rows) > _LISTED else ""
    return (
        f"<p><b>{counted(len(rows), 'clip')} left out:</b></p><ul>{summary}</ul>"
        f"<details><summary>which</summary>{table(['clip', 'reason'], listed, note=more)}</details>"
    )


def labels(quality: Mapping[str, Any], truth: Mapping[str, Any] | None) -> str:
    """How good the labels are: by dataset, the worst clips, and where it is known their error against exact truth."""
    columns = {
        "reprojection_pct_iod": ("fit misses the detected points by, % of the eyes' distance", 2),
        "lip_gap_r": ("lip gap of fit and points, r", 3),
        "ear_blink_r": ("blinks of fit and points, r", 2),
        "jitter_mm": ("jitter, mm", 2),
        "detection_rate": ("frames with a face", 3),
    }
    columns = {name: text for name, text in columns.items() if name in quality}
    sets = np.asarray(quality["dataset"], str)
    values = {name: np.asarray(quality[name], float) for name in columns}
    rows: list[list[Cell | str]] = []
    for name in dict.fromkeys(sets):
        own = sets == name
        used = np.asarray(quality["used"], bool)[own] if "used" in quality else np.ones(own.sum(), bool)
        cells = []
        for column, (_, decimals) in columns.items():
            found = values[column][own][np.isfinite(values[column][own])]
            cells.append(number(float(np.median(found)) if len(found) else None, decimals))
        rows.append([titled(name), number(own.sum(), 0), number(used.sum(), 0), *cells])
    text = table(["dataset", "clips", "good enough", *(head for head, _ in columns.values())], rows,
                 note="Medians over clips. The thresholds are the config section <code>quality</code>.")  # fmt: skip
    if truth is not None and len(truth["mouth_mm"]):
        first = {(d, a, c): float(mm) for d, a, c, mm in
                 zip(truth["dataset"], truth["actor"], truth["clip"], truth["mouth_mm"])}  # fmt: skip
        r, slope = (np.asarray(truth[name], float) for name in ("r", "slope"))
        text += (
            f"<p>On {counted(len(first), 'synthetic clip')}, whose exact motion is known, the labels' mouth is "
            f"<b>{np.mean(list(first.values())):.2f}&nbsp;mm</b> away from it on average; channels follow it with a "
            f"median correlation of {np.nanmedian(r):.2f} and slope of {np.nanmedian(slope):.2f} (1 would be exact). "
            "No score above can tell an error of the labels from one of the network.</p>"
        )
    worst = np.argsort(-np.nan_to_num(values["reprojection_pct_iod"], nan=-1))[:8]
    listed: list[list[Cell | str]] = [
        ["/".join(str(quality[name][k]) for name in ("dataset", "actor", "clip")),
         *(number(values[name][k], columns[name][1]) for name in columns), str(quality["reason"][k] or "")]
        for k in worst
    ]  # fmt: skip
    heads = ["clip", *(head for head, _ in columns.values()), "reason if not used"]
    return text + f"<details><summary>the clips whose fit misses most</summary>{table(heads, listed)}</details>"


def figures(captions: Mapping[str, str], empty: Mapping[str, str], wide: Collection[str]) -> str:
    """Figures by name, with what there is to see and as PDF; `empty`: why others show nothing; those of
    `wide` need the width of the page."""
    parts = []
    for name, caption in captions.items():
        kind = ' class="wide"' if name in wide else ""
        parts.append(
            f'<figure{kind}><div class="scroll"><a href="media/{name}.png">'
            f'<img src="media/{name}.png" alt="{escape(titled(name))}" loading="lazy"></a></div>'
            f"<figcaption>{escape(caption)} {link(f'media/{name}.pdf', 'PDF')}</figcaption></figure>"
        )
    missing = "".join(f'<p class="note">{escape(titled(name))}: {escape(why)}.</p>' for name, why in empty.items())
    return f'<div class="figures">{"".join(parts)}</div>{missing}' if parts or missing else ""


def jobs(found: Sequence[Usage]) -> str:
    """What the steps cost: jobs, time and memory, the longest together first."""
    steps: dict[str, list[Usage]] = {}
    for job in found:
        steps.setdefault(job.rule, []).append(job)
    rows: list[list[Cell | str]] = []
    for rule, own in sorted(steps.items(), key=lambda item: -sum(job.minutes for job in item[1])):
        minutes = [job.minutes for job in own]
        memory = [job.used_mb for job in own if job.used_mb is not None]
        rows.append([titled(rule), number(len(own), 0), number(sum(minutes)), number(float(np.median(minutes)) * 60, 1),
                     number(max(minutes) * 60, 1), number(max(memory) if memory else None, 0)])  # fmt: skip
    total = sum(job.minutes for job in found)
    note = (
        f"All jobs together: {total:,.1f} minutes, one after the other. Memory is known of jobs that took some seconds."
    )
    return table(
        ["step", "jobs", "minutes, all", "seconds, median", "seconds, longest", "memory, MB, most"], rows, note=note
    )


def config(texts: Mapping[str, str], made: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    """The config files as they are, and what ran them."""
    commit = made.get("commit")
    what = f"speechface {made['speechface']}" + (f", commit {commit}" if commit else "")
    what += " with uncommitted changes" if made.get("dirty") else ""
    used = ", ".join(f"{name} {version}" for name, version in versions.items())
    parts = [f"<p>Made by {escape(what)}; {escape(used)}.</p>"]
    for name, text in texts.items():
        parts.append(f"<details><summary>{escape(name)}</summary><pre>{escape(text)}</pre></details>")
    return "\n".join(parts)


def cite(made: Mapping[str, Any], adapters: Mapping[str, str]) -> str:
    """How to cite the software, the method and the data, with the data's licences."""
    note = f"commit {made['commit']}" if made.get("commit") else "MIT licence"
    rows = [
        f"<li>{escape(name)}: {escape(CITATIONS[adapter].text)} ({escape(CITATIONS[adapter].licence)})</li>"
        for name, adapter in adapters.items()
        if adapter in CITATIONS
    ]
    return (
        f"<pre>{escape(_SOFTWARE % (made['speechface'], note))}</pre>"
        "<p>The method starts from M. Mangla, N. Gupta, S. Pathak: Speech Driven Facial Animation. NIT Kurukshetra, "
        "2019.</p>"
        + (f"<p>Data, to be cited and used under their own licences:</p><ul>{''.join(rows)}</ul>" if rows else "")
    )


def files(names: Sequence[str]) -> str:
    """Links to the tables beside the page."""
    return f"<p>{', '.join(link(f'media/{name}', name) for name in names)}</p>" if names else ""
