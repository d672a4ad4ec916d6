"""Label fitter against exact truth: synthetic actors on any rig, landmarks with noise, no images.

Each actor has a random identity, moves weights and head smoothly and blinks; the jaw landmarks are the silhouette, slid
along it at random. Prints errors on the template rig (mm), head rotation (degrees), processor time,
and r and slope by channel.

    python benchmarks/label_truth.py --rig results/rig/rig.npz
"""

import argparse
import time

import numpy as np
from scipy.ndimage import gaussian_filter1d

from speechface.commands.fit_identity import fit_settings
from speechface.config import defaults
from speechface.fitting.clip import Clip, State
from speechface.fitting.face import Face
from speechface.fitting.gauss_newton import _Problem
from speechface.fitting.identity import fit_identity
from speechface.fitting.labels import fit_labels
from speechface.fitting.quality import compare_with_truth
from speechface.geometry import ibug
from speechface.geometry.rotation import matrix_from_euler
from speechface.landmarks.detectors.dlib import PROFILE
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import GAZE, limit_mouth_close, mirrored
from speechface.rig.rig import Rig
from speechface.synthesis.visemes import INDEX

FPS, FOCAL_PX, DISTANCE_MM = 30.0, 1500.0, 900.0
#: Height of a channel's peaks; others 0.25.
PEAKS = {"jawForward": 0.1, "jawLeft": 0.06, "jawRight": 0.06, "mouthLeft": 0.06, "mouthRight": 0.06,
         "mouthClose": 0.05, "cheekPuff": 0.08, "noseSneer": 0.15}  # fmt: skip
OPPOSITES = (("mouthSmile", "mouthFrown"), ("browDown", "browOuterUp"), ("eyeSquint", "eyeWide"))


def smooth(rng, frames, width):
    """Smooth noise (T,) of unit variance."""
    noise = gaussian_filter1d(rng.normal(size=frames + 8 * int(width)), width)[4 * int(width) :][:frames]
    return noise / noise.std()


