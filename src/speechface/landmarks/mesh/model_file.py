"""The one model file of MediaPipe's Face Landmarker that we know: where it comes from, and whether it is whole.

Float16, version 1, with blendshapes; Apache License 2.0, Google. A zip of three TFLite networks.
"""

import hashlib
import os
import zipfile
from pathlib import Path

from speechface.download import download
from speechface.errors import ModelError

__all__ = ["SHA256", "URL", "fetch", "read_networks"]

URL = "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task"
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
_NETWORKS = ("face_detector", "face_landmarks_detector", "face_blendshapes")
_FETCH = "fetch it with `speechface fetch-model --out FILE` and name it in landmarks.model"


def _check(content: bytes, path: str | os.PathLike) -> None:
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise ModelError(
            f"{path}: not the expected model of face landmarks: SHA-256 {digest} ({len(content):,} bytes), expected "
            f"{SHA256}; {_FETCH}"
        )


def read_networks(path: str | os.PathLike) -> dict[str, bytes]:
    """Return the networks ``face_detector``, ``face_landmarks_detector`` and ``face_blendshapes`` of the model file.

    Raises
    ------
    ModelError
        If the file is missing, or another one than that which the points of rigs were found with.
    """
    if not path or not Path(path).is_file():
        raise ModelError(f"{path or 'landmarks.model'}: the model of face landmarks is missing; {_FETCH}")
    _check(Path(path).read_bytes(), path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(f"{name}.tflite") for name in _NETWORKS}


def fetch(out: str | os.PathLike, *, url: str = URL) -> None:
    """Download the model file and check it; `out` is whole or absent.

    Parameters
    ----------
    out : path-like
    url : str, another place of the same file (a mirror, a file:// address)

    Raises
    ------
    ModelError
        If the download fails, or brings another file, which is removed.
    """
    out = Path(out)
    partial = out.with_name(out.name + ".part")
    partial.parent.mkdir(parents=True, exist_ok=True)
    download(url, partial, error=ModelError, by_hand=f"download {url} by hand and name the file in landmarks.model")
    try:
        _check(partial.read_bytes(), url)
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)
