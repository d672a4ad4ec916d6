"""Score a model's predictions against the labels: one row a clip of additive statistics.

Metrics of clips, groups and channels are functions of sums of these statistics (summarise-metrics). Frames count
where the labels are used and a prediction exists; a used frame without prediction is counted (n_missing) and named
in the log. Frames that told a model its speaker's face at rest (the prediction's `not_evaluated`) do not count, nor do
channels that no landmark shows (the labels' `observed`). With --truth, synthetic clips are evaluated against their
exact motion instead, on the same frames; others are not evaluated. Of a model that drew several samples, the first is
what counts, but for the metrics of samples.

Predictions made elsewhere are evaluated like our own: `speechface evaluate --predictions mine.parquet --results
results`.
"""

import argparse
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from speechface.commands.common import add_settings, paths_of_actors, settings_of
from speechface.errors import ClipError, MediaError, TableError
from speechface.logs import clip_in_work

if TYPE_CHECKING:
    from speechface.metrics.geometry import RigBases
    from speechface.tables import Table

__all__ = ["add_arguments", "run", "score_clip", "truth_as_labels"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--predictions",
        required=True,
        nargs="+",
        metavar="FILE",
        help="the model's predictions: tables of 'predict', or any Parquet or CSV with columns dataset, actor, clip, "
        "frame and weights by name",
    )
    parser.add_argument(
        "--results",
        metavar="DIR",
        help="a finished run: gives what is not given here, and its models' scores are printed beside",
    )
    parser.add_argument("--model", help="name of the model or baseline (default: of the first file)")
    parser.add_argument("--seed", type=int, default=0, help="its seed (default: 0)")
    parser.add_argument("--labels", nargs="+", metavar="TABLE", help="label tables")
    parser.add_argument("--clips", help="clip table with the final split")
    parser.add_argument("--stats", help="statistics of the model's train table")
    parser.add_argument(
        "--stats-of",
        nargs="+",
        default=[],
        metavar="DATASET/ACTOR=PATH",
        help="statistics for the clips of these actors, in the place of --stats",
    )
    parser.add_argument("--rig", help="rig (.npz)")
    parser.add_argument("--audio", nargs="+", metavar="TABLE", help="sound, for the speech span; none: not measured")
    parser.add_argument("--truth", nargs="+", metavar="TABLE", help="evaluate against the exact motion in these tables")
    parser.add_argument("--splits", nargs="+", default=["test", "predict"], help="splits to evaluate")
    parser.add_argument("--out", help="table to write (default: NAME.evaluation.parquet beside the first file)")
    add_settings(parser, "evaluation")


def truth_as_labels(truth: "Table", labels: "Table", channels: Sequence[str]) -> "Table":
    """The exact motion of a synthetic clip in the form of its label table, of `channels`.

    Frames without used labels stay unused, so that labels and predictions are evaluated on the same frames. Rotations
    become relative to the clip's median head pose over those frames, as labels are.
    """
    from speechface.fitting.labels import relative_rotation
    from speechface.geometry.rotation import euler_from_matrix, matrix_from_euler
    from speechface.rig.channels import ROTATIONS, on_channels, told
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
    known = told(truth.meta, "truth")
    columns |= dict(zip(channels, on_channels(truth.stack(known), known, channels).T))
    columns |= {name: angles[:, k] for k, name in enumerate(ROTATIONS)}
    return Table(columns, {"observed": labels.meta.get("observed"), "phonemes": truth.meta.get("phonemes")})


def _speech_frames(sound: tuple[np.ndarray, int], times: np.ndarray) -> np.ndarray:
    """Which frames lie in the speech span: bool (n,)."""
    from speechface.metrics.lips import speech_span

    span = speech_span(sound[0], sr=sound[1])
    if span is None:
        return np.zeros(len(times), bool)
    return (times >= span[0]) & (times <= span[1])


def score_clip(
    labels: "Table",
    prediction: "Table",
    *,
    channels: Sequence[str],
    bases_of: Callable[[np.ndarray], "RigBases"],
    observed: np.ndarray,
    mean_weights: np.ndarray,
    sound: tuple[np.ndarray, int] | None = None,
) -> tuple[dict[str, np.ndarray], int, str]:
    """Statistics of one clip.

    Parameters
    ----------
    labels, prediction : `speechface.tables.Table`
    channels : sequence of C str, of labels and prediction
    bases_of : function of an observed mask (C,) -> `speechface.metrics.geometry.RigBases`
    observed : the mask that holds where the labels' metadata have none
    mean_weights : ndarray (C,), training mean
    sound : (samples, rate in Hz), or None where it is not known

    Returns
    -------
    (statistics, number of used frames without prediction, why nothing was evaluated or "")
    """
    from speechface.metrics.metric import ClipMotion
    from speechface.metrics.statistics import clip_statistics, empty_statistics
    from speechface.rig.channels import ROTATIONS
    from speechface.splits import frame_ranges, join_frames

    for name, table in (("labels", labels), ("prediction", prediction)):
        if not table.usable:
            return empty_statistics(len(channels)), 0, f"{name}: {table.reason}"
    used = labels["used"].astype(bool) & ~np.isin(labels["frame"], prediction.meta.get("not_evaluated", []))
    join = join_frames(labels["frame"], used, prediction["frame"])
    missing = len(join.without_features)
    if missing:
        LOG.warning("used frames without prediction: %s", frame_ranges(join.without_features))
    if len(join.labels) == 0:
        return empty_statistics(len(channels)), missing, "no frame has a used label and a prediction"
    predicted, true = prediction.stack(channels)[join.features], labels.stack(channels)[join.labels]
    if not np.isfinite(predicted).all():
        raise TableError("the prediction holds NaN or infinite weights")
    rotations = {}
    if all(name in prediction.columns for name in ROTATIONS):
        rotations = {
            "predicted_rotation": prediction.stack(ROTATIONS)[join.features],
            "true_rotation": labels.stack(ROTATIONS)[join.labels],
        }
    times, samples = labels["time"][join.labels], None
    if "samples" in prediction.columns:
        place = [prediction.meta["columns"].index(name) for name in channels]
        further = prediction["samples"][join.features][..., place]
        samples = np.concatenate([predicted[None], further.swapaxes(0, 1)])
    motion = ClipMotion(
        predicted,
        true,
        frames=labels["frame"][join.labels],
        bases=bases_of(labels.meta.get("observed") or observed),
        mean_weights=mean_weights,
        speech=None if sound is None else _speech_frames(sound, times),
        times=times,
        sound=sound,
        samples=samples,
        phonemes=labels.meta.get("phonemes"),
        **rotations,
    )
    return clip_statistics(motion), missing, ""


