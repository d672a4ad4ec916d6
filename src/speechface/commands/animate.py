"""Animate a face from a speech recording, of any length and sample rate, on a CPU.

Reads everything PyAV opens: wav, mp3, flac, ogg, m4a, or the sound of a video. Writes what --formats asks for
into --out: mp4 (the rig speaking, with the sound), livelink (Live Link Face CSV), parquet, json (Audio2Face style).
"""

import logging
import re
from fractions import Fraction
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    from speechface.export.registry import FORMATS

    known = ["mp4", *FORMATS]
    parser.add_argument("audio", help="speech recording, or a video with sound")
    parser.add_argument("--model", required=True, help="trained model: model.ckpt, or model.npz of a baseline")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results; made if absent")
    parser.add_argument(
        "--formats",
        nargs="+",
        choices=known,
        default=["mp4", "livelink", "parquet"],
        metavar="FORMAT",
        help=f"any of {', '.join(known)} (default: mp4 livelink parquet)",
    )
    parser.add_argument("--fps", default="30", help="frames a second, a number or a fraction such as 30000/1001")
    parser.add_argument(
        "--neutral",
        metavar="LABELS",
        help="label table (fit-labels) of a clip of the speaker: how the face looks at rest; for models "
        "with speaker: given or estimated",
    )
    parser.add_argument("--rig", help="rig .npz for the video (default: the builtin head)")
    parser.add_argument("--size", type=int, default=640, help="side of the square video, pixels")


def run(args):
    import numpy as np

    from speechface.audio import features
    from speechface.errors import ConfigError, MediaError
    from speechface.export.animation import Animation
    from speechface.export.registry import writer
    from speechface.media import decode_audio
    from speechface.networks.loading import load_model
    from speechface.provenance import provenance
    from speechface.rig.channels import CHANNELS, ROTATIONS

    try:
        fps = Fraction(args.fps).limit_denominator(100_000)
        if not 1 <= fps <= 240:
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise ConfigError(f"--fps is {args.fps}; expected a number from 1 to 240, or a fraction") from None
    model = load_model(args.model)
    sr = model.feature_settings["sr"]
    audio = decode_audio(args.audio, sr=sr)
    if len(audio) == 0:
        raise MediaError(f"{args.audio}: holds no sound")
    count = max(1, round(len(audio) / sr * fps))
    times = np.arange(count) / float(fps)
    inputs = features.compute(model.feature, audio, times, fps=float(fps), sr=sr, settings=model.feature_settings)
    predicted = model.predict(inputs, *_neutral(args.neutral, model))
    column = {name: k for k, name in enumerate(model.columns)}
    weights = np.stack([predicted[:, column[name]] for name in CHANNELS], 1).clip(0, 1)
    if ROTATIONS[0] in column:
        rotations = np.stack([predicted[:, column[name]] for name in ROTATIONS], 1)
    else:
        rotations = np.zeros((count, 3), np.float32)
    folder = Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    animation = Animation(
        name=re.sub(r"[^A-Za-z0-9._-]", "_", Path(args.audio).stem),
        fps=fps,
        weights=weights.astype(np.float32),
        rotations=rotations.astype(np.float32),
        sound=str(args.audio),
        meta={"provenance": provenance(model=str(args.model), sound=str(args.audio))},
    )
    written = [writer(name)(animation, folder) for name in args.formats if name != "mp4"]
    if "mp4" in args.formats:
        written.append(_video(animation, folder, audio, sr, args))
    for path in written:
        print(path)
    logging.info("%d frames at %s/s from %.1f s of sound", count, fps, len(audio) / sr)


def _neutral(path, model):
    """The speaker's neutral weights as further arguments of `predict`: none without --neutral."""
    from speechface.commands.neutral import neutral_of_table
    from speechface.errors import ConfigError

    if path is None:
        return ()
    if not getattr(model, "learnt_departures", False):
        raise ConfigError("--neutral: the model does not use the speaker's face at rest; train one with speaker: given")
    return (neutral_of_table(path, frames=model.neutral_frames),)


def _video(animation, folder, audio, sr, args):
    import sys

    from speechface.render.talking_head import render_animation
    from speechface.rig.builtin import build
    from speechface.rig.rig import Rig

    path = folder / f"{animation.name}.mp4"
    rig = Rig.load(args.rig) if args.rig else build()
    render_animation(
        path,
        rig,
        animation.weights,
        animation.rotations,
        fps=animation.fps,
        audio=audio,
        sr=sr,
        size=args.size,
        progress=sys.stderr.isatty(),
    )
    return path
