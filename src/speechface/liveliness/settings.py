"""How lively a face is."""

from pydantic import Field

from speechface.settings import Settings

__all__ = ["LifeSettings"]


class LifeSettings(Settings):
    """What is added to the curves of a model, and how strong the regions of the face move."""

    mouth: float = Field(1.0, ge=0, le=3)
    """Factor of all motion of mouth, jaw, cheeks and nose."""
    brows: float = Field(1.0, ge=0, le=3)
    """Factor of all motion of the brows."""
    eyes: float = Field(1.0, ge=0, le=3)
    """Factor of all motion of eyes and lids."""
    head: float = Field(1.0, ge=0, le=3)
    """Factor of all motion of the head."""
    smoothing_ms: float = Field(0.0, ge=0, le=500)
    """Time constant with which the model's curves are smoothed, ms; they come later by as much."""
    blend_in_s: float = Field(0.25, ge=0)
    """Time over which the face leaves rest at the start of a recording, s; not in a stream."""
    blend_out_s: float = Field(0.25, ge=0)
    """Time over which the face comes to rest at the end of a recording, s; not in a stream."""

    blink_depth: float = Field(0.92, ge=0, le=1)
    """How far lids shut in a blink, weight; 0, no blinks."""
    blink_every_s: float = Field(4.4, ge=0.5)
    """Median time from blink to blink while somebody speaks, s."""
    blink_spread: float = Field(0.35, ge=0, le=1)
    """Standard deviation of that time's natural logarithm: intervals are log-normal."""
    blink_at_pauses: float = Field(3.0, ge=1)
    """How many times more likely a blink is in the first half second of a pause."""
    blink_close_ms: float = Field(90.0, ge=20)
    """Time in which lids shut, ms."""
    blink_hold_ms: float = Field(25.0, ge=0)
    """Time for which they are shut, ms."""
    blink_open_ms: float = Field(155.0, ge=20)
    """Time in which they open, ms."""

    gaze_degrees: float = Field(6.0, ge=0, le=20)
    """How far from the viewer's eyes a glance goes at most, degrees; 0, no gaze."""
    gaze_at_viewer: float = Field(0.65, ge=0, le=1)
    """Probability of the next glance to go to the viewer."""
    gaze_fixation_s: float = Field(0.9, ge=0.3, le=3)
    """Median time for which the eyes stay, s."""
    eye_degrees: float = Field(26.0, gt=0)
    """How far an eye turns at weight 1 of a gaze channel, degrees, on the rig."""
    lids_follow: float = Field(0.3, ge=0, le=1)
    """How far lids fall (rise) beside a look down (up) of weight 1, weight of eyeBlink (eyeWide)."""

    drift_degrees: float = Field(0.9, ge=0, le=5)
    """Standard deviation of the head's slow motion, degrees about its main axis (up and down); 0, none."""
    nod_degrees: float = Field(1.3, ge=0, le=5)
    """Depth of a nod on a stressed syllable, degrees; 0, none."""
    nod_every_s: float = Field(1.6, ge=0.5)
    """Shortest time from nod to nod, s."""
    head_limit_degrees: float = Field(3.0, gt=0, le=15)
    """What the added motion of the head never exceeds about any axis, degrees."""

    brow_raise: float = Field(0.15, ge=0, le=1)
    """How far brows rise on stressed syllables, weight; 0, they stay."""
