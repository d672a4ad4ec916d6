"""Files that are either whole or absent."""

import contextlib
import io
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["written_whole", "write_npz"]


@contextlib.contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[str]:
    """Yield a temporary name beside `path`; rename it to `path` on success, remove it on failure.

    The temporary name keeps the extension, since many writers choose a format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def write_npz(path: str | os.PathLike, arrays: Mapping[str, Any]) -> None:
    """Write a dict of arrays as .npz, whole or absent, the same bytes for the same arrays."""
    import numpy as np

    with written_whole(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            buffer = io.BytesIO()
            # ascontiguousarray would turn a scalar into an array of one
            np.save(buffer, np.asarray(arrays[name], order="C"), allow_pickle=False)
            # a fixed time stamp: numpy.savez writes the present
            archive.writestr(zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0)), buffer.getvalue(),
                             zipfile.ZIP_DEFLATED)  # fmt: skip
