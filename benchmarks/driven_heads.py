"""Heads driven by captured or spoken motion, and the exact truth about them, for `captured_motion.py`."""

import csv
import hashlib
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from speechface.errors import RigError
from speechface.export.animation import ARKIT_NAMES
from speechface.geometry import ibug
from speechface.geometry.rotation import euler_from_matrix, matrix_from_euler
from speechface.rig.channels import ARKIT52, GAZE, limit_mouth_close, on_channels
from speechface.rig.rig import Rig

#: A channel moves when its truth has a larger standard deviation.
MOVING = 0.02
#: Frame rates that cameras have; size of the added head motion (`synthesis.expression.head_motion`).
RATES, HEAD_MOTION = (24, 25, 30, 50, 60), 2.5
#: Sides of the image and quality of the video, as the demo's.
WIDTH, HEIGHT, CRF, SR = 480, 480, 20, 48000


# ---- motion -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Motion:
    """`weights` (T, n) of `channels`; `rotations` (T, 3), radians, or None where nothing was recorded; `fps`."""

    channels: tuple[str, ...]
    weights: np.ndarray
    rotations: np.ndarray | None
    fps: Fraction

    def on(self, channels):
        """Weights (T, len(channels)) of a rig's channels; a shape of both sides takes their mean; absent ones are 0."""
        weights = on_channels(self.weights, self.channels, channels)
        return np.clip(limit_mouth_close(weights, channels), 0, 1)

    def left_out(self, channels):
        """Names of moving channels that a rig does not have."""
        return [
            name for name, values in zip(self.channels, self.weights.T)
            if values.std() > MOVING and name not in channels and name.removesuffix("Left").removesuffix("Right")
            not in channels
        ]  # fmt: skip


def read_live_link(path, fps=None):
    """Read a CSV of Live Link Face as `Motion`; upper and lower case of its header do not matter.

    The rate follows from the time codes unless `fps` is given. Angles: yaw positive to the subject's right, pitch down,
    roll with the crown to the left, radians.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        header, *rows = [row for row in csv.reader(file) if row]
    places = {name.strip().lower(): k for k, name in enumerate(header)}
    missing = [name for name in ("timecode", "jawopen") if name not in places]
    if missing or not rows:
        raise SystemExit(f"{path}: not a CSV of Live Link Face: {f'no column {missing[0]}' if missing else 'no rows'}")
    rows = [row for row in rows if len(row) >= len(header) - 9 and row[places["jawopen"]]]

    def column(name):
        place = places[name.lower()]
        return np.array([float(row[place] or 0) if place < len(row) else 0.0 for row in rows])

    names = tuple(name for name in ARKIT_NAMES if name.lower() in places)
    angles = ("HeadPitch", "HeadYaw", "HeadRoll")
    rotations = None
    if all(name.lower() in places for name in angles):
        rotations = np.stack([column(name) for name in angles], 1) * (1, -1, -1)
    if rotations is None or not rotations.any():
        rotations = None
    if fps is None:
        hour, minute, second = (int(part) for part in rows[-1][places["timecode"]].split(":")[:3])
        first = [int(part) for part in rows[0][places["timecode"]].split(":")[:3]]
        seconds = 3600 * (hour - first[0]) + 60 * (minute - first[1]) + second - first[2]
        fps = min(RATES, key=lambda rate: abs(rate - len(rows) / max(seconds, 1)))
    return Motion(names, np.stack([column(name) for name in names], 1), rotations, Fraction(fps))


def calibrated(motion):
    """A capture relative to the person at rest, as the phone's own calibration does: the mean of its calmest frames is
    0. Without it what rest is to the phone (here .13 mouthFunnel) keeps the lips of other heads apart for ever."""
    calm = np.argsort(motion.weights.sum(1), kind="stable")[: max(1, len(motion.weights) // 100)]
    rest = motion.weights[calm].mean(0)
    return replace(motion, weights=np.clip((motion.weights - rest) / (1 - rest), 0, 1))


def cut(motion, seconds):
    """Clips of a capture, about `seconds` long, at no more than 30 frames/s."""
    step = max(1, round(motion.fps / 30))
    length = round(seconds * motion.fps)
    found = []
    for start in range(0, len(motion.weights) - length + 1, length):
        part = slice(start, start + length, step)
        rotations = None if motion.rotations is None else motion.rotations[part]
        found.append(replace(motion, weights=motion.weights[part], rotations=rotations, fps=motion.fps / step))
    return found


def spread_order(count):
    """The numbers 0 to count - 1 in an order whose every beginning is spread over all of them."""
    return sorted(range(count), key=lambda k: int(format(k, f"0{max(count - 1, 1).bit_length()}b")[::-1], 2))


def captured_clips(motion, head, *, clips, seconds, seed):
    """`clips` clips (name -> Motion) of a capture for the head that is number `head` (from 0) of those judged."""
    from speechface.synthesis.expression import head_motion

    parts = cut(motion, seconds)
    order, found = spread_order(len(parts)), {}
    for k in sorted({order[(head * clips + turn) % len(order)] for turn in range(clips)}):
        part = parts[k]
        if part.rotations is None:
            times = np.arange(len(part.weights)) / float(part.fps)
            rng = np.random.default_rng([seed, head, k])
            moved = head_motion(times, [], rng, emotion="neutral", amplitude=HEAD_MOTION)
            part = replace(part, rotations=moved)
        found[f"part{k:03d}"] = part
    return found


def spoken_clips(number, *, clips, seed):
    """`clips` clips (name -> Motion) of the demo's speech by actor `number`."""
    from speechface.datasets.demo import clip_from_name, clip_names
    from speechface.synthesis.performance import perform

    found = {}
    for name in clip_names(number, clips):
        clip = clip_from_name("demo", name, "")
        spoken = perform(number, name, statement=clip.statement, emotion=clip.emotion, intensity=clip.intensity,
                         seed=seed, frame_rate=Fraction(30000, 1001), sr=SR)  # fmt: skip
        found[name] = Motion(ARKIT52, spoken.weights, spoken.rotations, Fraction(30000, 1001))
    return found


