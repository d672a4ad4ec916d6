"""Measure how a landmark detector errs on drawn heads: the noise of each point, and the largest common motions.

Draws people of the rigs in random expressions, of speech, emotion and of single channels, turned a little; runs the
detector; and takes as an error what is left of its points' misses, mm on the face, when a rigid motion of the head in
that image and the person's own mean are taken out: the fit finds both. Left and right are pooled. Vertical errors of
the gap of the inner lips are no common error: the fit shall follow the gap. What is left is split into a few common
modes and independent noise (factor analysis).

Writes ``noise_mm`` (p,) and ``modes_mm`` (m, p, 2) of the points that the detector's profile names as `fitted`.

    python benchmarks/calibrate_noise.py --detector mediapipe --settings '{"model": "FILE"}' --rig builtin \
        --rig ict=resources/ict_facekit.tar.xz --out JSON
"""

import argparse
import json
from pathlib import Path

import numpy as np
from calibrate_errors import factors
from calibrate_points import CAMERA, DISTANCE, FOCAL, HEIGHT, WIDTH, people

from speechface.config import parse_section
from speechface.fitting.priors import articulation_moments
from speechface.geometry.rotation import matrix_from_euler
from speechface.landmarks.detectors import DETECTORS
from speechface.media import ArrayImage
from speechface.metrics.correlation import correlation
from speechface.render.pose import pose
from speechface.render.renderer import Renderer
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import limit_mouth_close, mirrored
from speechface.rig.registry import build_rig
from speechface.synthesis.visemes import INDEX

#: Spread of the head's pitch, yaw and roll, degrees.
ANGLES = (5, 9, 3)
#: Misses beyond this, mm, are of a face found wrongly.
LARGEST_MM = 15.0


def expression(rng):
    """Random weights (52,): as speech and emotions go together, or a few channels of all."""
    if rng.random() < 0.6:
        weights = rng.multivariate_normal(np.zeros(len(CHANNELS)), articulation_moments(CHANNELS), check_valid="ignore")
    else:
        weights = rng.exponential(0.4, len(CHANNELS)) * (rng.random(len(CHANNELS)) < 0.15)
        weights = np.where(rng.random(len(CHANNELS)) < 0.7, np.maximum(weights, weights[mirrored(CHANNELS)]), weights)
    for name, k in INDEX.items():
        if name.startswith("eyeLook"):
            weights[k] *= 0.3
    return limit_mouth_close(np.clip(weights, 0, 1), CHANNELS).astype(np.float32)


def without_head(error, at):
    """Errors (p, 2), mm, without the rigid motion and scale of points `at` (p, 3) that fits them best."""
    x, y, z = (at - at.mean(0)).T
    zero, one = np.zeros_like(x), np.ones_like(x)
    columns = [(zero, -z), (z, zero), (-y, x), (x, y), (one, zero), (zero, one)]
    basis = np.linalg.qr(np.stack([np.stack(c, -1).ravel() for c in columns], -1))[0]
    flat = error.ravel()
    return (flat - basis @ (basis.T @ flat)).reshape(-1, 2)


def errors_of(renderer, tracker, profile, rig, places, cast, n_images, rng):
    """Errors (n, p, 2) of the fitted points, mm, x right, y up, person by person, and (gap, opening) true and found."""
    rows, gaps = [], []
    for person, identity in cast:
        mine = []
        for _ in range(n_images):
            weights = expression(rng)
            rotation = matrix_from_euler(np.deg2rad(rng.normal(0, ANGLES)))
            vertices, offset = pose(person, weights, identity, rotation, (0, 15, -DISTANCE))
            image = renderer.draw(vertices, person, camera=CAMERA, normal_offset=offset)
            tracks = tracker.track([ArrayImage(image)])
            if not tracks.detected[0]:
                continue
            true, found = CAMERA.project(places.of(vertices)), tracks.landmarks[0].astype(float)
            error = ((found - true) * [1, -1] * DISTANCE / FOCAL)[profile.fitted]
            if np.abs(error).max() > LARGEST_MM:
                continue
            at = places.of(person.mesh(weights, identity))[profile.fitted]
            back = np.linalg.inv(rotation[:2, :2])
            mine.append(without_head(error @ back.T, at))
            size = [profile.interocular(true), profile.interocular(found)]
            gaps.append([profile.lip_gap(true) / size[0], profile.lip_gap(found) / size[1]])
        mine = np.array(mine)
        rows.append(mine - mine.mean(0))
    return np.concatenate(rows), np.array(gaps)


