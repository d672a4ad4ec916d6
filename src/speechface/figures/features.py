"""Fig. 1: what the networks hear. Features of one actor and sentence, spoken under up to four emotions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.figures.common import NothingToShow, clip_id, read_clips, sound_of, usable_table
from speechface.figures.style import PAGE, new_figure, short
from speechface.sound_tables import read_times

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "INPUTS", "collect", "draw"]

INPUTS = {"clips": True, "spectrogram": False, "acoustics": False, "audio": False}
CAPTION = (
    "What the networks hear: log-mel bands, MFCC, chroma and spectrogram windows of one actor speaking one sentence "
    "under several emotions (figure 1 of the report). To see: what differs between emotions, where there is silence. "
    "MFCC (without the 0th), chroma and spectrogram windows are scaled to their own range or peak, in silence to that "
    "of noise: here they fade where the sound does; the networks get them unfaded."
)

#: The report's four emotions first.
_PREFERRED = ("neutral", "happy", "sad", "disgust", "angry", "fearful", "surprised", "calm")
_MOST = 4
#: Rows of the image: heading, unit of the colours, colour map.
_PANELS = {
    "log_mel": ("log-mel, band", "dB", "magma"),
    "mfcc": ("MFCC, coefficient", "standard deviations", "RdBu_r"),
    "chroma": ("chroma, pitch class", "fraction of the strongest", "viridis"),
    "spectrogram": ("spectrogram, kHz", "dB re the window's peak", "magma"),
}
#: Features that are scaled to their own peak, so that noise in silence looks as loud as speech.
_FADED = ("mfcc", "chroma", "spectrogram")


@dataclass
class Spoken:
    """One clip: `images` name -> (bands, time), `bands` name -> (lowest, highest) of that axis, `seconds`;
    `loudness` in [0, 1] of every video frame, or None."""

    title: str
    seconds: float
    images: dict = field(default_factory=dict)
    bands: dict = field(default_factory=dict)
    loudness: np.ndarray | None = None


@dataclass
class Data:
    """`speaker`: who says what, in words; `spoken`: list of Spoken."""

    speaker: str
    spoken: list


def collect(inputs: Mapping[str, Any]) -> Data:
    """Pick the actor and sentence with most emotions among the clips whose features exist."""
    if inputs["spectrogram"] is None and inputs["acoustics"] is None:
        raise NothingToShow("neither spectrograms nor acoustic features were made")
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for clip in read_clips(inputs["clips"]):
        key = (clip["dataset"], clip["actor"], clip.get("channel") or "", clip.get("statement") or "")
        groups.setdefault(key, []).append(clip)
    # most emotions first, speech before song ("speech" > "song"), then by name
    ranked = sorted(
        groups.items(), key=lambda item: (-len({c["emotion"] for c in item[1]}), item[0][2] != "speech", item[0])
    )
    for (dataset, actor, _, statement), clips in ranked:
        spoken = _load_group(clips, inputs)
        if spoken:
            says = f", “{short(statement, 60)}”" if statement else ""
            return Data(f"{short(actor, 24)} ({short(dataset, 16)}){says}", spoken)
    raise NothingToShow(f"none of the {sum(len(clips) for clips in groups.values())} clips has usable features")


def _load_group(clips, inputs):
    by_emotion = {}
    for clip in clips:
        by_emotion.setdefault(clip.get("emotion"), []).append(clip)
    rank = {name: place for place, name in enumerate(_PREFERRED)}
    spoken = []
    for emotion in sorted(by_emotion, key=lambda name: (rank.get(name, len(rank)), str(name))):
        plain = sorted(by_emotion[emotion], key=lambda c: (c.get("intensity") == "strong", str(c["clip"])))
        found = next((one for one in (_load(clip, inputs) for clip in plain) if one), None)
        if found:
            spoken.append(found)
        if len(spoken) == _MOST:
            break
    return spoken


def _load(clip, inputs):
    one = Spoken(short(clip.get("emotion") or clip["clip"], 12), 0.0)
    table = usable_table(inputs["acoustics"], clip)
    if table is not None:
        for name in ("log_mel", "mfcc", "chroma"):
            start, stop, (bands, steps) = table.meta["layout"][name]
            values = table["acoustics"][:, start:stop].astype(np.float32).reshape(-1, bands, steps)
            image = values.transpose(1, 0, 2).reshape(bands, -1)
            one.images[name] = image[1:] if name == "mfcc" else image
            one.bands[name] = (1 if name == "mfcc" else 0, bands)
        one.seconds = _duration(table)
    table = usable_table(inputs["spectrogram"], clip)
    if table is not None:
        settings, sr = table.meta["settings"], table.meta["audio_sr"]
        one.seconds = _duration(table)
        hops = one.seconds / len(table) * sr / settings["hop_length"]
        newest = min(max(round(hops), 1), settings["n_hops"] - 1)
        # the newest columns of each window; the last one hears half the padding
        values = table["spectrogram"][:, :, -newest - 1 : -1]
        one.images["spectrogram"] = -settings["top_db"] * values.transpose(1, 0, 2).reshape(values.shape[1], -1)
        one.bands["spectrogram"] = (0, sr / 2000)
    if one.images and inputs.get("audio") is not None:
        one.loudness = _loudness(inputs["audio"], clip)
    return one if one.images else None


def _duration(table):
    time = table["time"]
    return float(time[-1] - time[0] + 1 / table.meta["fps"])


def _loudness(sounds, clip):
    """Loudness of a clip's frames: 1 down to 20 dB below the loudest, 0 from 45 dB below it on; None if unknown."""
    found = sound_of(sounds, clip)
    if found is None:
        return None
    (audio, sr), (times, fps) = found, read_times(sounds, clip_id(clip))
    edges = np.clip(np.round(np.append(times, times[-1] + 1 / fps) * sr), 0, len(audio)).astype(int)
    power = [np.mean(np.square(part)) if len(part) else 0.0 for part in np.split(audio, edges)[1:-1]]
    level = 10 * np.log10(np.maximum(power, 1e-12))
    return np.clip((level - level.max() + 45) / 25, 0, 1)


