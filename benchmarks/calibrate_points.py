"""Find where a landmark detector puts its points on a rig, by looking.

Draws the rig with several identities, from several sides, in several expressions and with several looks of the eyes,
runs the detector, and takes for every point the place on the surface that lies closest to it over all images: of all
vertices that the camera sees, then of all places on the triangles around the best ones. Expressions tell the upper from
the lower lip, sides tell the depth. Skin points stay on the rig's region "face", irises on what only the gaze moves.

Writes the triangle (three vertices), the weights and the spread (root mean square miss over the images, mm) of every
point; `speechface.rig.points` reads it. `--show FOLDER` keeps images with the points (red: the detector's, green: the
places found).

    python benchmarks/calibrate_points.py --rig builtin --detector mediapipe --settings '{"model": "FILE"}' --out JSON
    python benchmarks/calibrate_points.py --rig ict --source resources/ict_facekit.tar.xz --detector dlib --out JSON
"""

import argparse
import json
from pathlib import Path

import av
import numpy as np

from speechface.config import parse_section
from speechface.geometry.camera import Camera
from speechface.geometry.mesh import NormalField
from speechface.geometry.rotation import matrix_from_euler
from speechface.landmarks.detectors import DETECTORS
from speechface.media import ArrayImage
from speechface.render.pose import pose
from speechface.render.renderer import Renderer
from speechface.rig import builtin
from speechface.rig.channels import GAZE
from speechface.rig.registry import RIGS, build_rig

WIDTH, HEIGHT, FOCAL, DISTANCE = 640, 480, 1500.0, 900.0
CAMERA = Camera(FOCAL, ((WIDTH - 1) / 2, (HEIGHT - 1) / 2))
#: Largest miss that counts in full, mm: a face found wrongly does not decide.
LARGEST_MM = 12.0
#: A vertex counts in images in which its normal is turned towards the camera (cosine), and must in so many of all.
FACING, SEEN_FRACTION = 0.1, 0.3
#: Share of an eyeball's own motion from which a vertex counts as its, mm.
GAZE_MM = 1.0
#: Neighbours of the best vertex whose triangles are searched, and steps along their sides.
NEAREST, STEPS = 12, 12
EXPRESSIONS = (
    {}, {"jawOpen": 0.25}, {"jawOpen": 0.7}, {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8},
    {"mouthPucker": 0.8}, {"mouthFunnel": 0.6, "jawOpen": 0.15}, {"eyeBlinkLeft": 0.9, "eyeBlinkRight": 0.9},
    {"browInnerUp": 0.8, "browOuterUpLeft": 0.7, "browOuterUpRight": 0.7}, {"browDownLeft": 0.8, "browDownRight": 0.8},
    {"mouthUpperUpLeft": 0.6, "mouthUpperUpRight": 0.6, "mouthLowerDownLeft": 0.6, "mouthLowerDownRight": 0.6},
    {"eyeLookOutLeft": 0.6, "eyeLookInRight": 0.6}, {"eyeLookOutRight": 0.6, "eyeLookInLeft": 0.6},
    {"eyeLookUpLeft": 0.6, "eyeLookUpRight": 0.6}, {"eyeLookDownLeft": 0.5, "eyeLookDownRight": 0.5},
    {"mouthFrownLeft": 0.7, "mouthFrownRight": 0.7}, {"mouthLeft": 0.6}, {"mouthRight": 0.6},
)  # fmt: skip


def people(kind, rig, count):
    """(rig with colours, identity) of several people."""
    if kind == "builtin":
        actors = [builtin.actor(k) for k in range(1, min(count, builtin.N_ACTORS) + 1)]
        return [(actor.rig, actor.identity) for actor in actors]
    rng = np.random.default_rng(1)
    return [(rig, 0.8 * rng.normal(size=len(rig.identity)).astype(np.float32)) for _ in range(count)]


def candidates(rig, n_vertices):
    """Vertices (n,) of the skin, and of the eyeballs, which nothing but the gaze moves."""
    motion = np.linalg.norm(rig.shapes[:, :n_vertices], axis=-1)
    gaze = np.array([name in GAZE for name in rig.channels])
    eyes = (motion[gaze].max(0) > GAZE_MM) & (motion[~gaze].max(0) < 0.1)
    skin = np.setdiff1d(rig.regions["face"], np.flatnonzero(eyes))
    return skin[skin < n_vertices], np.flatnonzero(eyes)