# ---- heads and their exact geometry -----------------------------------------------------------------------------


class LipGap:
    """How far the lips of a head stand apart, mm, seen from the front, more than at rest.

    In five strips across the middle of the mouth: the height between the lowest vertex of the upper and the highest of
    the lower lip; mean over the strips. Lips that follow the jaw are the lower ones.
    """

    def __init__(self, rig):
        lips, jaw = rig.regions["lips"], rig.shapes[rig.channels.index("jawOpen")]
        follows = np.linalg.norm(jaw[lips], axis=1) / np.linalg.norm(jaw[rig.landmarks[ibug.CHIN]])
        corners = rig.neutral[rig.landmarks[list(ibug.MOUTH_CORNERS)], 0]
        middle, half = corners.mean(), np.ptp(corners) / 2
        self._rig, self._strips = rig, []
        for place in (-0.4, -0.2, 0.0, 0.2, 0.4):
            near = np.abs(rig.neutral[lips, 0] - middle - place * half) < 0.07 * half
            upper, lower = lips[near & (follows < 0.4)], lips[near & (follows > 0.6)]
            if len(upper) and len(lower):
                self._strips.append((upper, lower))
        if not self._strips:
            raise RigError(f"rig '{rig.name}': no vertices of both lips in the region lips")
        self._rest = self._heights(np.zeros((1, len(rig.channels)), np.float32))

    def _heights(self, weights):
        def height(vertices):
            return self._rig.neutral[vertices, 1] + self._rig.displacement(weights, vertices)[..., 1]

        return np.stack([height(upper).min(-1) - height(lower).max(-1) for upper, lower in self._strips], -1)

    def __call__(self, weights):
        """Gaps (T,) of weights (T, n), 0 where the lips touch as at rest."""
        return np.maximum(self._heights(weights) - self._rest, 0).mean(-1)


