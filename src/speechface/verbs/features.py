"""What the verbs of all features share: wav and frame times in, one table out."""

import logging
from pathlib import Path

from speechface.errors import ClipError, MediaError
from speechface.verbs.common import add_settings, settings_of

__all__ = ["add_feature_arguments", "run_feature"]

_LOG = logging.getLogger(__name__)


def add_feature_arguments(parser, section):
    """Add the options of a feature's verb; `section` is its config section."""
    parser.add_argument("--wav", required=True, help="sound of the clip, 16-bit PCM; sample 0 at the time of frame 0")
    parser.add_argument("--frames", required=True, help="frame times of the clip (.frames.parquet of extract-wav)")
    parser.add_argument("--out", required=True, help="table to write (.parquet), one row a video frame")
    add_settings(parser, section)


def run_feature(name, args):
    """Compute feature `name` of one clip and write its table; a clip without usable sound gets an unusable one."""
    from speechface.audio.features import FEATURES, compute, description
    from speechface.audio.wav import read_wav
    from speechface.tables import read_table, write_table, write_unusable

    settings, stage = settings_of(args), FEATURES[name].section
    frames = read_table(args.frames)
    if not Path(args.wav).exists():
        raise MediaError(f"{args.wav}: no such wav file; write it with 'speechface extract-wav'")
    try:
        if not frames.usable:
            raise ClipError(frames.reason)
        audio, sr = read_wav(args.wav)
        if not len(audio):
            raise ClipError(f"{args.wav} holds no sound")
        times = frames["time"]
        values = compute(name, audio, times, fps=frames.meta["fps"], sr=sr, settings=settings)
    except (ClipError, MediaError) as error:
        write_unusable(args.out, error, stage=stage, settings=settings)
        _LOG.info("%s: unusable: %s", args.out, error)
        return
    storage = settings["storage"]
    scaled = {name: 1 / 255} if storage == "uint8" else None
    meta = {"sr": sr, "fps": frames.meta["fps"], **description(name, settings)}
    columns = {"frame": frames["frame"], "time": times, name: values if scaled else values.astype(storage)}
    write_table(args.out, columns, stage=stage, settings=settings, meta=meta, scaled=scaled)
    _LOG.info("%s: %d frames of %s at %d Hz", args.out, len(values), "x".join(map(str, values.shape[1:])), sr)
