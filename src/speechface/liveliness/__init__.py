"""Blinks, gaze and small motion of head and brows, for a face whose model gives none.

A network that hears speech learns mouths. What a face does besides has little to do with the sound, so that a mean over
all that it might do is left: lids that do not shut, eyes that stare, a head as if in a vice. `Life` adds this motion,
drawn by a seed and, where people do so, in step with speech: blinks come at pauses, nods at stressed syllables.

Every frame depends on the frames up to it and on the frame's number alone: block by block in a stream comes out what a
whole recording gives.
"""

from speechface.liveliness.life import Life, blended
from speechface.liveliness.presets import PRESETS, life_settings
from speechface.liveliness.settings import LifeSettings

__all__ = ["PRESETS", "Life", "LifeSettings", "blended", "life_settings"]