def gaze_degrees(rig):
    """Turn of the eyeballs (n, 2 eyes, 2: up, to the left), degrees, for weight 1 of every channel of a rig."""
    motion = np.linalg.norm(rig.shapes, axis=-1)
    looks = np.array([name in GAZE for name in rig.channels])
    turns = np.zeros((len(looks), 2, 2))
    for eye, side in enumerate(("Left", "Right")):
        own = looks & np.array([name.endswith(side) for name in rig.channels])
        ball = np.flatnonzero((motion[own].max(0) > 1.0) & (motion[~looks].max(0) < 0.1))
        rest = rig.neutral[ball] - rig.neutral[ball].mean(0)
        for k in np.flatnonzero(own):
            moved = rig.neutral[ball] + rig.shapes[k, ball]
            left, _, right = np.linalg.svd((moved - moved.mean(0)).T @ rest)
            x, y, _ = euler_from_matrix(left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right)
            turns[k, eye] = np.degrees([-x, y])
    return turns


def exact_points(rig, profile, weights, rotations, scene):
    """Pixels (T, p, 2) of a detector's points on a head: where its points are on average in that expression; those of a
    jaw line that slides stand on the outline seen."""
    turn = matrix_from_euler(rotations)

    def pixels(places, shapes):
        points = places.of(rig.neutral) + np.tensordot(weights, shapes, 1)
        turned = (points.reshape(len(points), -1, 3) - rig.pivot) @ turn.transpose(0, 2, 1) + rig.pivot
        return scene.camera.project(turned + scene.translation).reshape(*points.shape[:-1], 2)

    places, outline = rig.points(profile.scheme)
    image = pixels(places, rig.point_shapes(profile.scheme))
    if outline is None:
        return image
    contour = pixels(outline, outline.of(rig.shapes))
    tangent = np.gradient(contour[:, :, contour.shape[2] // 2], axis=1)
    normal = np.stack([-tangent[..., 1], tangent[..., 0]], -1)
    outwards = contour.mean(2) - image[:, profile.nose].mean(1, keepdims=True)
    normal *= np.sign((normal * outwards).sum(-1, keepdims=True))
    outer = (contour * normal[:, :, None]).sum(-1).argmax(-1)
    image[:, profile.jaw] = np.take_along_axis(contour, outer[..., None, None], 2)[:, :, 0]
    return image


def heads_of(kind, template, numbers, work):
    """Actor's number -> rig with the identity built into its neutral face."""
    if kind == "builtin":
        from speechface.synthesis.actors import load_actor, save_actors

        actors = work / f"actors-{'-'.join(map(str, numbers))}.npz"
        if not actors.exists():
            save_actors(actors, numbers)
        return {number: load_actor(actors, number).rig for number in numbers}
    found = {}
    for number in numbers:
        modes = 0.8 * np.random.default_rng([1, number]).normal(size=len(template.identity)).astype(np.float32)
        found[number] = replace(template, neutral=template.mesh(None, modes), identity=template.identity[:0])
    return found


@dataclass(frozen=True)
class Drawn:
    """One drawn clip: its id, its video, the head, the truth and where the camera stood."""

    clip_id: str
    video: Path
    rig: Rig
    weights: np.ndarray
    rotations: np.ndarray
    scene: object
    fps: Fraction


def draw(clip_id, rig, number, motion, folder, renderer, seed):
    """Draw a clip, unless it has been drawn, and return it."""
    from speechface.media import VideoWriter
    from speechface.synthesis.scene import frames, portrait

    weights = motion.on(rig.channels)
    name = hashlib.sha256(clip_id.encode()).digest()
    scene = portrait(rig, width=WIDTH, height=HEIGHT, number=number, rng=np.random.default_rng([seed, *name[:4]]))
    digest = hashlib.sha256(repr((motion.fps, scene)).encode())
    for array in (weights, motion.rotations, rig.neutral, rig.shapes, rig.colors):
        digest.update(np.ascontiguousarray(array))
    video = folder / f"{clip_id}-{digest.hexdigest()[:12]}.mp4"
    if not video.exists():
        video.parent.mkdir(parents=True, exist_ok=True)
        unfinished = video.with_suffix(".part.mp4")
        with VideoWriter(unfinished, width=WIDTH, height=HEIGHT, fps=motion.fps, audio=None, sr=SR, crf=CRF) as writer:
            for image, _ in frames(rig, scene, renderer(), weights=weights, rotations=motion.rotations):
                writer.write(image)
        unfinished.rename(video)
    return Drawn(clip_id, video, rig, weights, motion.rotations, scene, motion.fps)
