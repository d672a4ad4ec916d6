"""How much later than the image the sound of each dataset stands, by lips and loudness.

    python benchmarks/sound_offset.py [RESULTS]

Reads the landmarks and the sound of a workflow's results (`snakemake prepare`). For every clip, the offset at which the
gap between the inner lips goes best with the loudness (correlation, -250 to 250 ms). Lips open a little before
they are heard and single clips scatter by 50 ms: compare the medians of datasets, by tens of clips. What one set has
more than sets known to be in step belongs into its ``sound_late_ms``.
"""

import argparse
from pathlib import Path

import numpy as np

from speechface.audio.sound import read_sound
from speechface.tables import read_table

OFFSETS = np.arange(-0.25, 0.2501, 0.005)
#: Inner lips, upper and lower, of three columns; outer corners of the eyes.
UPPER, LOWER, EYES = [61, 62, 63], [67, 66, 65], (36, 45)
#: Loudness is measured in windows of this length, and at most this far below the loudest, dB.
WINDOW_S, RANGE_DB = 0.02, 45.0


def correlations(landmarks, times, audio, *, sr):
    """Correlation of lip gap and loudness for each of `OFFSETS`; landmarks (T, 68, 2), times (T,) s -> (n,)."""
    gap = np.linalg.norm(landmarks[:, UPPER] - landmarks[:, LOWER], axis=-1).mean(1)
    gap /= np.linalg.norm(landmarks[:, EYES[0]] - landmarks[:, EYES[1]], axis=-1)
    width = int(WINDOW_S * sr)
    power = np.convolve(np.square(audio, dtype=np.float64), np.ones(width) / width, "same")
    level = 10 * np.log10(power + 1e-12)
    level = np.maximum(level, level.max() - RANGE_DB)
    at = np.clip(np.round((times[None] + OFFSETS[:, None]) * sr).astype(int), 0, len(level) - 1)
    return np.array([np.corrcoef(gap, level[rows])[0, 1] for rows in at])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="?", default="results", type=Path)
    args = parser.parse_args()
    found = {}
    for path in sorted((args.results / "landmarks").glob("*/*/*.parquet")):
        clip = path.relative_to(args.results / "landmarks").with_suffix("")
        table = read_table(path)
        sounds = [
            file for file in (args.results / "audio" / clip.parent).glob(f"{clip.name}.*") if file.suffix != ".parquet"
        ]
        if not table.usable or not table["detected"].all() or not sounds:
            continue
        audio, sr = read_sound(sounds[0])
        if len(audio):
            found.setdefault(clip.parts[0], []).append(correlations(table["landmarks"], table["time"], audio, sr=sr))
    print(f"{'dataset':16} {'clips':>5} {'median':>7} {'quartiles':>11}  {'of the mean curve':>17}")
    for dataset, curves in found.items():
        curves = np.array(curves)
        each, mean = 1e3 * OFFSETS[curves.argmax(1)], curves.mean(0)
        low, middle, high = np.percentile(each, [25, 50, 75])
        best = f"{1e3 * OFFSETS[mean.argmax()]:6.0f} ms (r {mean.max():.2f})"
        print(f"{dataset:16} {len(each):5} {middle:4.0f} ms {low:5.0f} {high:5.0f}  {best}")


if __name__ == "__main__":
    main()
