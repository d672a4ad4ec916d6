"""From a recording to an animation: what ``speechface animate`` and `speechface.animate` do."""

import logging
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.audio.levels import SILENCE_DB
from speechface.errors import ConfigError, MediaError
from speechface.export.animation import Animation, Sound

if TYPE_CHECKING:
    from speechface.liveliness import LifeSettings
    from speechface.networks.families.base import Predictor
    from speechface.stream import Frames

__all__ = ["STARTER", "animate", "frame_rate"]

LOG = logging.getLogger(__name__)

#: The model that comes with the package.
STARTER = Path(__file__).parent / "starter" / "starter.onnx"
#: Sound that goes into a picture's file, Hz.
_SOUND_SR = 48000


def animate(
    sound: str | Path | tuple[np.ndarray, int],
    *,
    model: "str | Path | Predictor" = STARTER,
    fps: int | float | str | Fraction = 30,
    life: "str | LifeSettings" = "natural",
    seed: int = 0,
    neutral: np.ndarray | None = None,
    rig: str = "",
    avatar: str = "",
    image_size: int = 640,
    name: str = "",
    progress: bool = False,
) -> Animation:
    """Animate a face from a recording of speech of any length, in bounded memory.

    Parameters
    ----------
    sound : path of a recording (all that FFmpeg reads, also the sound of a video), or (samples, sr)
        Samples (n,) are mono, full scale 1.0.
    model : path of an .onnx, .ckpt or .npz, or a `Predictor`; by default the one of the package
    fps : frames a second, a number or a fraction such as "30000/1001"
    life : preset of `speechface.liveliness`, a .json file of settings, or settings; "off": the model's curves alone
    seed : int, of what `life` and the model draw
    neutral : ndarray (n_channels,) or None, see `Predictor.predict`
    rig : path of the rig (.npz) that is to move; "", the builtin head
    avatar : path of your own .glb or .vrm, for the format avatar
    image_size : side of the images in formats that show some, pixels
    name : of the animation; "", that of the recording
    progress : show a progress bar on a terminal

    Returns
    -------
    `speechface.export.animation.Animation`, whose ``save("face.glb")`` writes a file

    Raises
    ------
    MediaError, ModelError, ConfigError
        If the recording, the model or a setting cannot be used: one line says why.
    """
    from speechface.liveliness import Life, LifeSettings, blended, life_settings
    from speechface.networks.loading import load_model
    from speechface.provenance import provenance

    fps = frame_rate(fps)
    if isinstance(model, str | Path):
        model = load_model(model)
    settings = life if isinstance(life, LifeSettings) else life_settings(life)
    label = name or ("sound" if isinstance(sound, tuple) else Path(sound).stem)
    recording = Sound(*sound, label) if isinstance(sound, tuple) else Sound(str(sound), _SOUND_SR, str(sound))
    parts: list[Any] = []
    living: Life | None = None
    loudest = SILENCE_DB
    for frames, channels in _frames(model, sound, fps, neutral, seed, progress):
        living = living or Life(settings, channels=channels, fps=float(fps), seed=seed)
        loudest = max(loudest, float(frames.levels_db.max()))
        parts.append(living.push(frames.weights, frames.rotations, frames.levels_db))
    if living is None:
        raise MediaError(f"{recording.name}: holds no sound")
    if loudest <= SILENCE_DB:
        LOG.warning("%s: the sound is silent, so that nothing speaks; is it the right file?", recording.name)
    weights, rotations = (np.concatenate(values) for values in zip(*parts))
    weights, rotations = blended(weights, rotations, fps=float(fps), settings=settings)
    LOG.info("%s: %d frames at %s/s", label, len(weights), fps)
    return Animation(
        name=label, fps=fps, weights=weights, rotations=rotations, channels=living.channels, sound=recording,
        rig_file=rig, avatar_file=avatar, image_size=image_size,
        meta={
            "life": living.facts,
            "provenance": provenance(model=model.name, model_facts=model.facts.get("provenance"), sound=recording.name),
        },
    )  # fmt: skip


