"""Show the best, the median and the worst test clip of the best model as videos: face, labels, prediction, sound.

The model is the one named, or the best in validation (compare-models), or the first of --evaluations. Clips are ranked
by the mouth's RMSE among those of the split test, or predict where nothing was tested. Face images are cut here, since
nobody knows before the evaluation which clips these are. Beside the videos stand a JSON with their clips and scores,
and best.html, a page in which the best clip's prediction can be turned, with its curves (as of 'view').
"""

import argparse
import json
import logging
import tempfile
from pathlib import Path
from typing import Any

from speechface.commands.common import add_settings, settings_of
from speechface.errors import TableError

__all__ = ["EXAMPLES", "add_arguments", "run"]

LOG = logging.getLogger(__name__)

#: The videos and their places among the ranked clips, 0 best, 1 worst.
EXAMPLES = {"best": 0.0, "median": 0.5, "worst": 1.0}
_VIEWER = "best.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--evaluations", required=True, nargs="+", metavar="TABLE", help="tables of 'evaluate'")
    parser.add_argument("--models", required=True, metavar="TABLE", help="table of compare-models")
    parser.add_argument("--model", help="model to show (default: the best in validation)")
    parser.add_argument("--clips", required=True, metavar="TABLE", help="clip table")
    for name, text in (("predictions", "predicted weights of these models"), ("labels", "labels"),
                       ("landmarks", "landmarks"), ("audio", "sound")):  # fmt: skip
        parser.add_argument(f"--{name}", required=True, nargs="+", metavar="TABLE", help=text)
    parser.add_argument("--identity", required=True, nargs="+", metavar="NPZ", help="identities, .../DATASET/ACTOR.npz")
    parser.add_argument("--rig", required=True, metavar="NPZ", help="rig of labels and predictions")
    parser.add_argument("--crops", default="", metavar="JSON", help="keys of the config section 'crops'")
    parser.add_argument("--out-dir", required=True, metavar="DIR", help="gets best.mp4, median.mp4, worst.mp4")
    parser.add_argument("--out", required=True, metavar="JSON", help="which clips and scores these are")
    add_settings(parser, "rendering")


def run(args: argparse.Namespace) -> None:
    from speechface.clip_tables import ClipTable, ClipTables
    from speechface.files import write_file
    from speechface.metrics.ranking import best_model, ranked_clips
    from speechface.render.visualiser import Visualiser
    from speechface.rig.rig import Rig
    from speechface.tables import read_table

    evaluations = [read_table(path) for path in args.evaluations]
    names = [str(table.meta["model"]) for table in evaluations]
    if args.model and args.model not in names:
        raise TableError(f"--model: {args.model} is not among the models evaluated: {', '.join(names)}")
    model = args.model or best_model(read_table(args.models), names)
    evaluation = evaluations[names.index(model)]
    seed = evaluation.meta["seed"]
    split, ranked = ranked_clips(evaluation)
    if not ranked:
        raise TableError(f"{model}: no clip was evaluated; see the column 'reason' of results/splits/clips.parquet")
    tables = [ClipTable(path) for path in args.predictions]
    own = ClipTables(t.path for t in tables if (t.meta.get("model"), t.meta.get("seed")) == (model, seed))
    chosen = {name: ranked[round(place * (len(ranked) - 1))] for name, place in EXAMPLES.items()}
    _render(chosen, own, args)
    _viewer(chosen["best"]["clip"], own, args)
    channels = Rig.load(args.rig).channels
    page = Visualiser(settings_of(args).size, title="", headings=("",) * 3, channels=channels,
                      observed=[True] * len(channels))  # fmt: skip
    frame = {"width": page.width, "height": page.height, "top": page.top, "side": page.size}
    facts = {"frame": frame, "model": model, "seed": seed, "split": split, "n_clips": len(ranked), "examples": chosen}
    facts["viewer"] = _VIEWER
    write_file(args.out, json.dumps(facts, indent=1) + "\n")
    LOG.info("%s: %s", model, ", ".join(f"{name} {clip['clip']}" for name, clip in chosen.items()))


