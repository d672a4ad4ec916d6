"""What every export format is given: the curves of one animation, the rig they move and the sound they belong to."""

import dataclasses
import functools
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from speechface.errors import ClipError, RigError
from speechface.rig.builtin import ready_made
from speechface.rig.channels import LISTS, on_channels, require, sides
from speechface.rig.rig import Rig

__all__ = ["ARKIT_NAMES", "Animation", "Sound", "arkit_weights", "gaze_angles"]


#: Apple's 52 blendshape names in the order of Live Link Face's CSV files.
ARKIT_NAMES = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft",
    "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight",
    "eyeSquintRight", "eyeWideRight", "jawForward", "jawRight", "jawLeft", "jawOpen", "mouthClose", "mouthFunnel",
    "mouthPucker", "mouthRight", "mouthLeft", *sides("mouthSmile"), *sides("mouthFrown"), *sides("mouthDimple"),
    *sides("mouthStretch"), "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    *sides("mouthPress"), *sides("mouthLowerDown"), *sides("mouthUpperUp"), *sides("browDown"), "browInnerUp",
    *sides("browOuterUp"), "cheekPuff", *sides("cheekSquint"), *sides("noseSneer"), "tongueOut",
)  # fmt: skip


class Sound:
    """The recording of an animation, from the first frame on; read when a format first asks for it.

    Parameters
    ----------
    source : ndarray (n,), float32, mono, full scale 1.0, or what `speechface.media.decode_audio` reads
    sr : int, Hz
    name : of the recording
    """

    def __init__(self, source: Any, sr: int, name: str = "") -> None:
        self._source, self.sr, self.name = source, sr, name

    @functools.cached_property
    def samples(self) -> np.ndarray:
        """(n,), float32, mono, full scale 1.0."""
        if isinstance(self._source, np.ndarray):
            return self._source
        from speechface.media import decode_audio

        return decode_audio(self._source, sr=self.sr)


@dataclass(repr=False)
class Animation:
    """Curves of one recording.

    Parameters
    ----------
    name : str, used in file names
    fps : frames a second
    weights : ndarray (T, n), float32 in [0, 1], a column for each of `channels`
    rotations : ndarray (T, 3), float32, radians (x, y, z), see `speechface.geometry.rotation`; zeros if not modelled
    channels : names of the weights
    sound : of the recording, or None
    rig_file : rig (.npz) of these channels, which the weights move; "": the builtin head
    avatar_file : .glb or .vrm of the user's own that the format avatar animates; "": none
    image_size : side of the images in formats that show some, pixels
    meta : JSON values: model, commit, settings
    """

    name: str
    fps: Fraction
    weights: np.ndarray
    rotations: np.ndarray
    channels: Sequence[str]
    sound: Sound | None = None
    rig_file: str = ""
    avatar_file: str = ""
    image_size: int = 640
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.weights):
            raise ClipError(f"{self.name}: an animation of no frame; give a longer recording, or more frames a second")

    def __repr__(self) -> str:
        return f"<Animation {self.name!r}: {len(self)} frames at {self.fps}/s, {len(self.channels)} channels>"

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def times(self) -> np.ndarray:
        """Seconds at which the frames show, (T,)."""
        return np.arange(len(self)) / float(self.fps)

    @functools.cached_property
    def arkit(self) -> np.ndarray:
        """Apple's 52 weights (T, 52), in the order of `ARKIT_NAMES`."""
        return arkit_weights(self.weights, self.channels)

    @functools.cached_property
    def rig(self) -> Rig:
        """The rig, read when a format first asks for it; RigError where its channels are not `channels`."""
        rig = Rig.load(self.rig_file) if self.rig_file else ready_made()
        if not self.rig_file and tuple(self.channels) in LISTS.values():
            rig = rig.on(self.channels)
        where, remedy = f"rig {self.rig_file or rig.name}", "give the rig that the model was trained for"
        require(rig.channels, self.channels, where=where, of="the model", remedy=remedy, error=RigError)
        return rig

    def save(self, path: str | Path, *, format: str = "") -> Path:
        """Write one file, e.g. ``face.glb``.

        Parameters
        ----------
        path : the file; its folder is made
        format : key of `speechface.export.registry.FORMATS`; "", what the file's ending says

        Raises
        ------
        ConfigError
            If the format is unknown, or the ending belongs to none or to several.
        """
        from speechface.export.registry import format_of

        path = Path(path)
        writer = format_of(path, format)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
            os.replace(writer.write(dataclasses.replace(self, name=path.stem), Path(folder)), path)
        return path


def arkit_weights(weights: np.ndarray, channels: Sequence[str]) -> np.ndarray:
    """Weights (T, n) of `channels` -> Apple's 52 (T, 52), in the order of `ARKIT_NAMES`.

    noseSneer feeds both sides where a rig has only that; shapes that have no channel stay 0.
    """
    return on_channels(weights, channels, ARKIT_NAMES)


#: Turn of an eye at weight 1, radians: sideways, up or down; slopes of a recording by Live Link Face.
_GAZE_RAD = (0.52, 0.586)


def gaze_angles(arkit: np.ndarray) -> np.ndarray:
    """Apple's 52 (T, 52) -> turns of the eyes (T, 2, 2), radians: left eye first; down, then to the left.

    The signs are those of head rotations x and y (`speechface.geometry.rotation`).
    """
    column = {name: arkit[:, k] for k, name in enumerate(ARKIT_NAMES)}
    eyes = []
    for side, outward in (("Left", 1), ("Right", -1)):
        aside = outward * (column["eyeLookOut" + side] - column["eyeLookIn" + side])
        down = column["eyeLookDown" + side] - column["eyeLookUp" + side]
        eyes.append(np.stack([down * _GAZE_RAD[1], aside * _GAZE_RAD[0]], -1))
    return np.stack(eyes, 1)
