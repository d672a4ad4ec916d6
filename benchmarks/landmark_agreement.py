"""How far tracked landmarks are from those of a full-resolution detection in every frame, and what a frame costs.

    python benchmarks/landmark_agreement.py CLIP [CLIP ...]

The reference is the report's way (listing A.1, without its seeks): RGB to gray, CLAHE of the whole image, dlib's
detector at full size, dlib's own predictor in the detector's box. The report doubles every image before detection;
the reference does so only where it finds no face, which makes it four times cheaper.
A second reference moves the detector's box by 3 pixels: the distance between the two is the floor that the detector's
arbitrary place of the box sets. Distances are means over the 68 points in per cent of the distance between the outer
corners of the eyes; times are processor time of this process.
"""

import argparse
import time

import cv2
import dlib
import numpy as np

from speechface import media
from speechface.config import defaults
from speechface.geometry.ibug import interocular
from speechface.landmarks.crop import crop_transforms, warp_planes
from speechface.landmarks.detectors import DETECTORS
from speechface.landmarks.model import CLAHE_TILES, predictor_path

SHIFT_PX = 3


def reference(path, clip_limit):
    """Landmarks of every frame (n, 68, 2), the same with shifted boxes, and the time of a frame in ms."""
    detector, predictor = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(predictor_path()))
    clahe = cv2.createCLAHE(clip_limit, (CLAHE_TILES, CLAHE_TILES))
    plain, shifted = [], []
    start = time.process_time()
    for image in media.decode_rgb(path):
        gray = clahe.apply(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        boxes, scores, _ = detector.run(gray, 0, 0.0)
        if not boxes:
            boxes, scores, _ = detector.run(gray, 1, 0.0)
        if not boxes:
            plain.append(np.full((68, 2), np.nan))
            shifted.append(plain[-1])
            continue
        box = boxes[int(np.argmax(scores))]
        moved = dlib.translate_rect(box, dlib.point(SHIFT_PX, SHIFT_PX))
        for store, rectangle in ((plain, box), (shifted, moved)):
            store.append(np.array([(point.x, point.y) for point in predictor(gray, rectangle).parts()], float))
    elapsed = time.process_time() - start
    return np.stack(plain), np.stack(shifted), 1e3 * elapsed / len(plain)


def cost(path, tracker):
    """Tracks, and milliseconds a frame of tracking (with decoding) and of cropping (with decoding)."""
    start = time.process_time()
    tracks = tracker.track(media.decode_images(path))
    tracking = time.process_time() - start
    crops = defaults("crops")
    transforms = crop_transforms(
        tracks.landmarks,
        tracks.detected,
        DETECTORS["dlib"].profile,
        margin=crops.margin,
        size=crops.size,
        deviation=4.0,
    )
    start = time.process_time()
    for transform, image in zip(transforms, media.decode_images(path)):
        warp_planes(image.planes()[0], transform, size=crops.size)
    cropping = time.process_time() - start
    return tracks, 1e3 * tracking / len(transforms), 1e3 * cropping / len(transforms)


def distance(first, second):
    """Mean distance of the points of every frame, per cent of the eye distance, (n,)."""
    return 100 * np.linalg.norm(first - second, axis=-1).mean(1) / interocular(second)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--boxes", type=int, default=1, help="jittered boxes")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    settings = defaults("landmarks").model_copy(update={"jittered_boxes": arguments.boxes})
    tracker = DETECTORS["dlib"].open(settings)
    print(f"{'clip':28} frames found  mean worst  floor  | reference, tracking, crop: ms a frame")
    every = []
    for path in arguments.clips:
        plain, shifted, reference_ms = reference(path, settings.clahe_clip)
        tracks, tracking_ms, cropping_ms = cost(path, tracker)
        both = tracks.detected & ~np.isnan(plain[:, 0, 0])
        gaps, floor = distance(tracks.landmarks[both], plain[both]), distance(shifted[both], plain[both])
        every.append(gaps)
        print(
            f"{path[-28:]:28} {len(plain):6d} {tracks.detected.mean():5.2f}  {gaps.mean():4.2f}  {gaps.max():4.2f}   "
            f"{floor.mean():4.2f}  | {reference_ms:7.1f} {tracking_ms:6.2f} {cropping_ms:6.2f}",
            flush=True,
        )
    gaps = np.concatenate(every)
    print(f"{'all frames':28} {len(gaps):6d}        {gaps.mean():4.2f}  {gaps.max():4.2f}")


if __name__ == "__main__":
    main()
