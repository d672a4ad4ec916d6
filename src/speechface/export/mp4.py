"""Videos of the rig that speaks, with the sound: mp4, and WebM without a background."""

import sys
from pathlib import Path

from speechface.export.animation import Animation

__all__ = ["MP4", "WEBM"]


class _Video:
    def __init__(self, suffix: str, text: str, *, transparent: bool) -> None:
        self.SUFFIX, self.DESCRIPTION, self._transparent = suffix, text, transparent

    def write(self, animation: Animation, folder: Path) -> Path:
        """Write ``<name>.mp4`` or ``.webm`` into `folder` and return its path; a progress bar shows on a terminal."""
        from speechface.render.talking_head import render_animation

        path = folder / f"{animation.name}{self.SUFFIX}"
        sound = animation.sound
        render_animation(
            path,
            animation.rig,
            animation.weights,
            animation.rotations,
            fps=animation.fps,
            audio=None if sound is None else sound.samples,
            sr=0 if sound is None else sound.sr,
            size=animation.image_size,
            progress=sys.stderr.isatty(),
            transparent=self._transparent,
        )
        return path


MP4 = _Video(".mp4", "video of the head, with the sound", transparent=False)
WEBM = _Video(".webm", "a video without a background (VP9 with alpha), for editors and web pages", transparent=True)