def motion(rng, frames):
    """Weights (T, 52): sparse smooth bumps, both sides nearly alike, no opposites at once, blinks; a pause first."""
    weights = np.zeros((frames, len(CHANNELS)))
    for k, (name, twin) in enumerate(zip(CHANNELS, mirrored(CHANNELS))):
        if name not in GAZE and twin >= k:
            width = 3 if name.startswith(("mouth", "jaw")) else 6
            weights[:, k] = np.maximum(smooth(rng, frames, width) - 0.6, 0) * PEAKS.get(name, 0.25)
            if twin > k and name not in ("jawLeft", "mouthLeft"):
                weights[:, twin] = weights[:, k] * (1 + 0.2 * rng.normal())
    for first, second in OPPOSITES:
        for side in ("Left", "Right"):
            a, b = INDEX[first + side], INDEX[second + side]
            stronger = weights[:, a] > weights[:, b]
            weights[stronger, b] *= 0.2
            weights[~stronger, a] *= 0.2
    times = rng.choice(np.arange(10, frames - 10), max(1, frames // 80), replace=False)
    blink = np.exp(-0.5 * ((np.arange(frames)[:, None] - times) / 1.6) ** 2).max(1)
    for side in ("Left", "Right"):
        weights[:, INDEX["eyeBlink" + side]] = blink
        weights[:, INDEX["eyeWide" + side]] *= 1 - blink
        weights[:, INDEX["eyeSquint" + side]] *= 1 - blink
    weights *= np.clip((np.arange(frames) - 6) / 6, 0, 1)[:, None]
    return np.clip(limit_mouth_close(weights), 0, 1)


def actor_clip(rng, face, frames, noise_px):
    """Weights, rotations and noisy landmarks of one clip of a face."""
    weights = motion(rng, frames)
    angles = np.stack([smooth(rng, frames, 15) * spread for spread in (4, 7, 3)], 1)
    rotation = matrix_from_euler(np.radians(angles))
    translation = np.array([5.0, 10.0, -DISTANCE_MM]) + 5 * np.stack([smooth(rng, frames, 10) for _ in range(3)], 1)
    state = State(rotation, translation, face.variables(weights), np.zeros(face.identity.shape[-1]))
    middle = np.full((frames, ibug.N_JAW), face.jaw_neutral.shape[1] // 2)
    settings = fit_settings(defaults("labels"))
    image = _problem(face, np.zeros((frames, ibug.N_POINTS, 2)), settings).project(state, middle)
    problem = _problem(face, image, settings)
    image = problem.project(state, problem.jaw_vertices(state))
    tangent = np.gradient(image[:, ibug.JAW], axis=1)
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True)
    image[:, ibug.JAW] += 3.0 * noise_px * rng.normal(size=(frames, ibug.N_JAW, 1)) * tangent
    return weights, rotation, image + noise_px * rng.normal(size=image.shape)


def _problem(face, observed, settings):
    return _Problem(face, Clip.of(observed, focal=FOCAL_PX, chain=True), settings, False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rig", required=True)
    parser.add_argument("--actors", type=int, default=6)
    parser.add_argument("--clips", type=int, default=2)
    parser.add_argument("--frames", type=int, default=120, help="of a clip")
    parser.add_argument("--noise", type=float, default=1.0, help="pixels; 1 px is 0.6 mm")
    parser.add_argument("--detector-errors", type=float, default=0.0, help="as in the configuration; exact points: 0")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    rig = Rig.load(args.rig)
    config = defaults("labels")
    face = Face.of_rig(rig, PROFILE, errors=args.detector_errors)
    shapes = rig.shapes[:, rig.landmarks].astype(float)
    settings = fit_settings(config)
    errors, still, found, truth, spent = [], [], [], [], 0.0
    for _ in range(args.actors):
        modes = rng.normal(size=face.n_modes)
        person = face.of_actor(np.concatenate([modes, np.zeros(face.identity.shape[-1] - face.n_modes)]))
        clips = [actor_clip(rng, person, args.frames, args.noise) for _ in range(args.clips)]
        observed = [clip[2] for clip in clips]
        many = len(clips)
        identity = fit_identity(face, observed, settings, focal=[FOCAL_PX] * many, fps=[FPS] * many,
                                count=config.identity_frames)  # fmt: skip
        actor = face.of_actor(identity.coefficients)
        for weights, rotation, image in clips:
            start = time.process_time()
            labels = fit_labels(actor, identity.eyes, image, np.ones(args.frames, bool), settings,
                                focal=FOCAL_PX, fps=FPS)  # fmt: skip
            spent += time.process_time() - start
            errors.append(compare_with_truth(labels.weights, weights, labels.rotation, rotation, shapes)[1])
            still.append(compare_with_truth(np.zeros_like(weights), weights, rotation, rotation, shapes)[1])
            found.append(labels.weights)
            truth.append(weights)
    for key in errors[0]:
        print(
            f"{key:22s} {np.mean([e[key] for e in errors]):6.3f}   neutral face {np.mean([e[key] for e in still]):6.3f}"
        )
    print(f"{'ms a frame':22s} {1e3 * spent / sum(map(len, found)):6.2f}")
    found, truth = np.concatenate(found), np.concatenate(truth)
    print(f"{'mean |weight error|':22s} {np.abs(found - truth).mean():6.4f}   neutral face {truth.mean():6.4f}")
    for k in np.argsort(-truth.std(0)):
        if truth[:, k].std() > 1e-3:
            r = np.corrcoef(found[:, k], truth[:, k])[0, 1] if found[:, k].std() else np.nan
            slope = np.polyfit(truth[:, k], found[:, k], 1)[0]
            print(f"  {CHANNELS[k]:20s} r {r:5.2f}  slope {slope:5.2f}")


if __name__ == "__main__":
    main()