def frame_rate(fps: int | float | str | Fraction) -> Fraction:
    """Return a rate as a fraction; ConfigError where it is none from 1 to 240."""
    try:
        rate = Fraction(fps).limit_denominator(100_000)
        if 1 <= rate <= 240:
            return rate
    except (ValueError, ZeroDivisionError, OverflowError):
        pass
    raise ConfigError(f"fps is {fps}; expected a number from 1 to 240, or a fraction such as 30000/1001")


def _frames(
    model: "Predictor", sound: Any, fps: Fraction, neutral: np.ndarray | None, seed: int, progress: bool
) -> "Iterator[tuple[Frames, tuple[str, ...]]]":
    """Frames of a recording and the names of their channels."""
    from speechface.stream import Stream

    if model.bidirectional or not _streams(model):
        yield _whole(model, sound, fps, neutral, seed)
        return
    sr = int(model.feature_settings["audio_sr"])
    pieces: Iterable[np.ndarray]
    if isinstance(sound, tuple):
        pieces, sr = [np.asarray(sound[0], np.float32)], int(sound[1])
    else:
        from speechface.media import sound_pieces

        pieces = sound_pieces(sound, sr=sr)
    stream = Stream(model, fps=fps, sr=sr, neutral=neutral)
    for piece in _gathered(pieces, 10 * sr, progress, sr):
        frames = stream.push(piece)
        if len(frames):
            yield frames, stream.channels
    frames = stream.finish()
    if len(frames):
        yield frames, stream.channels


def _streams(model: "Predictor") -> bool:
    """Can a model's frames be computed while its sound is read?"""
    from speechface.audio import features

    settings = features.settings_of_table(model.feature, model.feature_settings)
    return features.FEATURES[model.feature].reach(settings, int(model.feature_settings["audio_sr"])) is not None


def _whole(
    model: "Predictor", sound: Any, fps: Fraction, neutral: np.ndarray | None, seed: int
) -> "tuple[Frames, tuple[str, ...]]":
    """The same of a model that needs the whole recording at once."""
    from speechface.audio import features
    from speechface.audio.windows import frame_end_samples
    from speechface.media import decode_audio
    from speechface.media.resample import resample
    from speechface.rig.channels import ROTATIONS
    from speechface.stream import Frames, frame_levels

    sr = int(model.feature_settings["audio_sr"])
    if isinstance(sound, tuple):
        audio = resample(np.asarray(sound[0], np.float32), int(sound[1]), sr)
    else:
        audio = decode_audio(sound, sr=sr)
    if not len(audio):
        raise MediaError(f"{sound}: holds no sound")
    count = max(1, round(Fraction(len(audio), sr) * fps))
    times = np.arange(count) / float(fps)
    settings = features.settings_of_table(model.feature, model.feature_settings)
    rows = features.compute(model.feature, audio, times, fps=float(fps), sr=sr, settings=settings)
    outputs = model.predict(rows, neutral=neutral, rng=np.random.default_rng(seed))[0]
    channels = [name for name in model.columns if name not in ROTATIONS]
    column = {name: k for k, name in enumerate(model.columns)}
    weights = outputs[:, [column[name] for name in channels]].clip(0, 1)
    rotations = np.zeros((count, 3), np.float32)
    if ROTATIONS[0] in column:
        rotations = outputs[:, [column[name] for name in ROTATIONS]]
    ends = frame_end_samples(times, fps=float(fps), sr=sr)
    return Frames(0, times, weights, rotations, frame_levels(audio, ends, round(sr / fps))), tuple(channels)


def _gathered(pieces: Iterable[np.ndarray], size: int, progress: bool, sr: int) -> Iterator[np.ndarray]:
    """Pieces joined to about `size` samples; a bar of seconds shows on a terminal."""
    bar = None
    if progress:
        from tqdm import tqdm

        bar = tqdm(unit="s of sound", bar_format="{n:.0f} s of sound, {elapsed}")
    held: list[np.ndarray] = []
    for piece in pieces:
        held.append(piece)
        if sum(map(len, held)) >= size:
            yield held[0] if len(held) == 1 else np.concatenate(held)
            held = []
        if bar is not None:
            bar.update(len(piece) / sr)
    if held:
        yield np.concatenate(held)
    if bar is not None:
        bar.close()
