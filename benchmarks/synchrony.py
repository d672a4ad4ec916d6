"""How much later than the image the sound of each data set stands, and how well that can be told.

    python benchmarks/synchrony.py [RESULTS]

Reads the landmarks and the sound of a workflow's results (`snakemake prepare`). For every data set: the delay of all
its clips together and of each actor; how far single clips stand from it once they are moved by each of MOVES_MS; and
how many clips that were given the sound of another clip (of the data set, OTHERS each) do not follow the rest.
The data set's delay counts as the truth of its clips: no file tells a better one.
"""

import argparse
from pathlib import Path

import numpy as np

from speechface.audio import synchrony
from speechface.clip_tables import ClipTables
from speechface.geometry.ibug import interocular, lip_gap
from speechface.sound_tables import read_sound

MOVES_MS, OTHERS = (-200, -80, 0, 80, 200), 5


def read_clips(results):
    """Data set -> {clip id: (gap, times, audio, sr)} of clips with a face and sound."""
    points, sounds = (ClipTables(sorted((results / stage).glob("*/*.parquet"))) for stage in ("landmarks", "audio"))
    found = {}
    for clip_id in sorted(points):
        table = points.read(clip_id)
        if not table.usable or clip_id not in sounds or not sounds.clip_meta(clip_id)["n_samples"]:
            continue
        face, seen = table["landmarks"].astype(float), table["detected"]
        gap = np.where(seen, lip_gap(face) / np.median(interocular(face[seen])), np.nan)
        found.setdefault(clip_id.split("/")[0], {})[clip_id] = (gap, table["time"], *read_sound(sounds, clip_id))
    return found


def moved(audio, ms, sr):
    """The sound later by `ms`, as long as before, silence where none is known."""
    silence = np.zeros(round(abs(ms) / 1000 * sr), np.float32)
    return (
        np.concatenate([silence, audio])[: len(audio)] if ms > 0 else np.concatenate([audio[len(silence) :], silence])
    )


def summary(clips, rng):
    """Figures of one data set, as text."""
    ids = list(clips)
    curves = {
        (clip_id, move): synchrony.agreement(gap, times, moved(audio, move, sr), sr=sr)
        for clip_id, (gap, times, audio, sr) in clips.items()
        for move in MOVES_MS
    }
    pool = {move: synchrony.synchrony(synchrony.pooled([curves[k, move] for k in ids])).delay_ms for move in MOVES_MS}
    away = np.array([synchrony.synchrony(curves[k, move]).delay_ms - move - pool[0] for k in ids for move in MOVES_MS])
    away = away[np.isfinite(away)]
    back = max(abs(pool[move] - move - pool[0]) for move in MOVES_MS)
    near, far = np.mean(np.abs(away) <= 20), np.mean(np.abs(away) <= 40)
    lines = [
        f"  delay {pool[0]:.0f} ms; moved as one, back within {back:.0f} ms",
        f"  single clips moved: {near:.0%} within 20 ms, {far:.0%} within 40 ms",
    ]
    if len(ids) > OTHERS:
        own = [synchrony.follows(curves[k, 0], pool[0]) for k in ids]
        other = []
        for clip_id in ids:
            gap, times, _, _ = clips[clip_id]
            for k in rng.choice([k for k in ids if k != clip_id], OTHERS, replace=False):
                _, _, audio, sr = clips[k]
                other.append(synchrony.follows(synchrony.agreement(gap, times, audio, sr=sr), pool[0]))
        lost, found = (np.mean(np.array(side) < synchrony.AGREES) for side in (own, other))
        lines.append(
            f"  another clip's sound found: {found:.0%} of {len(other)}; own sound blamed: {lost:.0%} of {len(own)}"
        )
    for actor in sorted({k.split("/")[1] for k in ids}):
        mine = [curves[k, 0] for k in ids if k.split("/")[1] == actor]
        answer = synchrony.synchrony(synchrony.pooled(mine))
        lines.append(f"  {actor:14} {len(mine):4} clips  {answer.delay_ms:5.0f} ms, sigma {answer.sigma_ms:.0f}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="?", default="results", type=Path)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    for dataset, clips in read_clips(args.results).items():
        print(f"{dataset}: {len(clips)} clips\n{summary(clips, rng)}", flush=True)


if __name__ == "__main__":
    main()
