"""Speech and its phoneme times from espeak-ng.

espeak-ng (https://github.com/espeak-ng/espeak-ng) is a GPL-3 program. It is an optional external tool of this
package: nothing of it is copied here, the shared library comes with the separate package ``espeakng-loader``
and runs in a process of its own. That process is a fresh one for every utterance, since the library keeps state
between calls and would otherwise make a sound depend on what was said before.

``python -m speechface.synthesis.espeak --text "..." --voice en-us+m1`` is that process: it prints one line of JSON
(sampling rate, phonemes with their times) and then 16-bit samples.
"""

import argparse
import array
import ctypes
import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from speechface.errors import SpeechfaceError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["EspeakError", "Utterance", "speak"]

INSTALL = "install it with 'pip install espeakng-loader'"

# constants of espeak-ng's speak_lib.h
_OUTPUT_SYNCHRONOUS = 2
_BUFFER_MS = 200
_PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 0x0001, 0x0002, 0x8000
_EVENT_END, _EVENT_PHONEME = 0, 7
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_CHARS_UTF8, _POSITION_CHARACTER = 1, 1


class EspeakError(SpeechfaceError):
    """espeak-ng is absent or did not speak."""


@dataclass(frozen=True)
class Utterance:
    """`audio` float32 (n,) in [-1, 1]; `sr` in Hz; `phonemes` a list of (start in s, IPA text), in time order.

    An empty IPA text is a pause. The start of a plosive is its burst, or the voicing of its closure.
    """

    audio: "np.ndarray"
    sr: int
    phonemes: list[tuple[float, str]]

    @property
    def duration(self) -> float:
        return len(self.audio) / self.sr


def speak(text: str, *, voice: str, rate: float, pitch: int, pitch_range: int) -> Utterance:
    """Speak `text` in a fresh process.

    Parameters
    ----------
    text : str
    voice : str, name of an espeak-ng voice with variant, e.g. ``en-us+f2``
    rate : int, words a minute
    pitch, pitch_range : int in [0, 100]

    Returns
    -------
    Utterance

    Raises
    ------
    EspeakError
        If the library is absent, the voice unknown or nothing was said.
    """
    import numpy as np

    if importlib.util.find_spec("espeakng_loader") is None:
        raise EspeakError(f"speech of the demo actors needs espeak-ng, which is not installed; {INSTALL}")
    command = [sys.executable, "-m", __name__, "--text", text, "--voice", voice, "--rate", str(int(rate)),
               "--pitch", str(int(pitch)), "--pitch-range", str(int(pitch_range))]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode("utf8", "replace").strip().splitlines() or ["no message"]
        raise EspeakError(f"espeak-ng failed on '{text}' with voice {voice}: {lines[-1]}")
    header, _, samples = done.stdout.partition(b"\n")
    facts = json.loads(header)
    audio = np.frombuffer(samples, "<i2").astype(np.float32) / 2**15
    if len(audio) != facts["n_samples"] or not len(audio):
        raise EspeakError(f"espeak-ng said {len(audio)} samples of '{text}', announced {facts['n_samples']}")
    return Utterance(audio, facts["sr"], [(float(t), name) for t, name in facts["phonemes"]])


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def _load() -> tuple[Any, int]:
    """Return (library, sampling rate)."""
    try:
        import espeakng_loader

        library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
    except (ImportError, OSError) as error:
        raise EspeakError(f"espeak-ng cannot be loaded ({error}); {INSTALL}") from None
    sr = library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, _BUFFER_MS, data, _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT)
    if sr <= 0:
        raise EspeakError(f"espeak-ng cannot start with its data in {data.decode()}")
    return library, sr


def _synthesise(text: str, voice: str, parameters: dict[int, int]) -> tuple[int, array.array, list[tuple[float, str]]]:
    """Return (sampling rate, array of int16 samples, list of (start, IPA)); only once in a process."""
    library, sr = _load()
    samples: array.array = array.array("h")
    phonemes: list[tuple[float, str]] = []

    def collect(wave, count, events):
        if wave and count > 0:
            samples.frombytes(ctypes.string_at(wave, 2 * count))
        k = 0
        while events[k].type != _EVENT_END:
            if events[k].type == _EVENT_PHONEME:
                name = events[k].id.string.decode("utf8", "ignore")
                phonemes.append((events[k].audio_position / 1000, name))
            k += 1
        return 0

    callback = _CALLBACK(collect)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise EspeakError(f"espeak-ng has no voice '{voice}'")
    for key, value in parameters.items():
        library.espeak_SetParameter(key, value, 0)
    encoded = text.encode() + b"\0"
    status = library.espeak_Synth(
        encoded, ctypes.c_size_t(len(encoded)), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
    )
    if status != 0 or library.espeak_Synchronize() != 0:
        raise EspeakError(f"espeak-ng could not say the text (status {status})")
    return sr, samples, phonemes


def _main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=f"python -m {__name__}", description=__doc__)
    parser.add_argument("--text", required=True)
    parser.add_argument("--voice", default="en-us")
    parser.add_argument("--rate", type=int, required=True, help="words a minute")
    parser.add_argument("--pitch", type=int, required=True, help="0 to 100")
    parser.add_argument("--pitch-range", type=int, required=True, help="0 to 100")
    args = parser.parse_args(argv)
    # volume 70: loud voices clip at the default of 100
    parameters = {_RATE: args.rate, _VOLUME: 70, _PITCH: args.pitch, _RANGE: args.pitch_range}
    try:
        sr, samples, phonemes = _synthesise(args.text, args.voice, parameters)
    except EspeakError as error:
        print(error, file=sys.stderr)
        return 1
    if sys.byteorder == "big":
        samples.byteswap()
    header = {"sr": sr, "n_samples": len(samples), "phonemes": phonemes}
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + samples.tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(_main())
