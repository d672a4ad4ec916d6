"""Score a model's predictions against the labels: one row a clip of additive statistics.

Metrics of clips, groups and channels are functions of sums of these statistics (summarise-metrics). Frames count
where the labels are used and a prediction exists; a used frame without prediction is counted (n_missing) and named
in the log. Frames that told a model its speaker's face at rest (the prediction's `not_evaluated`) do not count, nor do
channels that no landmark shows (the labels' `observed`). With --truth-dir, synthetic clips are judged against their
exact motion instead, on the same frames; others are not judged.
"""

import logging

import numpy as np

from speechface.commands.common import add_settings, paths_of_actors, settings_of
from speechface.errors import MediaError, TableError

__all__ = ["add_arguments", "run", "score_clip", "truth_as_labels"]

_ID = ("dataset", "actor", "clip")


def add_arguments(parser):
    parser.add_argument("--predictions-dir", required=True, help="folder of the model's prediction tables")
    parser.add_argument("--model", required=True, help="name of the model or baseline")
    parser.add_argument("--seed", required=True, type=int, help="its seed")
    parser.add_argument("--labels-dir", required=True, help="folder of the label tables")
    parser.add_argument("--clips", required=True, help="clip table with the final split")
    parser.add_argument("--stats", required=True, help="statistics of the model's train table")
    parser.add_argument(
        "--stats-of",
        nargs="+",
        default=[],
        metavar="DATASET/ACTOR=PATH",
        help="statistics for the clips of these actors, in the place of --stats",
    )
    parser.add_argument("--rig", required=True, help="rig (.npz)")
    parser.add_argument("--wav-dir", help="folder of the clips' sound, for the speech span; none: not measured")
    parser.add_argument("--audio-format", choices=["flac", "wav"], default="flac", help="ending of these files")
    parser.add_argument("--truth-dir", help="judge against the exact truth here, actor/clip.truth.parquet")
    parser.add_argument("--splits", nargs="+", default=["test", "predict"], help="splits to judge")
    parser.add_argument("--out", required=True, help="table to write")
    add_settings(parser, "evaluation")


def _speech_frames(wav, times):
    """Which frames lie in the speech span: bool (n,); None where the sound cannot be read."""
    from speechface.audio.sound import read_sound
    from speechface.metrics.lips import speech_span

    try:
        audio, sr = read_sound(wav)
    except MediaError as error:
        logging.warning("no speech span: %s", error)
        return None
    span = speech_span(audio, sr=sr)
    if span is None:
        return np.zeros(len(times), bool)
    return (times >= span[0]) & (times <= span[1])


def truth_as_labels(truth, labels):
    """The exact motion of a synthetic clip in the form of its label table.

    Frames without used labels stay unused, so that labels and predictions are judged on the same frames. Rotations
    become relative to the clip's median head pose over those frames, as labels are.
    """
    from speechface.fitting.labels import relative_rotation
    from speechface.geometry.rotation import euler_from_matrix, matrix_from_euler
    from speechface.rig.channels import CHANNELS, ROTATIONS
    from speechface.tables import Table

    if not labels.usable:
        return labels
    _, of_truth, of_labels = np.intersect1d(truth["frame"], labels["frame"], return_indices=True)
    used = np.zeros(len(truth), bool)
    used[of_truth] = labels["used"][of_labels].astype(bool)
    if not used.any():
        return Table({}, {"status": "unusable", "reason": "no frame has a used label"})
    relative, _ = relative_rotation(matrix_from_euler(truth.stack(ROTATIONS)), used)
    angles = euler_from_matrix(relative).astype(np.float32)
    columns = {"frame": truth["frame"], "time": truth["time"], "used": used}
    columns |= {name: truth[name] for name in CHANNELS}
    columns |= {name: angles[:, k] for k, name in enumerate(ROTATIONS)}
    return Table(columns, {"observed": labels.meta.get("observed")})


