"""Compare our run of the Face Landmarker with the package mediapipe, frame by frame.

The package brings an OpenCV that displaces ours, so that it runs in an interpreter of its own (`--python`), which needs
nothing but `pip install mediapipe`. Prints the distances of the points in pixels (mean, 95th percentile, worst; depth
apart) and the largest difference of the 52 scores:

- image: every frame alone, from the face detector's box;
- video: followed from frame to frame. The package smooths what it shows (one-euro filter, not what it follows), and so
  do we, for the comparison only;
- scores of the same points.

    python benchmarks/mediapipe_agreement.py --python OTHER/bin/python --model face_landmarker.task CLIP...
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

MODES = ("image", "video")


def oracle(model, frames, out, fps):
    """Run the package (in its own interpreter) over a file of frames; writes points and scores of both modes."""
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    images, found = np.load(frames, mmap_mode="r"), {}
    for mode in MODES:
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=model), running_mode=vision.RunningMode[mode.upper()],
            output_face_blendshapes=True,
        )  # fmt: skip
        points, scores = np.full((len(images), 478, 3), np.nan), np.full((len(images), 52), np.nan)
        start = time.process_time()
        with vision.FaceLandmarker.create_from_options(options) as landmarker:
            for k, pixels in enumerate(images):
                height, width = pixels.shape[:2]
                image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(pixels))
                args = (image,) if mode == "image" else (image, round(1000 * k / fps))
                result = (landmarker.detect if mode == "image" else landmarker.detect_for_video)(*args)
                if result.face_landmarks:
                    points[k] = [(p.x * width, p.y * height, p.z * width) for p in result.face_landmarks[0]]
                    scores[k] = [score.score for score in result.face_blendshapes[0]]
        found |= {
            mode: points,
            mode + "_scores": scores,
            mode + "_ms": 1e3 * (time.process_time() - start) / len(images),
        }
    np.savez(out, **found)


def ours(landmarker, frames):
    """Points (n, 478, 3) of both modes, NaN without a face, and ms a frame."""
    from speechface.landmarks.mesh.landmarker import Roi
    from speechface.media import ArrayImage

    found = {}
    for mode in MODES:
        rows, before, start = np.full((len(frames), 478, 3), np.nan), None, time.process_time()
        for k, pixels in enumerate(frames):
            if before is None:
                faces = landmarker.faces(pixels)
                if not len(faces):
                    continue
                roi = Roi.of_box(faces.boxes[0], faces.points[0, :2])
            else:
                roi = Roi.of_points(before)
            points, score = landmarker.points(ArrayImage(pixels), roi)
            before = points if mode == "video" and score >= 0 else None
            if score >= 0:
                rows[k] = points
        found |= {mode: rows, mode + "_ms": 1e3 * (time.process_time() - start) / len(frames)}
    return found


def one_euro(points, fps, *, min_cutoff=0.05, beta=80.0, derivative_cutoff=1.0):
    """The filter of LandmarksSmoothingCalculator over points (n, 478, 3), whose time stamps are whole milliseconds."""

    def share(cutoff, step):
        return 1 / (1 + 1 / (2 * np.pi * cutoff * step))

    out, velocity, time_before = np.empty_like(points), 0.0, 0.0
    for k, found in enumerate(points):
        now = round(1000 * k / fps) / 1000
        if k == 0 or np.isnan(out[k - 1]).any():
            out[k], velocity, time_before = found, np.zeros_like(found), now
            continue
        step = now - time_before if time_before else 1 / 30
        size = np.ptp(found[:, :2], axis=0).mean()
        velocity = velocity + share(derivative_cutoff, step) * ((found - points[k - 1]) / (size * step) - velocity)
        out[k] = out[k - 1] + share(min_cutoff + beta * np.abs(velocity), step) * (found - out[k - 1])
        time_before = now
    return out


def line(values):
    """Mean, 95th percentile and worst."""
    values = values[np.isfinite(values)]
    return f"mean {values.mean():.3f}  95 % {np.percentile(values, 95):.3f}  worst {values.max():.3f}"


def main():
    """Compare clip by clip, then all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="interpreter that has the package mediapipe")
    parser.add_argument("--model", required=True, help="face_landmarker.task")
    parser.add_argument("--frames", type=int, default=60, help="frames of each clip")
    parser.add_argument("clips", nargs="+")
    args = parser.parse_args()
    from speechface import media
    from speechface.landmarks.mesh.landmarker import FaceLandmarker

    landmarker, all_misses = FaceLandmarker(args.model), {}
    for clip in args.clips:
        fps = float(media.probe_video(clip).fps)
        with tempfile.TemporaryDirectory() as folder:
            frames, result = Path(folder) / "frames.npy", Path(folder) / "oracle.npz"
            images = np.stack(list(itertools.islice(media.decode_rgb(clip), args.frames)))
            np.save(frames, images)
            call = [args.python, __file__, "--oracle", args.model, str(frames), str(result), str(fps)]
            subprocess.run(call, check=True, stderr=subprocess.DEVNULL)
            theirs = dict(np.load(result))
        mine = ours(landmarker, images)
        mine["video"] = one_euro(mine["video"], fps)
        for mode in MODES:
            found = np.isfinite(theirs[mode]).all((1, 2))
            if not np.array_equal(found, np.isfinite(mine[mode]).all((1, 2))):
                print(
                    f"{clip} {mode}: a face in {found.sum()} frames, ours in {np.isfinite(mine[mode][:, 0, 0]).sum()}"
                )
            misses = np.linalg.norm((mine[mode] - theirs[mode])[..., :2], axis=-1)
            depth = np.abs((mine[mode] - theirs[mode])[..., 2])
            both = np.isfinite(mine[mode]).all((1, 2)) & found
            scores = np.array([landmarker.expression(p) for p in mine[mode][both]]) - theirs[mode + "_scores"][both]
            same = np.array([landmarker.expression(p) for p in theirs[mode][both]]) - theirs[mode + "_scores"][both]
            for name, values in (("points, px", misses), ("depth, px", depth), ("scores", abs(scores)),
                                 ("scores of the same points", abs(same))):  # fmt: skip
                all_misses.setdefault((mode, name), []).append(values.ravel())
            print(f"{clip} {mode}: {line(misses)} px; scores {abs(scores).max():.4f}; "
                  f"{theirs[mode + '_ms']:.1f} ms a frame, ours {mine[mode + '_ms']:.1f}")  # fmt: skip
    for (mode, name), values in all_misses.items():
        print(f"all, {mode}, {name}: {line(np.concatenate(values))}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--oracle"]:
        oracle(*sys.argv[2:5], float(sys.argv[5]))
    else:
        main()
