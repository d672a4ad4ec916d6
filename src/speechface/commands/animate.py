"""Animate a face from a speech recording, of any length and sample rate, on a CPU.

Reads everything PyAV opens: wav, mp3, flac, ogg, m4a, or the sound of a video. Writes what --formats asks for
into --out.
"""

import argparse
import logging
import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from speechface.networks.families.base import Predictor

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechface.commands.common import OPTION_HELP
    from speechface.export.registry import FORMATS

    parser.add_argument("audio", help="speech recording, or a video with sound")
    parser.add_argument("--model", required=True, help="trained model: model.ckpt, or model.npz of a baseline")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results; made if absent")
    parser.add_argument(
        "--formats",
        nargs="+",
        choices=FORMATS,
        default=["mp4", "livelink", "parquet"],
        metavar="FORMAT",
        help=f"any of {', '.join(FORMATS)} (default: mp4 livelink parquet)",
    )
    parser.add_argument("--fps", default="30", help="frames a second, a number or a fraction such as 30000/1001")
    parser.add_argument(
        "--neutral",
        metavar="TABLE::CLIP",
        help="label table (fit-labels) and id of a clip of the speaker in it: how the face looks at rest; for models "
        "with rest: given or estimated",
    )
    parser.add_argument("--seed", type=int, default=0, help="of what models draw that can draw (default: 0)")
    parser.add_argument("--option", nargs="+", default=[], metavar="KEY=VALUE", help=OPTION_HELP)
    parser.add_argument("--rig", default="", help="rig .npz for formats that show it (default: the builtin head)")
    parser.add_argument("--size", type=int, default=640, help="side of the square video, pixels")
    parser.epilog = "formats:\n" + "\n".join(f"  {name:10} {FORMATS[name].DESCRIPTION}" for name in FORMATS)


def run(args: argparse.Namespace) -> None:
    import numpy as np

    from speechface.audio import features
    from speechface.errors import MediaError
    from speechface.export.animation import Animation, Sound
    from speechface.export.registry import FORMATS
    from speechface.media import decode_audio
    from speechface.networks.loading import configured, load_model
    from speechface.provenance import provenance
    from speechface.rig.channels import CHANNELS, ROTATIONS

    fps = _frame_rate(args.fps)
    model = configured(load_model(args.model), args.option)
    sr = model.feature_settings["audio_sr"]
    audio = decode_audio(args.audio, sr=sr)
    if len(audio) == 0:
        raise MediaError(f"{args.audio}: holds no sound")
    count = max(1, round(len(audio) / sr * fps))
    times = np.arange(count) / float(fps)
    settings = features.settings_of_table(model.feature, model.feature_settings)
    inputs = features.compute(model.feature, audio, times, fps=float(fps), sr=sr, settings=settings)
    rng = np.random.default_rng(args.seed)
    predicted = model.predict(inputs, neutral=_neutral(args.neutral, model), rng=rng)[0]
    column = {name: k for k, name in enumerate(model.columns)}
    weights = np.stack([predicted[:, column[name]] for name in CHANNELS], 1).clip(0, 1)
    rotations = np.zeros((count, 3))
    if ROTATIONS[0] in column:
        rotations = np.stack([predicted[:, column[name]] for name in ROTATIONS], 1)
    folder = Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    animation = Animation(
        name=re.sub(r"[^A-Za-z0-9._-]", "_", Path(args.audio).stem),
        fps=fps,
        weights=weights.astype(np.float32),
        rotations=rotations.astype(np.float32),
        sound=Sound(audio, sr, str(args.audio)),
        rig_file=args.rig,
        image_size=args.size,
        meta={"provenance": provenance(model=str(args.model), sound=str(args.audio))},
    )
    for name in args.formats:
        print(FORMATS[name].write(animation, folder))
    LOG.info("%d frames at %s/s from %.1f s of sound", count, fps, len(audio) / sr)


def _frame_rate(text: str) -> Fraction:
    from speechface.errors import ConfigError

    try:
        fps = Fraction(text).limit_denominator(100_000)
        if 1 <= fps <= 240:
            return fps
    except (ValueError, ZeroDivisionError):
        pass
    raise ConfigError(f"--fps is {text}; expected a number from 1 to 240, or a fraction")


def _neutral(place: str | None, model: "Predictor") -> "np.ndarray | None":
    """The speaker's weights at rest for `Predictor.predict`."""
    from speechface.clip_tables import ClipTables
    from speechface.errors import ConfigError
    from speechface.networks.rest import rest_of_labels

    if place is None:
        return None
    if model.rest == "none":
        raise ConfigError("--neutral: the model does not use the speaker's face at rest; train one with rest: given")
    path, _, clip_id = place.partition("::")
    if not clip_id:
        raise ConfigError(f"--neutral is {place}; expected TABLE::DATASET/ACTOR/CLIP, a label table and a clip in it")
    return rest_of_labels(ClipTables([path]), clip_id, frames=model.rest_frames)
