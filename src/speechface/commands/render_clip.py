"""Show a clip's face, the rig moved by its labels and the rig moved by a prediction, with the clip's sound.

The sound is in step: where it stands late in the file (--audio-delay-ms), it is heard earlier here.

Every frame of labels, prediction and face images is shown; where one of the three is shorter, words take its place,
and so they do for a clip whose face images were not made.
Numbers come from the labels as they are; for display labels are median-filtered over a few frames. A prediction
without head rotation is shown with the rotation of the labels, and the heading says so. With show: samples, three
samples of a model that draws take the places of face, labels and prediction. A clip that cannot be used gives a short
video that says why.
"""

import argparse
import logging
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from speechface.commands.common import add_delay, add_settings, delay_of, settings_of

if TYPE_CHECKING:
    import numpy as np

    from speechface.rig.rig import Rig
    from speechface.sections import RenderingSettings
    from speechface.tables import Table

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)

_CRF = 20
_MESSAGE_S = 2
_SAMPLES = ("sample 1", "sample 2", "sample 3")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clip", required=True, metavar="ID", help="clip to show, DATASET/ACTOR/CLIP")
    parser.add_argument("--prediction", required=True, metavar="TABLE", help="predicted weights")
    parser.add_argument("--labels", required=True, metavar="TABLE", help="labels")
    parser.add_argument("--crops", required=True, metavar="TABLE", help="face images")
    parser.add_argument("--audio", required=True, metavar="TABLE", help="sound")
    add_delay(parser)
    parser.add_argument("--rig", required=True, metavar="NPZ", help="rig of labels and prediction")
    parser.add_argument("--identity", metavar="NPZ", help="identity of the clip's actor (default: the rig's mean)")
    parser.add_argument("--out", required=True, metavar="MP4", help="video to write")
    add_settings(parser, "rendering")


def run(args: argparse.Namespace) -> None:
    from speechface.clip_tables import ClipTable
    from speechface.errors import ClipError
    from speechface.logs import clip_in_work
    from speechface.names import unescaped

    settings = settings_of(args)
    args.clip = unescaped(args.clip)
    with clip_in_work(args.clip):
        try:
            tables = []
            for name, path in (("labels", args.labels), ("prediction", args.prediction)):
                table = ClipTable(path).read(args.clip)
                if not table.usable or len(table) == 0:
                    raise ClipError(f"no {name}: {table.reason or 'the table has no rows'}")
                tables.append(table)
            _render(tables[0], tables[1], args, settings)
        except ClipError as error:
            _write_message(args.out, args.clip, str(error), settings)
            LOG.warning("unusable, wrote a video that says so: %s", error)


def _motion(table: "Table", columns: Sequence[str], count: int) -> "np.ndarray":
    """Columns of a table by frame number: (count, n) float32, NaN rows where the table has no such frame."""
    import numpy as np

    out = np.full((count, len(columns)), np.nan, np.float32)
    out[table["frame"]] = table.stack(columns)
    return out


def _identity(args: argparse.Namespace, rig: "Rig") -> "np.ndarray | None":
    from speechface.commands.fit_identity import read_identity
    from speechface.errors import RigError

    if not args.identity:
        return None
    found = read_identity(args.identity)
    if found["status"] != "ok":
        return None
    if found["rig"] != rig.name:
        raise RigError(f"{args.identity} was fitted with rig '{found['rig']}', {args.rig} is '{rig.name}'")
    return found["identity"]


def _frame_rate(labels: "Table") -> Fraction:
    """Frame rate of the clip as a Fraction, from the metadata or the times of the frames."""
    import numpy as np

    from speechface.errors import TableError

    fps = labels.meta.get("frame_rate") or labels.meta.get("fps")
    if not fps and len(labels) > 1:
        fps = 1 / np.median(np.diff(labels["time"]) / np.diff(labels["frame"]))
    if not fps:
        raise TableError("the table of labels says neither frame rate nor times")
    return Fraction(fps).limit_denominator(1001)


