"""Sounds that the audio tests share: seeded, mono, float32, full scale 1."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from speechface.clip_updates import update_clip_tables
from speechface.errors import ClipError
from speechface.sound_tables import sound_rows

__all__ = ["clicks", "noise", "rumble", "silence", "speech_like", "write_sound_table"]


def write_sound_table(
    path: Path, sounds: Mapping[str, np.ndarray | str], *, sr: int, fps: float, n_frames: int
) -> None:
    """Write a table as extract-audio does; `sounds`: clip id -> sound, or the reason why there is none."""

    def make(clip_id):
        sound = sounds[clip_id]
        if isinstance(sound, str):
            raise ClipError(sound)
        return sound_rows(clip_id, sound, sr, np.arange(n_frames) / fps, fps=fps, frame_rate=str(fps))

    # no facts of an earlier table are ever the same
    facts = lambda clip_id, known: {"n": known.get("n", 0) + 1}  # noqa: E731
    update_clip_tables({"audio": path}, list(sounds), make, stage="audio", settings={"sr": sr}, facts=facts)


def noise(n, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def speech_like(n, sr=44100, seed=0):
    """Harmonics of a gliding voice under a syllable rhythm with pauses, on a faint hiss."""
    time = np.arange(n) / sr
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / sr
    voice = sum(np.sin(k * phase) / k for k in range(1, 30))
    rhythm = np.maximum(0, np.sin(2 * np.pi * 3 * time)) ** 2 * (np.sin(2 * np.pi * 0.5 * time) > -0.5)
    return (0.2 * voice * rhythm).astype(np.float32) + 1e-4 * noise(n, seed)


def rumble(n, sr=44100):
    """A strong low hum over a hiss 70 dB below it: what a quiet room sounds like to a microphone."""
    return (0.5 * np.sin(2 * np.pi * 47 * np.arange(n) / sr)).astype(np.float32) + np.float32(1e-3) * noise(n)


def silence(n):
    return np.zeros(n, np.float32)


def clicks(n, every=5000):
    audio = silence(n)
    audio[::every] = 0.9
    return audio
