"""A speaker's neutral face: what stays of a face that is at rest differs from speaker to speaker.

Networks with ``speaker: given`` or ``estimated`` learn how a face departs from its speaker's neutral weights. What
they predict is the motion of the train speakers' mean face; where a new speaker's neutral is known, its difference to
that mean is added.
"""

import numpy as np

__all__ = ["neutral_of_clip", "neutral_of_speaker", "train_neutrals"]


def neutral_of_clip(weights, *, frames):
    """Return the mean weights of a clip's first `frames` rows: (n, 46) -> (46,), float32.

    Recordings start before the speech does, so the first frames show the face at rest.
    """
    return weights[:frames].mean(0, dtype=np.float64).astype(np.float32)


def neutral_of_speaker(clips, *, frames):
    """Return the median over clips of their neutral weights: list of (n, 46) -> (46,), float32."""
    return np.median([neutral_of_clip(weights, frames=frames) for weights in clips], 0).astype(np.float32)


def train_neutrals(weights, clip, clips, *, frames):
    """Return the neutral weights of the speakers of a train table.

    Parameters
    ----------
    weights : ndarray (n, 46), used frames, those of a clip together and in order
    clip : ndarray (n,), int, index into `clips`
    clips : list of (dataset, actor, clip)
    frames : int, frames at the start of a clip that count as neutral

    Returns
    -------
    mean : ndarray (46,), float32
        Over speakers, each counting once: what is taken for a speaker of whom nothing is known.
    offsets : ndarray (n, 46), float32
        Neutral of each row's speaker minus `mean`.
    """
    parts = [weights[clip == k] for k in range(len(clips))]
    speakers = sorted({key[:2] for key in clips})
    neutral = {
        speaker: neutral_of_speaker(
            [part for key, part in zip(clips, parts) if key[:2] == speaker and len(part)], frames=frames
        )
        for speaker in speakers
    }
    mean = np.mean([neutral[speaker] for speaker in speakers], 0, dtype=np.float64).astype(np.float32)
    by_clip = np.stack([neutral[key[:2]] - mean for key in clips])
    return mean, by_clip[clip]