def _prepare(
    labels: "Table", prediction: "Table", rig: "Rig", observed: "np.ndarray", settings: "RenderingSettings"
) -> dict[str, Any]:
    """Arrays of every frame to show, as a dict."""
    import numpy as np
    from scipy.ndimage import median_filter

    from speechface.geometry.ibug import MOUTH
    from speechface.rig.channels import ROTATIONS

    count = 1 + max(int(labels["frame"].max()), int(prediction["frame"].max()))
    truth = _motion(labels, rig.channels, count)
    found = _motion(prediction, rig.channels, count)
    turned = _motion(labels, ROTATIONS, count)
    has_rotation = ROTATIONS[0] in prediction.columns
    turned_found = _motion(prediction, ROTATIONS, count) if has_rotation else turned
    difference = rig.displacement(np.where(observed, found - truth, 0), rig.landmarks[MOUTH])
    used = np.zeros(count, bool)
    used[labels["frame"]] = labels["used"].astype(bool) if "used" in labels.columns else True
    window = (settings.median_frames, 1)
    return {
        "label": median_filter(truth, window, mode="nearest"),
        "prediction": found,
        "label_rotation": np.nan_to_num(median_filter(turned, window, mode="nearest")),
        "prediction_rotation": np.nan_to_num(turned_found),
        "mouth_mm": np.sqrt(np.mean(np.sum(difference**2, -1), -1)),
        "used": used,
        "has_rotation": has_rotation,
    }


def _samples(
    prediction: "Table", motion: dict[str, Any], path: str, channels: Sequence[str]
) -> dict[str, "np.ndarray"]:
    """Weights of `channels` and rotations of three samples of every frame to show."""
    import numpy as np

    from speechface.errors import TableError
    from speechface.rig.channels import ROTATIONS

    further = prediction.columns.get("samples", np.zeros((0, 0)))
    if further.shape[1] < len(_SAMPLES) - 1:
        raise TableError(
            f"{path}: rendering.show is samples; it takes three of a model that draws (predict --samples 3; config: "
            "evaluation.samples)"
        )
    found = {_SAMPLES[0]: motion["prediction"], f"{_SAMPLES[0]}_rotation": motion["prediction_rotation"]}
    names = prediction.meta["columns"]
    for k, sample in enumerate(_SAMPLES[1:]):
        for key, columns in ((sample, channels), (f"{sample}_rotation", ROTATIONS)):
            if columns[0] not in names:
                found[key] = motion["label_rotation"]
                continue
            rows = np.full((len(motion["prediction"]), len(columns)), np.nan, np.float32)
            rows[prediction["frame"]] = further[:, k, [names.index(name) for name in columns]]
            found[key] = rows
    return found


