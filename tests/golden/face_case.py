"""The tiny clips that the golden tests of faces and labels share."""

import shutil
from pathlib import Path

import numpy as np

from speechface.cli import main
from speechface.clip_tables import ClipRows, ClipTable
from speechface.clip_updates import update_clip_tables
from speechface.geometry.camera import Camera
from speechface.geometry.rotation import matrix_from_euler
from speechface.landmarks.detectors import DETECTORS
from speechface.rig.rig import Rig
from speechface.synthesis.visemes import INDEX

__all__ = ["CLIP", "labels_of", "landmarks_of", "moving_head", "rows_of", "run"]

CLIP, SIDE, FPS, N_FRAMES = "d/a/c", 192, 25, 12


def run(command, **options):
    """Run a command that must succeed."""
    words = []
    for name, value in options.items():
        words += [f"--{name}", str(value)]
    assert main([command, *words]) == 0


def moving_head(folder):
    """A source of 12 images: ``head.png``, a drawn head that moves by whole pixels, as files without loss."""
    import cv2

    head = cv2.imread(str(Path(__file__).with_name("head.png")), cv2.IMREAD_GRAYSCALE)
    images = folder / "images"
    shutil.rmtree(images, ignore_errors=True)
    images.mkdir()
    for k in range(N_FRAMES):
        shift = (round(3 * np.sin(k / 3)), round(4 * np.cos(k / 4)))
        cv2.imwrite(str(images / f"{k:03d}.png"), np.roll(head, shift, (0, 1)))
    return f"{images}::fps={FPS}"


def landmarks_of(folder):
    """The table of landmarks of the moving head, by the command; returns its path and the source."""
    source, out = moving_head(folder), folder / "landmarks.parquet"
    run("detect-landmarks", clips=f"{CLIP}={source}", out=out)
    return out, source


def labels_of(folder, detector="dlib"):
    """Rig, landmarks of its exact motion with some noise, identity and labels, by the commands; returns their paths."""
    paths = {name: folder / name for name in ("rig.npz", "exact.parquet", "identity.npz", "labels.parquet")}
    rig, landmarks, identity, labels = paths.values()
    run("build-rig", out=rig, settings='{"identity_modes": 4}')
    rows = _projected(Rig.load(rig), detector)
    update_clip_tables({"landmarks": landmarks}, [CLIP], lambda clip: rows, stage="landmarks", settings={},
                       facts=lambda clip, known: {}, shared=("detector",))  # fmt: skip
    common = {"landmarks": landmarks, "rig": rig, "settings": '{"identity_frames": 8}'}
    run("fit-identity", out=identity, **common)
    run("fit-labels", identity=identity, out=labels, **common)
    return rig, landmarks, identity, labels


def _projected(rig, detector):
    """Landmarks of 20 frames in which jaw, lips, lids, eyes and head of an actor move; one frame shows no face."""
    count = 20
    time, rng = np.arange(count) / FPS, np.random.default_rng(0)
    weights = np.zeros((count, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = 0.3 * np.sin(9 * time) ** 2
    for side in ("Left", "Right"):
        weights[:, INDEX[f"mouthSmile{side}"]] = 0.4 * time
        weights[12:15, INDEX[f"eyeBlink{side}"]] = (0.6, 1.0, 0.5)
    if detector != "dlib":  # it sees irises
        weights[4:10, [INDEX["eyeLookOutLeft"], INDEX["eyeLookInRight"]]] = 0.4
    places = rig.points(DETECTORS[detector].profile.scheme)[0]
    angles = np.stack([0.1 * np.sin(3 * time), 0.2 * np.cos(2 * time), 0.05 * time], 1)
    identity = [0.8, -0.5, 0.3, 1.0]
    points = np.stack([places.of(rig.mesh(w, identity)) for w in weights])
    camera = points @ matrix_from_euler(angles).transpose(0, 2, 1) + [3.0, 10.0, -800.0]
    pixels = Camera.for_image(SIDE, SIDE, 3.0).project(camera) + rng.normal(0, 0.1, points[..., :2].shape)
    detected = np.arange(count) != 7
    pixels[~detected] = np.nan
    columns = {"frame": np.arange(count, dtype=np.int32), "time": time, "detected": detected,
               "fault": np.zeros(count, np.int8), "landmarks": pixels.astype(np.float32)}  # fmt: skip
    meta = {"detector": detector, "width": SIDE, "height": SIDE, "fps": float(FPS), "detection_rate": 0.95,
            "faces": 1, "losses": 0, "missing_s": 0.0,
            "strangers": 0, "jitter_pct": 0.2, "eye_distance_px": 66.0, "brightness": 120.0,
            "cut_fraction": 0.0}  # fmt: skip
    return ClipRows(columns, meta)


def rows_of(path):
    """The rows of the clip in a table."""
    return ClipTable(path).read(CLIP)