def run(args: argparse.Namespace) -> None:
    from speechface.clip_tables import ClipTables
    from speechface.commands.label_stats import read_stats
    from speechface.commands.outside_scores import fill_in, print_beside
    from speechface.datasets.base import CLIP_COLUMNS
    from speechface.metrics.geometry import RigBases
    from speechface.metrics.statistics import shapes
    from speechface.outside import open_predictions
    from speechface.rig.channels import require
    from speechface.rig.rig import Rig
    from speechface.sound_tables import read_sound
    from speechface.tables import Table, read_table, write_table

    fill_in(args)
    settings = settings_of(args)
    clips = read_table(args.clips)
    paths = paths_of_actors(args.stats_of)
    stats_of = {actor: read_stats(path) for actor, path in paths.items()}
    common_stats = read_stats(args.stats)
    labels_of, sounds = ClipTables(args.labels), ClipTables(args.audio or ())
    truths = None if args.truth is None else ClipTables(args.truth)
    rig, known = Rig.load(args.rig), {}
    labels_of.require_channels(rig.channels, f"rig {args.rig}")
    predictions = open_predictions(args.predictions, rig.channels, of=f"rig {args.rig}")
    for path, stats in {args.stats: common_stats, **{path: stats_of[a] for a, path in paths.items()}}.items():
        require(stats["channels"], rig.channels, where=path, of=f"rig {args.rig}")

    def bases_of(observed):
        key = np.asarray(observed, bool).tobytes()
        if key not in known:
            known[key] = RigBases.from_rig(rig, observed)
        return known[key]

    ids = clips.clip_ids()
    delays = dict(zip(ids, clips.columns.get("audio_delay_ms", np.zeros(len(clips))).tolist()))

    def sound_of(clip_id):
        if not args.audio:
            return None
        try:
            sound = read_sound(sounds, clip_id, delay_ms=delays[clip_id])
            return sound.since(0.0), sound.sr
        except (ClipError, MediaError, TableError) as error:
            LOG.warning("no speech span: %s", error)
            return None

    unknown = Table({}, {"status": "unusable", "reason": "its exact truth is not known"})

    def tables_of(clip_id):
        """Labels, or the truth in their place, and prediction."""
        if truths is not None and clip_id not in truths:  # of a data set that has none, whose tables are no input then
            return unknown, unknown
        labels = labels_of.read(clip_id)
        if truths is not None:
            labels = truth_as_labels(truths.read(clip_id), labels, rig.channels)
        return labels, predictions.read(clip_id)

    chosen = np.nonzero(np.isin(clips["split"].astype(str), args.splits))[0]
    rows = []
    for clip_id in (ids[k] for k in chosen):
        dataset, actor, _ = clip_id.split("/")
        stats = stats_of.get((dataset, actor), common_stats)
        with clip_in_work(clip_id):
            try:
                labels, prediction = tables_of(clip_id)
                found = score_clip(
                    labels, prediction, channels=rig.channels, bases_of=bases_of, observed=stats["observed"],
                    mean_weights=np.asarray(stats["weight_mean"]), sound=sound_of(clip_id) if labels.usable else None,
                )  # fmt: skip
            except TableError as error:
                raise TableError(f"{clip_id} ({args.model}, seed {args.seed}): {error}") from None
            if found[2]:
                LOG.warning("not evaluated: %s", found[2])
        rows.append(found)
    facts = [name for name in CLIP_COLUMNS if name != "path" and name in clips.columns]
    columns = {name: clips[name][chosen] for name in facts}
    columns |= {
        "n_missing": np.array([missing for _, missing, _ in rows], np.int32),
        "reason": np.array([reason for *_, reason in rows], str),
    }
    columns |= {
        name: np.array([statistics[name] for statistics, *_ in rows], float).reshape(len(rows), *shape)
        for name, shape in shapes(len(rig.channels)).items()
    }
    meta = {"model": args.model, "seed": args.seed, "channels": list(rig.channels), "rig": rig.name, "facts": facts}
    write_table(args.out, columns, stage="evaluation", settings=settings.dump(), meta=meta)
    n_evaluated = sum(not reason for *_, reason in rows)
    LOG.info(
        "%s, seed %d: %d frames of %d clips evaluated, %d clips not evaluated, %d used frames without prediction",
        args.model, args.seed, columns["n_frames"].sum(), n_evaluated, len(rows) - n_evaluated,
        columns["n_missing"].sum(),
    )  # fmt: skip
    if args.results:
        print_beside(args.out, args.results, settings)