def _render(labels: "Table", prediction: "Table", args: argparse.Namespace, settings: "RenderingSettings") -> None:
    import cv2
    import numpy as np

    from speechface.clip_tables import ClipTable
    from speechface.errors import TableError
    from speechface.geometry.rotation import matrix_from_euler
    from speechface.media import VideoWriter
    from speechface.render.pose import Poser
    from speechface.render.renderer import Renderer
    from speechface.render.talking_head import portrait_camera
    from speechface.render.visualiser import Visualiser
    from speechface.rig.channels import require, told
    from speechface.rig.rig import Rig
    from speechface.sound_tables import read_sound

    cv2.setNumThreads(1)
    rig = Rig.load(args.rig)
    if labels.meta.get("rig", rig.name) != rig.name:
        raise TableError(f"{args.labels} was fitted with rig '{labels.meta['rig']}', {args.rig} is '{rig.name}'")
    for table, path in ((labels, args.labels), (prediction, args.prediction)):
        require(told(table.meta, path), rig.channels, where=path, of=f"rig {args.rig}")
    observed = np.array(labels.meta.get("observed", [True] * len(rig.channels)), bool)
    motion = _prepare(labels, prediction, rig, observed, settings)
    neutral = rig.mesh(None, _identity(args, rig))
    fps = _frame_rate(labels)
    sound = read_sound(ClipTable(args.audio), args.clip, delay_ms=delay_of(args)(args.clip))
    audio, sr = sound.since(0.0), sound.sr
    model = prediction.meta.get("model", "prediction")
    rotated = "" if motion["has_rotation"] else ", head as labelled"
    headings = ["face", "rig from labels", f"rig from sound ({model}{rotated})"]
    if settings.show == "samples":
        motion |= _samples(prediction, motion, args.prediction, rig.channels)
        headings = [f"{model}, {name}" for name in _SAMPLES]
    page = Visualiser(
        settings.size, title=args.clip, headings=headings, channels=rig.channels, observed=observed
    )  # fmt: skip
    count = len(motion["label"])
    good = motion["used"] & np.isfinite(motion["mouth_mm"])
    overall = np.sqrt(np.mean(motion["mouth_mm"][good] ** 2)) if good.any() else np.nan
    camera, translation = portrait_camera(rig, page.size, face_fraction=0.5, raise_by=0.08, neutral=neutral)

    poser = Poser(rig, neutral)

    def draw(renderer, name, k):
        turn = matrix_from_euler(motion[name + "_rotation"][k : k + 1])
        ((vertices, normals),) = poser.frames(motion[name][k : k + 1], turn, translation)
        return renderer.draw(vertices, rig, camera=camera, vignette=0.3, normals=normals)

    shown_faces = 0
    with (
        Renderer(page.size, page.size) as renderer,
        VideoWriter(args.out, width=page.width, height=page.height, fps=fps, audio=audio, sr=sr, crf=_CRF) as video,
    ):
        for k, face in _paired(count, args.crops, args.clip):
            shown_faces += face is not None
            inside = k < count
            label = motion["label"][k] if inside and np.isfinite(motion["label"][k]).all() else None
            found = motion["prediction"][k] if inside and np.isfinite(motion["prediction"][k]).all() else None
            images = [
                None if face is None else cv2.resize(face, (page.size, page.size), interpolation=cv2.INTER_CUBIC),
                None if label is None else draw(renderer, "label", k),
                None if found is None else draw(renderer, "prediction", k),
            ]
            notes = [
                "no face image" if face is None else "",
                "no label" if label is None else "" if motion["used"][k] else "label not used",
                "no prediction" if found is None else "",
            ]
            if settings.show == "samples":
                images = [None if found is None else draw(renderer, name, k) for name in _SAMPLES]
                notes = 3 * [notes[2]]
            text = _error_text(motion["mouth_mm"][k] if inside else np.nan, overall)
            video.write(page.frame(images, label, found, time=float(k / fps), text=text, notes=notes))
        total = video.count
    seconds = len(audio) / sr
    if len({total, count, shown_faces, len(labels), len(prediction)}) > 1 or abs(seconds - total / fps) > 1.5 / fps:
        LOG.warning(
            "lengths differ: %d labels, %d predictions, %d face images, %.2f s of sound; all %d frames are shown",
            len(labels), len(prediction), shown_faces, seconds, total,
        )  # fmt: skip
    LOG.info("%d frames at %s/s, mouth RMSE %.2f mm", total, fps, overall)


def _paired(count: int, crops: str, clip_id: str) -> "Iterator[tuple[int, np.ndarray | None]]":
    """Yield (frame number, face image or None) until both the tables' `count` frames and the images have ended."""
    from speechface.clip_tables import ClipTable
    from speechface.media import decode_rgb

    k, table = -1, ClipTable(crops)
    if clip_id in table and table.entry(clip_id)["status"] == "ok":
        for k, face in enumerate(decode_rgb(f"{crops}::{clip_id}")):
            yield k, face
    for rest in range(k + 1, count):
        yield rest, None


def _error_text(now, overall):
    import math

    here = f"{now:.1f} mm" if math.isfinite(now) else "–"
    everywhere = f"{overall:.2f} mm" if math.isfinite(overall) else "–"
    return f"mouth error {here}   (whole clip {everywhere})"


def _write_message(out: str, title: str, text: str, settings: "RenderingSettings") -> None:
    from speechface.media import VideoWriter
    from speechface.render.visualiser import Visualiser, message_image
    from speechface.rig.channels import ARKIT52

    page = Visualiser(settings.size, title="", headings=("", "", ""), channels=ARKIT52, observed=[True] * len(ARKIT52))
    image = message_image(page.width, page.height, title, text)
    with VideoWriter(out, width=page.width, height=page.height, fps=10, crf=_CRF) as video:
        for _ in range(10 * _MESSAGE_S):
            video.write(image)
