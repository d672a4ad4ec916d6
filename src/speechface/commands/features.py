"""What the commands of all features share: sound and frame times in, one table out."""

import logging
from pathlib import Path

from speechface.commands.batches import add_keep, pieces_of, work_through
from speechface.commands.common import add_settings, settings_of
from speechface.errors import ClipError, MediaError

__all__ = ["add_feature_arguments", "run_feature"]

_LOG = logging.getLogger(__name__)


def add_feature_arguments(parser, section):
    """Add the options of a feature's command; `section` is its config section."""
    parser.add_argument(
        "--wav",
        required=True,
        nargs="+",
        help="sound of the clips, 16-bit wav or flac; sample 0 at the time of frame 0",
    )
    parser.add_argument(
        "--frames", required=True, nargs="+", metavar="PARQUET", help="their frame times, written by extract-wav"
    )
    parser.add_argument(
        "--out", required=True, nargs="+", metavar="PARQUET", help="tables to write, one a clip, one row a video frame"
    )
    add_settings(parser, section)
    add_keep(parser)


def run_feature(name, args):
    """Compute feature `name` of every clip and write its table; a clip without usable sound gets an unusable one."""
    from speechface.audio.features import FEATURES

    settings, stage = settings_of(args), FEATURES[name].section
    work_through(
        pieces_of(args, inputs=("wav", "frames"), outputs=("out",)),
        lambda piece: _write(name, piece.inputs["wav"], piece.inputs["frames"], piece.outputs["out"], settings),
        stage=stage, settings=settings, keep=args.keep,
    )  # fmt: skip


def _write(name, wav, frame_table, out, settings):
    """Write the table of one clip."""
    from speechface.audio.features import FEATURES, compute, description
    from speechface.audio.sound import read_sound
    from speechface.tables import read_table, write_table, write_unusable

    stage = FEATURES[name].section
    frames = read_table(frame_table)
    if not Path(wav).exists():
        raise MediaError(f"{wav}: no such sound file; write it with 'speechface extract-wav'")
    try:
        if not frames.usable:
            raise ClipError(frames.reason)
        audio, sr = read_sound(wav)
        if not len(audio):
            raise ClipError(f"{wav} holds no sound")
        times = frames["time"]
        values = compute(name, audio, times, fps=frames.meta["fps"], sr=sr, settings=settings)
    except (ClipError, MediaError) as error:
        write_unusable(out, error, stage=stage, settings=settings)
        _LOG.info("%s: unusable: %s", out, error)
        return
    storage = settings["storage"]
    scaled = {name: 1 / 255} if storage == "uint8" else None
    meta = {"sr": sr, "fps": frames.meta["fps"], **description(name, settings)}
    columns = {"frame": frames["frame"], "time": times, name: values if scaled else values.astype(storage)}
    write_table(out, columns, stage=stage, settings=settings, meta=meta, scaled=scaled)
    _LOG.info("%s: %d frames of %s at %d Hz", out, len(values), "x".join(map(str, values.shape[1:])), sr)