def _scale(name, images):
    """Lowest and highest colour of a column, the same for all rows."""
    values = np.concatenate([image.ravel() for image in images])
    if name == "mfcc":
        return -2.5, 2.5
    if name == "chroma":
        return 0.0, 1.0
    if name == "log_mel":
        # each clip's floor is 80 dB below its own peak: the highest floor is black for all
        return max(image.min() for image in images), np.percentile(values, 99.8)
    return values.min(), 0.0


def _standardised(images):
    """Each coefficient by its mean and spread over all clips shown."""
    together = np.concatenate(images, 1)
    mean, spread = together.mean(1, keepdims=True), together.std(1, keepdims=True) + 1e-6
    return [(image - mean) / spread for image in images]


def _alpha(name, one):
    """How much of each pixel of an image shows: what is scaled to its own peak fades where the clip is silent."""
    if name not in _FADED or one.loudness is None:
        return None
    image = one.images[name]
    frames = np.arange(image.shape[1]) * len(one.loudness) // image.shape[1]
    return np.broadcast_to(one.loudness[frames], image.shape)


def draw(data: Data) -> "Figure":
    """One row an emotion, one column a feature."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    names = [name for name in _PANELS if any(name in one.images for one in data.spoken)]
    rows = len(data.spoken)
    figure = new_figure(PAGE, 0.95 + 0.95 * rows)
    axes = figure.subplots(rows, len(names), sharex=True, squeeze=False)
    longest = max(one.seconds for one in data.spoken)
    for column, name in enumerate(names):
        heading, unit, colours = _PANELS[name]
        holders = [(row, one) for row, one in enumerate(data.spoken) if name in one.images]
        images = [one.images[name] for _, one in holders]
        if name == "mfcc":
            images = _standardised(images)
        low, high = _scale(name, images)
        for (row, one), image in zip(holders, images):
            axes[row, column].imshow(
                image, origin="lower", aspect="auto", cmap=colours, vmin=low, vmax=high, alpha=_alpha(name, one),
                extent=(0, one.seconds, *one.bands[name]), interpolation="antialiased",
            )  # fmt: skip
            if name in _FADED and one.loudness is not None:
                axes[row, column].set_facecolor(colormaps[colours](0.5 if name == "mfcc" else 0.0))
        for row, one in enumerate(data.spoken):
            axis = axes[row, column]
            axis.set_xlim(0, longest)
            axis.tick_params(length=2)
            if name not in one.images:
                axis.text(0.5, 0.5, "not made", transform=axis.transAxes, ha="center", va="center")
            if name == "chroma":
                axis.set_yticks([0.5, 4.5, 9.5], ["C", "E", "A"])
            if column == 0:
                axis.set_ylabel(one.title, fontsize=8.5, fontweight="bold")
        axes[0, column].set_title(heading)
        axes[-1, column].set_xlabel("time, s")
        shown = ScalarMappable(Normalize(low, high), colours)
        bar = figure.colorbar(shown, ax=list(axes[:, column]), location="bottom", aspect=28, pad=0.02)
        bar.set_label(unit)
        bar.outline.set_visible(False)
    figure.suptitle(data.speaker, fontsize=8.5)
    return figure