class Looks:
    """What the detector found in the images: points (n, p, 2) in pixels; of the vertices that may be chosen pixels
    (n, c, 2), whether they are `seen` (n, c) and mm a pixel there."""

    def __init__(self):
        self.points, self.pixels, self.seen, self.images = [], [], [], []

    def add(self, points, pixels, seen, image):
        self.points.append(points)
        self.pixels.append(pixels)
        self.seen.append(seen)
        self.images.append(image)

    @property
    def mm(self):
        return DISTANCE / FOCAL


def look(renderer, tracker, cast, chosen, n_images, seed):
    """Draw every person `n_images` times and run the detector; returns `Looks` and how many images showed no face."""
    rng, looks, lost, order = np.random.default_rng(seed), Looks(), 0, 0
    for rig, identity in cast:
        field = NormalField(rig.triangles, len(rig.neutral))
        for _ in range(n_images):
            weights = np.zeros(len(rig.channels), np.float32)
            for name, value in EXPRESSIONS[order % len(EXPRESSIONS)].items():
                weights[rig.channels.index(name)] = value
            order += 1
            angles = np.deg2rad(rng.uniform(-1, 1, 3) * (14, 32, 8))
            vertices, offset = pose(rig, weights, identity, matrix_from_euler(angles), (0, 15, -DISTANCE))
            image = renderer.draw(vertices, rig, camera=CAMERA, normal_offset=offset)
            tracks = tracker.track([ArrayImage(image)])
            if not tracks.detected[0]:
                lost += 1
                continue
            places = vertices[chosen]
            facing = -np.sum(field(vertices)[chosen] * places, -1) / np.linalg.norm(places, axis=-1)
            looks.add(tracks.landmarks[0].astype(float), CAMERA.project(places), facing > FACING, image)
    return looks, lost


def nearest_vertices(looks, points, part):
    """For every one of `points` the candidates `part` in the order of their mean square misses (p, c)."""
    found = np.stack(looks.points)[:, points]
    pixels = np.stack([pixels[part] for pixels in looks.pixels])
    seen = np.stack([seen[part] for seen in looks.seen]).astype(float)
    total = (found**2).sum(-1).T @ seen + (seen * (pixels**2).sum(-1)).sum(0)
    for axis in (0, 1):
        total -= 2 * found[..., axis].T @ (seen * pixels[..., axis])
    count = seen.sum(0)
    total = np.where(count >= SEEN_FRACTION * len(seen), total / np.maximum(count, 1), np.inf)
    return np.argsort(total, axis=1)


def best_place(looks, point, triangles):
    """Of all places on `triangles` (t, 3) of candidates the one nearest to a point: (triangle, weights (3,), mm)."""
    grid = np.array([(i, j, STEPS - i - j) for i in range(STEPS + 1) for j in range(STEPS + 1 - i)]) / STEPS
    total, count = np.zeros((len(triangles), len(grid))), np.zeros((len(triangles), 1))
    for found, pixels, seen in zip(looks.points, looks.pixels, looks.seen):
        places = np.einsum("gc,tcd->tgd", grid, pixels[triangles])
        miss = ((found[point] - places) ** 2).sum(-1) * looks.mm**2
        visible = seen[triangles].all(1)[:, None]
        total += np.minimum(miss, LARGEST_MM**2) * visible
        count += visible
    total = np.where(count >= 0.5 * SEEN_FRACTION * len(looks.points), total / np.maximum(count, 1), np.inf)
    triangle, step = np.unravel_index(np.argmin(total), total.shape)
    return triangles[triangle], grid[step], float(np.sqrt(total[triangle, step]))


def calibrate(looks, triangles, groups):
    """Places of all points: triangles (p, 3) of candidates, weights (p, 3), spread (p,) mm.

    `groups` : pairs of points and of the candidates that they may lie on; `triangles` (t, 3) of candidates.
    """
    n_points = looks.points[0].shape[0]
    chosen, weights, spread = np.zeros((n_points, 3), int), np.zeros((n_points, 3)), np.zeros(n_points)
    for points, part in groups:
        order = nearest_vertices(looks, points, part)
        inside = triangles[np.isin(triangles, part).all(1)]
        for row, point in enumerate(points):
            near = inside[np.isin(inside, part[order[row, :NEAREST]]).any(1)]
            chosen[point], weights[point], spread[point] = best_place(looks, point, near)
    return chosen, weights, spread


