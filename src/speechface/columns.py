"""What the columns of our tables hold: unit and meaning of each, written into the schema of every table.

A field of a table's Arrow schema has the metadata ``unit`` and ``description`` where we know them, and, where a row is
an array, ``shape`` (of a row), ``dtype`` (of its stored bytes, if it is stored as binary) and ``scale`` (what a stored
byte is worth). So any reader of Parquet can tell, without this package.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from speechface.rig.channels import ARKIT52, REPORT46

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["COLUMNS", "ID_COLUMNS", "Column", "column", "described"]

#: Columns that name the clip of a row, in every table of many clips.
ID_COLUMNS = ("dataset", "actor", "clip")


class Column(NamedTuple):
    """`unit` ("" where there is none) and `description`, one line."""

    unit: str
    description: str


#: Name -> what it holds. A name means the same in every table.
COLUMNS: dict[str, Column] = {
    "dataset": Column("", "name of the dataset in the config"),
    "actor": Column("", "speaker"),
    "clip": Column("", "recording; dataset/actor/clip is its id"),
    "frame": Column("", "video frame, from 0"),
    "time": Column("s", "when the frame shows; sample 0 of the sound is at the time of frame 0"),
    "detected": Column("", "was a face found? In labels: one that may be believed"),
    "used": Column("", "are the labels good enough to learn from and to be evaluated on?"),
    "score": Column("", "of the face detector; NaN where the face was tracked"),
    "box": Column("px", "face: left, top, right, bottom"),
    "landmarks": Column("px", "points of the detector: x right, y down; NaN without a face"),
    "fault": Column(
        "",
        "of a face not to be believed: 1 damaged, 2 still, 3 mouth covered, 4 other person, 5 too dark or pale; else 0",
    ),
    "landmarks_normalised": Column("", "landmarks in the report's standard frame"),
    "confidence": Column("", "1 / (1 + (expected error / 2 mm)^2); 0 without a face"),
    "reprojection_px": Column("px", "mean distance of the fitted inner landmarks from the detected ones"),
    "rotation_x": Column("rad", "head rotation, R = Rz Ry Rx; x: face down"),
    "rotation_y": Column("rad", "head rotation; y: face to the subject's left"),
    "rotation_z": Column("rad", "head rotation; z: crown to the subject's right"),
    **{f"translation_{axis}": Column("mm", f"head position in camera space, {axis}") for axis in "xyz"},
    "audio": Column("", "16-bit mono FLAC: bytes and file name"),
    "times": Column("s", "of the clip's video frames"),
    "video": Column("", "mp4: bytes and file name"),
    "split": Column("", "train, test, predict, excluded or unused"),
    "reason": Column("", "why a clip is not used"),
    "n_frames": Column("", "video frames"),
    "n_used": Column("", "frames whose labels may be used"),
    "mouth_mm": Column("mm", "RMS error of the mouth's landmarks on the rig"),
}


def column(name: str) -> Column | None:
    """What a column holds; None where we do not know. A unit at the end of a name counts."""
    from speechface.audio.features import FEATURES

    if name in COLUMNS:
        return COLUMNS[name]
    if name in ARKIT52 or name in REPORT46:
        return Column("", "blendshape weight, 0 to 1")
    if name in FEATURES:
        return Column("", "input feature of the frame; its unit is in the table's metadata")
    unit = re.search(r"_(mm2?|px|deg|db|ms|s|pct)$", name)
    return Column(unit.group(1), "") if unit else None


def described(schema: "pa.Schema", shapes: Mapping[str, Sequence[int]], scaled: Mapping[str, float]) -> "pa.Schema":
    """A schema whose fields say unit, meaning, shape of a row and scale.

    Parameters
    ----------
    schema : pyarrow Schema, kept but for the metadata of its fields
    shapes : column -> shape of a row, of those stored flat
    scaled : column -> what one stored unit is worth
    """
    import pyarrow as pa

    fields = []
    for field in schema:
        facts: dict[str, str] = {}
        known = column(field.name)
        if known is not None:
            facts |= {key: text for key, text in known._asdict().items() if text}
        if field.name in shapes:
            facts["shape"] = json.dumps(list(shapes[field.name]))
            if pa.types.is_fixed_size_binary(field.type):
                facts["dtype"] = "uint8"
        if field.name in scaled:
            facts["scale"] = repr(float(scaled[field.name]))
        fields.append(field.with_metadata(facts) if facts else field)
    return pa.schema(fields, schema.metadata)
