"""Synthesise clips of demo actors: videos with sound, and the exact truth about every frame.

A clip's name says who speaks, what and how (RAVDESS's names: emotion, intensity, sentence, repetition, actor). The same
settings and name give the same truth and images. Speech comes from espeak-ng, an optional external program.
"""

import argparse
import contextlib
import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from speechface.commands.common import add_clips, clips_of
from speechface.errors import ConfigError

if TYPE_CHECKING:
    from speechface.clip_tables import ClipRows
    from speechface.datasets.base import Clip
    from speechface.datasets.demo import VideoSettings

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)

#: Sampling rate of the sound, Hz, as in RAVDESS.
SR = 48000
CRF = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechface.rig.channels import LISTS

    add_clips(parser)
    parser.add_argument("--actors", required=True, metavar="NPZ", help="heads, written by make-demo-actors")
    parser.add_argument("--videos", required=True, metavar="PARQUET", help="table of videos to write, one row a clip")
    parser.add_argument(
        "--truth", required=True, metavar="PARQUET", help="table of exact weights, pose and landmarks to write"
    )
    parser.add_argument(
        "--channels", choices=LISTS, default="arkit52",
        help="list of channels that move the faces and that the truth tells (config: rig.channels)",
    )  # fmt: skip
    parser.add_argument(
        "--settings",
        default="",
        metavar="JSON",
        help="keys width, height, fps and seed of the dataset, e.g. '{}'; defaults where missing (docs/config.md)",
    )


def _described(clip_id: str) -> "Clip":
    """Return the Clip that an id describes."""
    from speechface.datasets.demo import clip_from_name

    dataset, actor, name = clip_id.split("/")
    clip = clip_from_name(dataset, name, "")
    if clip is None or clip.intensity is None or actor != clip.actor:
        raise ConfigError(
            f"--clips: '{clip_id}' is no id of a demo clip; expected demo/Actor_<actor>/01-01-<emotion>-<intensity>-"
            "<sentence>-<repetition>-<actor>, two digits each, e.g. demo/Actor_07/01-01-03-02-01-01-07"
        )
    return clip


def run(args: argparse.Namespace) -> None:
    from speechface.clip_updates import update_clip_tables
    from speechface.datasets.demo import VideoSettings
    from speechface.render.renderer import Renderer
    from speechface.synthesis.actors import actor_digest, load_actor

    settings = VideoSettings.parse(args.settings, "--settings (demo)")
    clips = {clip_id: _described(clip_id) for clip_id in clips_of(args)}
    heads = {clip.actor: actor_digest(args.actors, _number(clip)) for clip in clips.values()}
    # the clips of an actor come one after the other
    head = functools.lru_cache(2)(functools.partial(load_actor, args.actors))
    with contextlib.ExitStack() as stack:
        renderer = functools.cache(lambda: stack.enter_context(Renderer(settings.width, settings.height)))
        update_clip_tables(
            {"videos": args.videos, "truth": args.truth},
            list(clips),
            lambda clip_id: _make(clips[clip_id], head, renderer, settings, args.channels),
            stage="demo",
            settings=settings,
            facts=lambda clip_id, known: {"head": heads[clips[clip_id].actor], "channels": args.channels},
            shared=("channels",),
        )


def _number(clip: "Clip") -> int:
    """The number of a clip's actor."""
    return int(clip.actor[-2:])


def _make(
    clip: "Clip", head: Callable[[int], Any], renderer: Callable[[], Any], settings: "VideoSettings", channels: str
) -> "dict[str, ClipRows]":
    """Video and truth of one clip; `head` of an actor's number and `renderer` are functions."""
    import numpy as np

    from speechface.clip_tables import ClipRows, bytes_column
    from speechface.media import VideoWriter
    from speechface.rig.channels import ARKIT52, LISTS, ROTATIONS, on_channels
    from speechface.synthesis.performance import perform
    from speechface.synthesis.scene import frames, portrait

    number, rate = _number(clip), settings.frame_rate
    performance = perform(
        number, clip.clip, statement=str(clip.statement), emotion=str(clip.emotion), intensity=str(clip.intensity),
        seed=settings.seed, frame_rate=rate, sr=SR,
    )  # fmt: skip
    known, actor = LISTS[channels], head(number)
    weights = on_channels(performance.weights, ARKIT52, known)
    digits = [int(part) for part in clip.clip.split("-")]
    scene = portrait(
        actor.rig, width=settings.width, height=settings.height, number=number,
        rng=np.random.default_rng([settings.seed, number, 4, *digits]),
    )  # fmt: skip
    size: dict[str, Any] = {"width": settings.width, "height": settings.height}
    shown, landmarks = on_channels(weights, known, actor.rig.channels), []
    with VideoWriter(None, fps=rate, audio=performance.audio, sr=SR, crf=CRF, **size) as writer:
        drawn = frames(actor.rig, scene, renderer(), weights=shown, rotations=performance.rotations)
        for image, points in drawn:
            writer.write(image)
            landmarks.append(points)

    n_frames = len(performance.times)
    columns = {"frame": np.arange(n_frames, dtype=np.int32), "time": performance.times}
    columns |= {name: performance.rotations[:, k].astype(np.float32) for k, name in enumerate(ROTATIONS)}
    columns |= {name: weights[:, k] for k, name in enumerate(known)}
    columns["landmarks"] = np.stack(landmarks)
    rates = {**size, "fps": float(rate), "frame_rate": str(rate)}
    truth = {
        **{key: value for key, value in clip.as_dict().items() if key != "path"},
        "channels": list(known), **rates,
        "identity": [round(float(value), 6) for value in actor.identity], "look": actor.look,
        "style": actor.style, "focal_px": scene.camera.focal, "centre_px": list(scene.camera.centre),
        "translation_mm": [float(value) for value in scene.translation], "text": performance.text,
        "voice": performance.voice, "rotation": "absolute, radians, R = Rz Ry Rx",
        "phonemes": [[round(s.start, 4), round(s.end, 4), s.ipa, s.viseme] for s in performance.segments],
    }  # fmt: skip
    LOG.info("%d frames, %s, '%s'", n_frames, performance.voice, performance.text)
    video = bytes_column([writer.content], [f"{clip.clip}.mp4"])
    return {"videos": ClipRows({"video": video}, rates), "truth": ClipRows(columns, truth)}