def show(folder, looks, chosen, weights, count):
    """Keep images with the detector's points and the places found."""
    import cv2

    Path(folder).mkdir(parents=True, exist_ok=True)
    for k in np.linspace(0, len(looks.images) - 1, count).astype(int):
        image = cv2.resize(looks.images[k], None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
        places = np.einsum("pc,pcd->pd", weights, looks.pixels[k][chosen])
        for points, colour in ((looks.points[k], (255, 0, 0)), (places, (0, 200, 0))):
            for x, y in points:
                cv2.circle(image, (round(3 * x + 1), round(3 * y + 1)), 3, colour, -1, cv2.LINE_AA)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.to_image().save(Path(folder) / f"{k:04d}.png")


def report(profile, spread):
    """Print the spread of each group of points."""
    groups = {
        "jaw": profile.jaw, "right brow": profile.right_brow, "left brow": profile.left_brow, "nose": profile.nose,
        "right eye": profile.right_eye.points, "left eye": profile.left_eye.points, "mouth": profile.mouth,
    }  # fmt: skip
    if profile.irises:
        groups |= {"right iris": profile.irises[0], "left iris": profile.irises[1]}
    groups["all"] = slice(None)
    for name, points in groups.items():
        values = spread[profile.numbers(points)]
        print(f"{name:11s} spread median {np.median(values):.2f} mm, largest {values.max():.2f} mm")


def main():
    """Look, calibrate, report and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rig", default="builtin", choices=tuple(RIGS))
    parser.add_argument("--source", default="", help="the files of the rig")
    parser.add_argument("--detector", required=True, choices=tuple(DETECTORS))
    parser.add_argument("--settings", default="{}", help="JSON, other keys of section landmarks")
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--images", type=int, default=17, help="images of each person")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="JSON file to write")
    parser.add_argument("--show", metavar="FOLDER", help="keep images with the points")
    args = parser.parse_args()
    rig = build_rig(args.rig, args.source, identity_modes=20)
    n_vertices = rig.meta.get("n_shared", len(rig.neutral))
    detector = DETECTORS[args.detector]
    settings = parse_section("landmarks", json.loads(args.settings) | {"detector": args.detector})
    profile = detector.profile
    skin, eyes = candidates(rig, n_vertices)
    chosen = np.concatenate([skin, eyes])
    with Renderer(WIDTH, HEIGHT) as renderer:
        cast = people(args.rig, rig, args.people)
        looks, lost = look(renderer, detector.open(settings), cast, chosen, args.images, args.seed)
    print(f"{len(looks.points)} images; {lost} more without a face found")
    place = np.full(len(rig.neutral), -1)
    place[chosen] = np.arange(len(chosen))
    triangles = place[rig.triangles]
    irises = np.concatenate([profile.numbers(iris) for iris in profile.irises or ()]) if profile.irises else []
    others = np.setdiff1d(np.arange(profile.n_points), irises)
    groups = [(others, np.arange(len(skin)))]
    if len(irises):
        groups.append((irises, np.arange(len(skin), len(chosen))))
    corners, weights, spread = calibrate(looks, triangles[(triangles >= 0).all(1)], groups)
    report(profile, spread)
    if args.show:
        show(args.show, looks, corners, weights, 24)
    if args.out:
        content = {
            "origin": f"benchmarks/calibrate_points.py: {args.detector} on {len(looks.points)} renders of the rig",
            "scheme": profile.scheme,
            "n_vertices": int(n_vertices),
            "triangles": chosen[corners].tolist(),
            "weights": np.round(weights, 3).tolist(),
            "spread_mm": np.round(spread, 2).tolist(),
        }
        text = json.dumps(content).replace("], [", "],\n [").replace(', "', ',\n "')
        Path(args.out).write_text(text + "\n", encoding="utf-8")
        print(f"wrote {args.out}")


if __name__ == "__main__":
    main()