def score_clip(labels, prediction, *, bases_of, observed, mean_weights, wav=None):
    """Statistics of one clip.

    Parameters
    ----------
    labels, prediction : `speechface.tables.Table`
    bases_of : function of an observed mask (46,) -> `speechface.metrics.geometry.RigBases`
    observed : the mask that holds where the labels' metadata have none
    mean_weights : ndarray (46,), training mean
    wav : path of the clip's sound, or None

    Returns
    -------
    (statistics, number of used frames without prediction, why nothing was judged or "")
    """
    from speechface.metrics.statistics import clip_statistics, empty_statistics
    from speechface.rig.channels import CHANNELS, ROTATIONS
    from speechface.splits import frame_ranges, join_frames

    for name, table in (("labels", labels), ("prediction", prediction)):
        if not table.usable:
            return empty_statistics(), 0, f"{name}: {table.reason}"
    used = labels["used"].astype(bool) & ~np.isin(labels["frame"], prediction.meta.get("not_evaluated", []))
    join = join_frames(labels["frame"], used, prediction["frame"])
    missing = len(join.without_features)
    if missing:
        logging.warning("used frames without prediction: %s", frame_ranges(join.without_features))
    if len(join.labels) == 0:
        return empty_statistics(), missing, "no frame has a used label and a prediction"
    predicted, true = prediction.stack(CHANNELS)[join.features], labels.stack(CHANNELS)[join.labels]
    if not np.isfinite(predicted).all():
        raise TableError("the prediction holds NaN or infinite weights")
    rotations = {}
    if all(name in prediction.columns for name in ROTATIONS):
        rotations = {
            "predicted_rotation": prediction.stack(ROTATIONS)[join.features],
            "true_rotation": labels.stack(ROTATIONS)[join.labels],
        }
    statistics = clip_statistics(
        predicted, true,
        frames=labels["frame"][join.labels],
        bases=bases_of(labels.meta.get("observed") or observed),
        mean_weights=mean_weights,
        speech=None if wav is None else _speech_frames(wav, labels["time"][join.labels]),
        **rotations,
    )  # fmt: skip
    return statistics, missing, ""


def _true_labels(folder, clip, labels):
    from pathlib import Path

    from speechface.tables import Table, read_table

    _, actor, name = clip
    path = Path(folder) / actor / f"{name}.truth.parquet"
    if not path.exists():
        return Table({}, {"status": "unusable", "reason": "its exact truth is not known"})
    return truth_as_labels(read_table(path), labels)


def run(args):
    from speechface.commands.label_stats import read_stats
    from speechface.datasets.base import CLIP_COLUMNS
    from speechface.metrics.geometry import RigBases
    from speechface.metrics.statistics import SHAPES
    from speechface.rig.channels import CHANNELS
    from speechface.rig.rig import Rig
    from speechface.tables import clip_path, read_table, write_table

    settings = settings_of(args)
    clips = read_table(args.clips)
    stats_of = {actor: read_stats(path) for actor, path in paths_of_actors(args.stats_of).items()}
    common_stats = read_stats(args.stats)
    rig, known = Rig.load(args.rig), {}

    def bases_of(observed):
        key = np.asarray(observed, bool).tobytes()
        if key not in known:
            known[key] = RigBases.from_rig(rig, observed)
        return known[key]

    chosen = np.nonzero(np.isin(clips["split"].astype(str), args.splits))[0]
    rows = []
    for index in chosen:
        clip = [clips[name][index] for name in _ID]
        stats = stats_of.get(tuple(map(str, clip[:2])), common_stats)
        wav = clip_path(args.wav_dir, *clip, suffix=f".{args.audio_format}") if args.wav_dir else None
        labels, prediction = (read_table(clip_path(f, *clip)) for f in (args.labels_dir, args.predictions_dir))
        if args.truth_dir:
            labels = _true_labels(args.truth_dir, clip, labels)
        try:
            found = score_clip(labels, prediction, bases_of=bases_of, observed=stats["observed"],
                               mean_weights=np.asarray(stats["weight_mean"]), wav=wav)  # fmt: skip
        except TableError as error:
            raise TableError(f"{'/'.join(clip)} ({args.model}, seed {args.seed}): {error}") from None
        if found[2]:
            logging.warning("%s is not judged: %s", "/".join(clip), found[2])
        rows.append(found)
    facts = [name for name in CLIP_COLUMNS if name != "path" and name in clips.columns]
    columns = {name: clips[name][chosen] for name in facts}
    columns |= {
        "n_missing": np.array([missing for _, missing, _ in rows], np.int32),
        "reason": np.array([reason for *_, reason in rows], str),
    }
    columns |= {
        name: np.array([statistics[name] for statistics, *_ in rows], float).reshape(len(rows), *shape)
        for name, shape in SHAPES.items()
    }
    write_table(args.out, columns, stage="evaluation", settings=settings,
                meta={"model": args.model, "seed": args.seed, "channels": list(CHANNELS), "rig": rig.name})  # fmt: skip
    judged = sum(not reason for *_, reason in rows)
    frames = int(columns["n_frames"].sum())
    logging.info(
        "%s, seed %d: %d frames of %d clips judged, %d clips not judged, %d used frames without prediction",
        args.model, args.seed, frames, judged, len(rows) - judged, columns["n_missing"].sum(),
    )  # fmt: skip
