"""Animate a face from a speech recording, of any length and sample rate, on a CPU.

Reads everything FFmpeg opens: wav, mp3, flac, ogg, m4a, or the sound of a video. Without more it takes the model that
comes with the package and writes a head that speaks (.glb) and its curves (.csv) into the current folder.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from speechface.networks.families.base import Predictor

__all__ = ["add_arguments", "run"]

#: What is written without --formats.
FORMATS_BY_DEFAULT = ("glb", "livelink")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechface.commands.common import OPTION_HELP, add_motion
    from speechface.export.registry import FORMATS

    parser.add_argument("audio", help="speech recording, or a video with sound")
    parser.add_argument("--model", help="model.onnx, model.ckpt, or model.npz of a baseline (default: the package's)")
    parser.add_argument("--out", default=".", metavar="DIR", help="folder for the results; made if absent (default: .)")
    parser.add_argument(
        "--formats",
        nargs="+",
        choices=FORMATS,
        metavar="FORMAT",
        help=f"any of those below (default: {' '.join(FORMATS_BY_DEFAULT)}; with --avatar: avatar livelink)",
    )
    add_motion(parser)
    parser.add_argument("--option", nargs="+", default=[], metavar="KEY=VALUE", help=OPTION_HELP)
    parser.add_argument(
        "--neutral",
        metavar="TABLE::CLIP",
        help="label table (fit-labels) and id of a clip of the speaker in it: how the face looks at rest; for models "
        "with rest: given or estimated",
    )
    parser.add_argument(
        "--avatar", default="", metavar="FILE", help="your own .glb or .vrm, which the format avatar animates"
    )
    parser.add_argument("--rig", default="", help="rig .npz for formats that show it (default: the builtin head)")
    parser.add_argument("--size", type=int, default=640, help="side of the square video, pixels (default: 640)")
    parser.epilog = "formats:\n" + "\n".join(f"  {name:11} {FORMATS[name].DESCRIPTION}" for name in FORMATS)


def run(args: argparse.Namespace) -> None:
    from speechface.errors import ConfigError
    from speechface.export.registry import FORMATS
    from speechface.files import made_folder
    from speechface.names import shortened
    from speechface.networks.loading import configured, load_model
    from speechface.speaking import STARTER, animate

    if not 16 <= args.size <= 4096:
        raise ConfigError(f"--size is {args.size}; expected 16 to 4096 pixels")
    formats = _formats(args.formats, args.avatar)
    model = configured(load_model(args.model or STARTER, threads=1), args.option)
    neutral = _neutral(args.neutral, model)
    if args.avatar:
        from speechface.export.avatar import read_avatar

        read_avatar(Path(args.avatar))  # before an hour of sound is worked on
    folder = made_folder(args.out)
    animation = animate(
        args.audio, model=model, fps=args.fps, life=args.life, seed=args.seed, neutral=neutral, rig=args.rig,
        avatar=args.avatar, image_size=args.size, name=shortened(Path(args.audio).stem),
        progress=sys.stderr.isatty(),
    )  # fmt: skip
    for name in formats:
        print(FORMATS[name].write(animation, folder))


def _formats(asked: list[str] | None, avatar: str) -> list[str]:
    """What is to be written: with an avatar, it takes the place of our head."""
    from speechface.errors import ConfigError

    formats = asked or [name for name in FORMATS_BY_DEFAULT if not (avatar and name == "glb")]
    if avatar and "avatar" not in formats:
        return ["avatar", *formats]
    if "avatar" in formats and not avatar:
        raise ConfigError("format avatar needs the avatar: --avatar FILE.glb or FILE.vrm")
    return formats


def _neutral(place: str | None, model: "Predictor") -> "np.ndarray | None":
    """The speaker's weights at rest for `Predictor.predict`."""
    from speechface.errors import ConfigError

    if place is None:
        return None
    if model.rest == "none":
        raise ConfigError("--neutral: the model does not use the speaker's face at rest; train one with rest: given")
    path, _, clip_id = place.partition("::")
    if not clip_id:
        raise ConfigError(f"--neutral is {place}; expected TABLE::DATASET/ACTOR/CLIP, a label table and a clip in it")
    from speechface.clip_tables import ClipTables
    from speechface.networks.rest import rest_of_labels

    tables = ClipTables([path])
    tables.require_channels(model.columns[: len(model.observed)], "the model")
    return rest_of_labels(tables, clip_id, frames=model.rest_frames)