def _known(path: str) -> tuple[dict[str, str], dict[str, float]]:
    """Of the clip table: clip id -> its source, and how late its sound stands, ms."""
    from speechface.tables import read_table

    clips = read_table(path)
    ids = clips.clip_ids()
    return dict(zip(ids, map(str, clips["path"]))), dict(zip(ids, clips.columns.get("audio_delay_ms", [0] * len(ids))))


def _viewer(clip_id: str, predictions: Any, args: argparse.Namespace) -> None:
    """Write the page with the head of the run's rig that speaks a clip as predicted."""
    from fractions import Fraction

    import numpy as np

    from speechface.clip_tables import ClipTables
    from speechface.commands import view
    from speechface.export.animation import Animation, Sound
    from speechface.files import write_file
    from speechface.names import path_name
    from speechface.rig.channels import ROTATIONS, told
    from speechface.sound_tables import read_sound, read_times

    audio, table = ClipTables(args.audio), predictions.read(clip_id)
    frames = np.arange(table["frame"][0], table["frame"][-1] + 1)
    rows = np.searchsorted(table["frame"], frames, side="right") - 1  # a frame that is missing shows the one before
    turned = ROTATIONS[0] in table.columns
    channels = told(table.meta, clip_id)
    sound = read_sound(audio, clip_id, delay_ms=float(_known(args.clips)[1][clip_id]))
    fps = Fraction(read_times(audio, clip_id)[1]).limit_denominator(1001)
    animation = Animation(
        name=Path(_VIEWER).stem, fps=fps, weights=table.stack(channels)[rows],
        rotations=table.stack(ROTATIONS)[rows] if turned else np.zeros((len(rows), 3), np.float32), channels=channels,
        sound=Sound(sound.since(float(table["time"][0])), sound.sr, clip_id), rig_file=args.rig,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        head = animation.save(Path(folder) / f"{path_name(clip_id).rsplit('/', 1)[1]}.glb", format="glb_meshopt")
        write_file(Path(args.out_dir) / _VIEWER, view.page([head], sound=None))


def _render(chosen: dict[str, dict[str, Any]], predictions: Any, args: argparse.Namespace) -> None:
    """Write the videos; where clips are few, one may be several of them."""
    import shutil

    from speechface.clip_tables import ClipTables
    from speechface.clip_updates import update_clip_tables
    from speechface.commands import crop_faces, render_clip
    from speechface.config import parse_section

    path_of, delay_of = _known(args.clips)
    identity = {"/".join(Path(path).with_suffix("").parts[-2:]): path for path in args.identity}
    labels, landmarks, audio = (ClipTables(getattr(args, name)) for name in ("labels", "landmarks", "audio"))
    crops: Any = parse_section("crops", args.crops)
    made: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, clip in chosen.items():
            clip_id, out = clip["clip"], str(Path(args.out_dir) / f"{name}.mp4")
            if clip_id in made:
                shutil.copyfile(made[clip_id], out)
                continue
            faces = str(Path(folder) / f"{name}.parquet")
            update_clip_tables(
                {"crops": faces}, [clip_id],
                lambda who: crop_faces.crop_clip(who, path_of[who], landmarks.read(who), crops),
                stage="crops", settings=crops, facts=lambda who, known: {},
            )  # fmt: skip
            render_clip.run(argparse.Namespace(
                clip=clip_id, prediction=predictions.table(clip_id).path, labels=labels.table(clip_id).path,
                crops=faces, audio=audio.table(clip_id).path, rig=args.rig,
                identity=identity.get(clip_id.rsplit("/", 1)[0]), out=out,
                audio_delay_ms=[str(delay_of[clip_id])], section=args.section, settings=args.settings,
            ))  # fmt: skip
            made[clip_id] = out