def mirror_of(profile, at):
    """The fitted point that each becomes in a mirror: the nearest one to its mirrored place `at` (p, 3)."""
    return np.linalg.norm(at[:, None] * [-1, 1, 1] - at, axis=-1).argmin(1)


def without_gaps(covariance, profile):
    """Covariance (2p, 2p) of errors that leave the vertical gaps of the inner lips alone."""
    rows = np.zeros((len(profile.lip_pairs), profile.n_points, 2))
    for k, (upper, lower) in enumerate(profile.lip_pairs):
        rows[k, upper, 1], rows[k, lower, 1] = 1, -1
    rows = rows.reshape(len(rows), -1)
    keep = np.eye(rows.shape[1]) - np.linalg.pinv(rows) @ rows
    return keep @ covariance @ keep


def main():
    """Draw, detect, split the errors, report and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rig", action="append", required=True, metavar="KIND[=SOURCE]")
    parser.add_argument("--detector", required=True, choices=tuple(DETECTORS))
    parser.add_argument("--settings", default="{}", help="JSON, other keys of section landmarks")
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--images", type=int, default=30, help="images of each person")
    parser.add_argument("--modes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", metavar="NPZ", help="keep the errors, or read them where the file is there")
    parser.add_argument("--out", help="JSON file to write")
    args = parser.parse_args()
    detector = DETECTORS[args.detector]
    settings = parse_section("landmarks", json.loads(args.settings) | {"detector": args.detector})
    profile, fitted = detector.profile, detector.profile.of_fitted()
    if args.keep and Path(args.keep).exists():
        stored = np.load(args.keep)
        together, at, origin = stored["errors"], stored["at"], str(stored["origin"])
    else:
        tracker, rng, everything, counts = detector.open(settings), np.random.default_rng(args.seed), [], []
        with Renderer(WIDTH, HEIGHT) as renderer:
            for kind, _, source in (name.partition("=") for name in args.rig):
                rig = build_rig(kind, source, identity_modes=20)
                places = rig.points(profile.scheme)[0]
                cast = people(kind, rig, args.people)
                errors, gaps = errors_of(renderer, tracker, profile, rig, places, cast, args.images, rng)
                slope = np.polyfit(*gaps.T, 1)[0]
                print(f"{kind}: {len(errors)} images, lip gap r {correlation(*gaps.T):.3f}, slope {slope:.2f}")
                counts.append(f"{len(errors)} renders of {kind}")
                everything.append(errors)
                at = places.of(rig.neutral)[profile.fitted]
        together, origin = np.concatenate(everything), " and ".join(counts)
        if args.keep:
            np.savez(args.keep, errors=together, at=at, origin=origin)
    n_points = fitted.n_points
    together = np.concatenate([together, together[:, mirror_of(fitted, at)] * [-1, 1]]).reshape(-1, 2 * n_points)
    together = np.clip(together, -LARGEST_MM, LARGEST_MM)
    covariance = together.T @ together / len(together)
    modes = factors(without_gaps(covariance, fitted), args.modes)
    common = (modes**2).sum(1).reshape(-1, 2)
    whole = np.diag(covariance).reshape(-1, 2)
    noise = np.sqrt(np.maximum(whole - common, 1e-3).mean(1))  # of one coordinate
    groups = {
        "jaw": fitted.jaw, "brows": np.r_[fitted.numbers(fitted.right_brow), fitted.numbers(fitted.left_brow)],
        "nose": fitted.nose, "eyes": np.r_[fitted.numbers(fitted.right_eye.points),
                                           fitted.numbers(fitted.left_eye.points)], "mouth": fitted.mouth,
        "inner lips": np.ravel(fitted.lip_pairs), "all": slice(None),
    }  # fmt: skip
    for name, part in groups.items():
        rows = fitted.numbers(part)
        print(f"{name:10s} {np.sqrt(whole[rows].mean()):.2f} mm a coordinate, common {np.sqrt(common[rows].mean()):.2f}"
              f", noise {np.sqrt((noise[rows] ** 2).mean()):.2f}")  # fmt: skip
    if args.out:
        content = {"origin": f"benchmarks/calibrate_noise.py: {args.detector}, {origin}",
                   "noise_mm": np.round(noise, 2).tolist(),
                   "modes_mm": np.round(modes.T.reshape(args.modes, n_points, 2), 2).tolist()}  # fmt: skip
        text = json.dumps(content).replace("]], [[", "]],\n [[").replace(', "', ',\n "')
        Path(args.out).write_text(text + "\n", encoding="utf-8")
        print(f"wrote {args.out}")


if __name__ == "__main__":
    main()
