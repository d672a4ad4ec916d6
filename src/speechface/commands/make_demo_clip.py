"""Synthesise clips of demo actors: a video with sound, and the exact truth about every frame.

A clip's name says who speaks, what and how (RAVDESS's names: emotion, intensity, sentence, repetition, actor).
The same settings and name give the same files. Speech comes from espeak-ng, an optional external program.
"""

import contextlib
import functools
import logging
from fractions import Fraction
from pathlib import PurePosixPath

from speechface.commands.batches import add_keep, pieces_of, work_through
from speechface.commands.common import add_settings, settings_of
from speechface.errors import ConfigError

__all__ = ["add_arguments", "run", "frame_rate_of"]

#: Sampling rate of the sound, Hz, as in RAVDESS.
SR = 48000
CRF = 20
#: Settings that change a clip; how many actors and clips there are does not.
MATTERS = ("width", "height", "fps", "seed")


def add_arguments(parser):
    parser.add_argument(
        "--clip", required=True, nargs="+", metavar="NAME", help="e.g. 01-01-03-02-01-01-07, or with Actor_07/"
    )
    parser.add_argument("--out", required=True, nargs="+", metavar="MP4", help="videos to write, one a clip")
    parser.add_argument(
        "--truth", required=True, nargs="+", metavar="PARQUET", help="tables of exact weights, pose and landmarks"
    )
    parser.add_argument("--cast", default="", metavar="NPZ", help="heads from build-cast; without it they are sculpted")
    add_settings(parser, "demo")
    add_keep(parser)


def frame_rate_of(value):
    """Return a config's frame rate, a number or a text such as "30000/1001", as a Fraction; ConfigError if neither."""
    try:
        rate = Fraction(str(value)).limit_denominator(1001)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 1 <= rate <= 240:
        raise ConfigError(f"demo.fps is '{value}'; expected 1 to 240 as a number or a fraction, e.g. 30000/1001")
    return rate


def _described(name):
    """Return the Clip that `name` describes."""
    from speechface.datasets.ravdess import clip_from_name

    path = PurePosixPath(name)
    clip = clip_from_name("demo", path.name, name)
    folder = path.parent.name
    if clip is None or clip.statement is None or clip.intensity is None or (folder and folder != clip.actor):
        raise ConfigError(
            f"--clip '{name}' is no name of a demo clip; expected 01-01-<emotion>-<intensity>-<sentence>-<repetition>-"
            "<actor>, two digits each, e.g. Actor_07/01-01-03-02-01-01-07"
        )
    return clip


def run(args):
    from speechface.synthesis.cast import load_member, member_digest, sculpt

    settings = {key: value for key, value in settings_of(args).items() if key in MATTERS}
    rate = frame_rate_of(settings["fps"])
    clips = [_described(name) for name in args.clip]
    heads = {clip.actor: member_digest(args.cast, _number(clip)) if args.cast else "" for clip in clips}
    facts = [{"clip": clip.clip, "head": heads[clip.actor]} for clip in clips]
    pieces = pieces_of(args, inputs=(), outputs=("out", "truth"), facts=facts)
    if len(pieces) != len(clips):
        raise ConfigError(f"--clip names {len(clips)} clips, but --out {len(pieces)} videos")
    clip_of = {piece.name: clip for piece, clip in zip(pieces, clips)}
    # the clips of an actor come one after the other
    head = functools.lru_cache(2)(lambda number: load_member(args.cast, number) if args.cast else sculpt(number))
    with contextlib.ExitStack() as stack:
        renderer = functools.cache(lambda: _open_renderer(stack, settings))
        work_through(
            pieces,
            lambda piece: _make(clip_of[piece.name], piece.outputs, head, renderer, rate, settings),
            stage="demo", settings=settings, keep=args.keep,
        )  # fmt: skip


def _number(clip):
    """The number of a clip's actor."""
    return int(clip.actor[-2:])


def _open_renderer(stack, settings):
    from speechface.render.renderer import Renderer

    return stack.enter_context(Renderer(settings["width"], settings["height"]))


def _make(clip, out, head, renderer, rate, settings):
    """Write video and truth of one clip; `head` of an actor's number and `renderer` are functions."""
    import numpy as np

    from speechface.media import VideoWriter
    from speechface.rig.channels import CHANNELS, ROTATIONS
    from speechface.synthesis.performance import perform
    from speechface.synthesis.scene import frames, portrait
    from speechface.tables import write_table

    number = _number(clip)
    width, height, seed = settings["width"], settings["height"], settings["seed"]
    performance = perform(
        number, clip.clip, statement=clip.statement, emotion=clip.emotion, intensity=clip.intensity, seed=seed,
        frame_rate=rate, sr=SR,
    )  # fmt: skip
    actor = head(number)
    digits = [int(part) for part in clip.clip.split("-")]
    scene = portrait(
        actor.rig, width=width, height=height, number=number,
        rng=np.random.default_rng([seed, number, 4, *digits]),
    )  # fmt: skip
    landmarks = []
    sound = {"audio": performance.audio, "sr": SR}
    with VideoWriter(out["out"], width=width, height=height, fps=rate, crf=CRF, **sound) as writer:
        drawn = frames(actor.rig, scene, renderer(), weights=performance.weights, rotations=performance.rotations)
        for image, points in drawn:
            writer.write(image)
            landmarks.append(points)

    n_frames = len(performance.times)
    columns = {"frame": np.arange(n_frames, dtype=np.int32), "time": performance.times}
    columns |= {name: performance.rotations[:, k].astype(np.float32) for k, name in enumerate(ROTATIONS)}
    columns |= {name: performance.weights[:, k] for k, name in enumerate(CHANNELS)}
    columns["landmarks"] = np.stack(landmarks)
    write_table(out["truth"], columns, stage="demo", settings=settings, meta={
        **{key: value for key, value in clip.as_dict().items() if key != "path"},
        "channels": list(CHANNELS), "width": width, "height": height, "fps": float(rate), "frame_rate": str(rate),
        "identity": [round(float(value), 6) for value in actor.identity], "look": actor.look,
        "style": actor.style, "focal_px": scene.camera.focal, "centre_px": list(scene.camera.centre),
        "translation_mm": [float(value) for value in scene.translation], "text": performance.text,
        "voice": performance.voice, "rotation": "absolute, radians, R = Rz Ry Rx",
        "phonemes": [[round(s.start, 4), round(s.end, 4), s.ipa, s.viseme] for s in performance.segments],
    })  # fmt: skip
    logging.info("%s: %d frames, %s, '%s'", clip.id, n_frames, performance.voice, performance.text)
