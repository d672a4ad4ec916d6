"""Measure how the points of the landmark detectors move with the channels of a rig, beyond their places on it.

A point's place on a rig (calibrate_points.py) is one for all expressions, but a detector follows features, not skin:
an edge of the lips that rolls, a corner that drops with the jaw, an outline. Draws people of the rig in random
expressions, turned a little, runs the detectors, and takes for every channel the mean motion of each point that the
motion of its place leaves (ridge regression, the person's own mean and the head's angles taken out). Writes hundredths
of a mm at weight 1, x and y of the face seen from the front, of the points that labels are fitted to;
`speechface.rig.points` reads them.

    python benchmarks/calibrate_motion.py --rig builtin --model FILE --out src/speechface/rig/builtin
    python benchmarks/calibrate_motion.py --rig ict=resources/ict_facekit.tar.xz --model FILE --out src/speechface/rig

People are actors 4 to 20 of the builtin rig (captured_motion.py judges by the first), random identities of others.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from calibrate_noise import ANGLES, LARGEST_MM, expression
from calibrate_points import CAMERA, DISTANCE, FOCAL, HEIGHT, WIDTH, people

from speechface.config import parse_section
from speechface.geometry.rotation import matrix_from_euler
from speechface.landmarks.detectors import DETECTORS
from speechface.media import ArrayImage
from speechface.render.pose import pose
from speechface.render.renderer import Renderer
from speechface.rig.channels import ARKIT52, on_channels
from speechface.rig.registry import build_rig

#: A channel's mean counts as much as so many images at weight 1 without any motion.
RIDGE = 6.0
LEFT_OUT, PEOPLE = 3, 17


def errors_of(rig, cast, tracker, places, n_images, rng):
    """Person (n,), weights (n, C), angles (n, 3) and errors (n, p, 2), mm on the face, x right, y up."""
    rows = []
    with Renderer(WIDTH, HEIGHT) as renderer:
        for number, (person, identity) in enumerate(cast):
            for _ in range(n_images):
                weights = on_channels(expression(rng), ARKIT52, rig.channels)
                angles = np.deg2rad(rng.normal(0, ANGLES))
                rotation = matrix_from_euler(angles)
                vertices, offset = pose(person, weights, identity, rotation, (0, 15, -DISTANCE))
                image = renderer.draw(vertices, person, camera=CAMERA, normal_offset=offset)
                tracks = tracker.track([ArrayImage(image)])
                if tracks.detected[0]:
                    at = places.of(vertices)
                    miss = (tracks.landmarks[0] - CAMERA.project(at)) * [1, -1] * -at[:, 2:] / FOCAL
                    rows.append((number, weights, angles, miss @ np.linalg.inv(rotation[:2, :2]).T))
    return tuple(np.array(column) for column in zip(*rows))


def response(person, weights, angles, errors):
    """Mean error (C, p, 2) for weight 1 of each channel, and errors with and without it, mm a coordinate (p,)."""

    def centred(values):
        return np.concatenate([values[person == k] - values[person == k].mean(0) for k in np.unique(person)])

    known, left = centred(np.c_[weights, angles, angles**2]), centred(errors)
    penalty = np.r_[np.full(weights.shape[1], RIDGE), np.full(6, 0.01)]
    found = np.linalg.solve(known.T @ known + np.diag(penalty), known.T @ left.reshape(len(left), -1))
    after = left - (known @ found).reshape(left.shape)
    size = [np.sqrt((values**2).mean((0, 2))) for values in (left, after)]
    return found[: weights.shape[1]].reshape(-1, *errors.shape[1:]), *size


def main():
    """Draw, detect, regress, report and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rig", required=True, metavar="KIND[=SOURCE]")
    parser.add_argument("--model", default="resources/face_landmarker.task", help="of the detector mediapipe")
    parser.add_argument("--images", type=int, default=60, help="images of each person")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", required=True, metavar="FOLDER")
    args = parser.parse_args()
    kind, _, source = args.rig.partition("=")
    rig = build_rig(kind, source, identity_modes=20)
    both = DETECTORS["both"]
    tracker = both.open(parse_section("landmarks", {"detector": "both", "model": args.model}))
    places = rig.points(both.profile.scheme)[0]
    cast, rng = people(kind, rig, LEFT_OUT + PEOPLE)[LEFT_OUT:], np.random.default_rng(args.seed)
    person, weights, angles, errors = errors_of(rig, cast, tracker, places, args.images, rng)
    first = 0
    for profile in (DETECTORS[name].profile for name in ("dlib", "mediapipe")):
        part = errors[:, first : first + profile.n_points]
        first += profile.n_points
        skin = profile.numbers(profile.fitted)
        skin = np.setdiff1d(skin, profile.numbers(profile.jaw)) if rig.points(profile.scheme)[1] else skin
        seen = np.abs(part[:, skin]).max((1, 2)) < LARGEST_MM
        found, before, after = response(person[seen], weights[seen], angles[seen], part[seen][:, skin])
        mouth = np.isin(skin, profile.numbers(profile.mouth))
        for name, rows in (("mouth", mouth), ("all", slice(None))):
            sizes = (np.sqrt((size[rows] ** 2).mean()) for size in (before, after))
            print(f"{kind} {profile.scheme} {name}: {' -> '.join(f'{size:.2f}' for size in sizes)} mm a coordinate")
        moving = {name: np.rint(100 * values).astype(int).tolist() for name, values in zip(rig.channels, found)}
        content = {"origin": f"benchmarks/calibrate_motion.py: {seen.sum()} renders of {kind}", "points": skin.tolist(),
                   "hundredths_mm": {name: values for name, values in moving.items() if np.any(values)}}  # fmt: skip
        prefix = "motion" if kind == "builtin" else f"motion_{kind}"
        path = Path(args.out) / f"{prefix}_{profile.scheme}.json"
        text = json.dumps(content, separators=(",", ":")).replace(']],"', ']],\n"').replace(':{"', ':{\n"')
        path.write_text(text + "\n", encoding="utf-8")
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
