"""Put the builtin head's landmarks where dlib's 68-point predictor sees them.

A detector trained on photographs places "the same" point a little differently on any face, ours included. This script
renders the 24 actors in random near-frontal poses, runs the detector, and for every inner landmark takes the
vertex, of those that may stand for it, that lies closest to the detector's points over all images. Left and right
are pooled, so that the table is symmetric. It writes the table that `speechface.rig.builtin.landmarks` reads.

    python benchmarks/calibrate_landmarks.py [--write] [--images 8]
"""

import argparse
import importlib.util
import json
from pathlib import Path

import cv2
import dlib
import numpy as np

from speechface.geometry import ibug
from speechface.geometry.camera import Camera
from speechface.geometry.rotation import matrix_from_euler
from speechface.render.pose import pose
from speechface.render.renderer import Renderer
from speechface.rig import builtin
from speechface.rig.builtin import landmarks as table
from speechface.rig.builtin.head import _face
from speechface.synthesis.visemes import INDEX

WIDTH, HEIGHT, FOCAL, DISTANCE = 640, 480, 1500.0, 900.0
#: A vertex further from the anatomical point pays this many mm^2 per mm^2.
PRIOR = 0.05
#: Landmarks may move this far, mm.
REACH = 14.0


class Detector:
    """dlib's frontal face detector and 68-point predictor behind local histogram equalisation."""

    def __init__(self):
        package = Path(importlib.util.find_spec("face_recognition_models").origin).parent
        self.detect = dlib.get_frontal_face_detector()
        self.predict = dlib.shape_predictor(str(package / "models" / "shape_predictor_68_face_landmarks.dat"))
        self.equalise = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))

    def __call__(self, image):
        """Landmarks (68, 2), pixels, and score of the best face; (None, None) without a face."""
        gray = self.equalise.apply(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        boxes, scores, _ = self.detect.run(gray, 0, 0.0)
        if not boxes:
            return None, None
        best = int(np.argmax(scores))
        points = self.predict(gray, boxes[best])
        return np.array([(points.part(k).x, points.part(k).y) for k in range(ibug.N_POINTS)], float), scores[best]


def render(renderer, actor, weights, angles):
    """Image, its vertices' pixels (V, 2) and mm a pixel."""
    camera = Camera(FOCAL, ((WIDTH - 1) / 2, (HEIGHT - 1) / 2))
    vertices, offset = pose(actor.rig, weights, actor.identity, matrix_from_euler(angles), (0, 15, -DISTANCE))
    image = renderer.draw(vertices, actor.rig, camera=camera, normal_offset=offset)
    return image, camera.project(vertices), DISTANCE / FOCAL


def detection_rates(renderer, detector, actors):
    """Print how many actors are found at each yaw."""
    for degrees in (-25, -15, 0, 15, 25):
        scores = [detector(render(renderer, a, None, (0, np.deg2rad(degrees), 0))[0])[1] for a in actors]
        found = [s for s in scores if s is not None]
        lost = [k + 1 for k, s in enumerate(scores) if s is None]
        print(f"yaw {degrees:4d}: {len(found)}/{len(actors)} found, lowest score {min(found):.2f}, lost {lost}")


def observe(renderer, detector, actors, images, seed):
    """Detected points and all projected vertices of random images: lists of (points, pixels, mm_per_px)."""
    rng = np.random.default_rng(seed)
    seen = []
    for actor in actors:
        for k in range(images):
            weights = np.zeros(len(INDEX), np.float32)
            if k % 2:
                weights[INDEX["jawOpen"]] = rng.uniform(0, 0.35)
                weights[[INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]] = rng.uniform(0, 0.5)
                weights[INDEX["browInnerUp"]] = rng.uniform(0, 0.5)
            angles = np.deg2rad(rng.normal(0, (4, 7, 2)))
            image, pixels, scale = render(renderer, actor, weights, angles)
            points, _ = detector(image)
            if points is not None:
                seen.append((points, pixels, scale))
    return seen


def report(name, seen, vertices):
    """Print the mean distance and the size of the mean offset per group, mm."""
    offset = np.array([(points - pixels[vertices]) * scale for points, pixels, scale in seen])
    for group, part in ibug.REGIONS.items():
        distance = np.linalg.norm(offset[:, part], axis=-1).mean()
        bias = np.linalg.norm(offset[:, part].mean(0), axis=-1).mean()
        print(f"{name:11s} {group:6s} mean distance {distance:.2f} mm, mean bias {bias:.2f} mm")


def calibrate(seen, mesh, start):
    """Vertices (68,) nearest to the detector's points, left and right pooled."""
    v, result = mesh.vertices, start.copy()

    def cost(k):
        allowed = table.allowed_vertices(mesh, k)
        allowed = allowed[np.linalg.norm(v[allowed] - v[start[k]], axis=1) < REACH]
        error = np.mean([((px[allowed] - p[k]) ** 2).sum(1).clip(max=(20 / s) ** 2) * s**2 for p, px, s in seen], 0)
        return allowed, error + PRIOR * ((v[allowed] - v[start[k]]) ** 2).sum(1)

    for k in range(ibug.N_JAW, ibug.N_POINTS):
        twin = ibug.MIRROR[k]
        if v[start[k], 0] < -1e-6:
            continue
        mine, error = cost(k)
        if twin != k:
            theirs, other = cost(twin)
            image = v[theirs] * [-1, 1, 1]
            match = [np.argmin(np.linalg.norm(image - p, axis=1)) for p in v[mine]]
            error = error + other[match]
        else:
            error = np.where(np.abs(v[mine, 0]) < 1e-6, error, np.inf)
        result[k] = mine[np.argmin(error)]
    return table.symmetric(mesh, result)


def main():
    """Report, calibrate and, if asked, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the table into the package")
    parser.add_argument("--images", type=int, default=6, help="images of each actor")
    args = parser.parse_args()
    mesh, detector = _face().mesh, Detector()
    actors = [builtin.actor(k) for k in range(1, builtin.N_ACTORS + 1)]
    with Renderer(WIDTH, HEIGHT) as renderer:
        detection_rates(renderer, detector, actors)
        seen = observe(renderer, detector, actors, args.images, seed=0)
        report("now", seen, _face().landmarks)
        start = table.landmark_vertices(mesh, calibrated=False)
        report("anatomical", seen, start)
        chosen = calibrate(seen, mesh, start)
        report("calibrated", seen, chosen)
    if args.write:
        positions = {str(k): np.round(mesh.vertices[chosen[k]], 1).tolist() for k in range(ibug.N_JAW, ibug.N_POINTS)
                     if mesh.vertices[chosen[k], 0] > -1e-6}  # fmt: skip
        origin = "benchmarks/calibrate_landmarks.py: dlib's 68-point predictor on renders of the 24 actors"
        content = {"origin": origin, "images": len(seen), "positions_mm": positions}
        path = Path(table.__file__).with_name(table.TABLE)
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        print(f"wrote {path.name}: {len(positions)} positions from {len(seen)} images")


if __name__ == "__main__":
    main()
