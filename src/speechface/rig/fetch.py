"""Download the ICT-FaceKit files, check every one, and keep those a rig is built from."""

import hashlib
import io
import json
import os
import tarfile
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

from speechface.download import download
from speechface.errors import RigError
from speechface.files import written_whole

__all__ = ["manifest", "repack", "fetch"]


def manifest() -> dict[str, Any]:
    """The pinned files: dict with ``url``, ``commit`` and ``files`` (path -> SHA-256)."""
    return json.loads(resources.files("speechface.rig").joinpath("ict_manifest.json").read_text())


def repack(archive: str | os.PathLike, out: str | os.PathLike, files: dict[str, str]) -> None:
    """Copy the wanted files of a tar archive into a new one, whole or not at all.

    Parameters
    ----------
    archive : path-like, tar of any compression; the files may lie in one common folder
    out : path-like, ends in .tar, .tar.gz or .tar.xz
    files : dict of str -> str
        Path of each wanted file -> its SHA-256 in hexadecimal.

    Raises
    ------
    RigError
        If a file is missing or differs from what its checksum says.
    """
    found = {}
    try:
        with tarfile.open(archive, "r:*") as source:
            for member in source:
                name = _wanted(member.name, files)
                file = source.extractfile(member) if name and member.isfile() else None
                if name is None or file is None:
                    continue
                content = file.read()
                digest = hashlib.sha256(content).hexdigest()
                if digest != files[name]:
                    raise RigError(
                        f"{archive}: {name} is not the expected file: SHA-256 {digest}, expected {files[name]}"
                    )
                found[name] = content
    except (tarfile.TarError, EOFError, OSError) as error:
        raise RigError(f"{archive}: not a readable archive ({error})") from None
    missing = sorted(set(files) - set(found))
    if missing:
        raise RigError(f"{archive}: {missing[0]} is missing ({len(missing)} of {len(files)} files)")
    options: dict[str, dict[str, Any]] = {"w:xz": {"preset": 1}, "w:gz": {"compresslevel": 6}, "w": {}}
    mode: Any = {".xz": "w:xz", ".gz": "w:gz"}.get(Path(out).suffix, "w")
    with written_whole(out) as temporary, tarfile.open(temporary, mode, **options[mode]) as target:
        for name in sorted(found):
            entry = tarfile.TarInfo(name)
            entry.size = len(found[name])
            target.addfile(entry, io.BytesIO(found[name]))


def _wanted(name, files):
    """The key of `files` that an archive member is, with or without a leading folder; else None."""
    parts = PurePosixPath(name).parts
    for start in (0, 1):
        path = "/".join(parts[start:])
        if path in files:
            return path
    return None


def fetch(out: str | os.PathLike, *, url: str | None = None, pinned: dict[str, Any] | None = None) -> int:
    """Download, check and repack; returns the number of files kept.

    Parameters
    ----------
    out : path-like, archive to write
    url : str, optional, another place of the same archive (a mirror, a file:// address)
    pinned : dict, optional, another manifest

    Raises
    ------
    RigError
        If the download fails or a file differs; a wrong download is removed, `out` is whole or absent.
    """
    pinned = pinned or manifest()
    partial = Path(out).with_name(Path(out).name + ".part")
    partial.parent.mkdir(parents=True, exist_ok=True)
    url = url or pinned["url"]
    download(
        url, partial, error=RigError, by_hand=f"download {url} by hand, unpack it and name its folder in rig.source"
    )
    try:
        repack(partial, out, pinned["files"])
    finally:
        partial.unlink(missing_ok=True)
    return len(pinned["files"])
