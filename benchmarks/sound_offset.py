"""How much later than the image the sound of each dataset stands, by lips and loudness.

    python benchmarks/sound_offset.py [RESULTS]

Reads the landmarks and the sound of a workflow's results (`snakemake prepare`). For every clip, the offset at which the
gap between the inner lips goes best with the loudness (correlation, -250 to 250 ms). Lips open a little before
they are heard and single clips scatter by 50 ms: compare the medians of datasets, by tens of clips. What one set has
more than sets known to be in step belongs into its ``audio_delay_ms``.
"""

import argparse
from pathlib import Path

import numpy as np

from speechface.clip_tables import ClipTables
from speechface.geometry.ibug import interocular, lip_gap
from speechface.sound_tables import read_sound

OFFSETS = np.arange(-0.25, 0.2501, 0.005)
#: Loudness is measured in windows of this length, and at most this far below the loudest, dB.
WINDOW_S, RANGE_DB = 0.02, 45.0


def correlations(landmarks: np.ndarray, times: np.ndarray, audio: np.ndarray, *, sr: int) -> np.ndarray:
    """Correlation of lip gap and loudness for each of `OFFSETS`; landmarks (T, 68, 2), times (T,) s -> (n,)."""
    gap = lip_gap(landmarks) / interocular(landmarks)
    width = int(WINDOW_S * sr)
    power = np.convolve(np.square(audio, dtype=np.float64), np.ones(width) / width, "same")
    level = 10 * np.log10(power + 1e-12)
    level = np.maximum(level, level.max() - RANGE_DB)
    at = np.clip(np.round((times[None] + OFFSETS[:, None]) * sr).astype(int), 0, len(level) - 1)
    return np.array([np.corrcoef(gap, level[rows])[0, 1] for rows in at])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="?", default="results", type=Path)
    args = parser.parse_args()
    found: dict[str, list[np.ndarray]] = {}
    landmarks, sounds = (
        ClipTables(sorted((args.results / name).glob("*/*.parquet"))) for name in ("landmarks", "audio")
    )
    for clip_id in landmarks:
        table = landmarks.read(clip_id, ["time", "detected", "landmarks"])
        if not table.usable or not table["detected"].all() or sounds.entry(clip_id)["status"] != "ok":
            continue
        audio, sr = read_sound(sounds, clip_id)
        if len(audio):
            curve = correlations(table["landmarks"], table["time"], audio, sr=sr)
            found.setdefault(clip_id.split("/")[0], []).append(curve)
    print(f"{'dataset':16} {'clips':>5} {'median':>7} {'quartiles':>11}  {'of the mean curve':>17}")
    for dataset, listed in found.items():
        curves = np.array(listed)
        each, mean = 1e3 * OFFSETS[curves.argmax(1)], curves.mean(0)
        low, middle, high = np.percentile(each, [25, 50, 75])
        best = f"{1e3 * OFFSETS[mean.argmax()]:6.0f} ms (r {mean.max():.2f})"
        print(f"{dataset:16} {len(each):5} {middle:4.0f} ms {low:5.0f} {high:5.0f}  {best}")


if __name__ == "__main__":
    main()
