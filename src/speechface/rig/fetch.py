"""Download the ICT-FaceKit files, check every one, and keep those a rig is built from."""

import hashlib
import io
import json
import os
import tarfile
import urllib.error
import urllib.request
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

from speechface.errors import RigError
from speechface.files import written_whole

__all__ = ["manifest", "download", "repack", "fetch"]

_BLOCK = 1 << 20
_TIMEOUT_S = 60


def manifest() -> dict[str, Any]:
    """The pinned files: dict with ``url``, ``commit`` and ``files`` (path -> SHA-256)."""
    return json.loads(resources.files("speechface.rig").joinpath("ict_manifest.json").read_text())


def download(url: str, path: str | os.PathLike) -> None:
    """Copy `url` to the file `path`; goes on where an earlier attempt ended if the server can.

    Raises
    ------
    RigError
        If the server cannot be reached or the connection ends early; what has come stays for the next attempt.
    """
    path = Path(path)
    have = path.stat().st_size if path.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            resumed = have and answer.status == 206
            expected = answer.headers.get("Content-Length")
            with open(path, "ab" if resumed else "wb") as file:
                start = file.tell() if resumed else 0
                while block := answer.read(_BLOCK):
                    file.write(block)
                got = file.tell() - start
        if expected is not None and got != int(expected):
            raise OSError(f"{got} of {expected} bytes came")
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is left to fetch
            return
        raise RigError(f"{url}: {error}; {_by_hand(url)}") from None
    except OSError as error:
        raise RigError(
            f"{url}: download failed ({getattr(error, 'reason', error)}); run it again, or {_by_hand(url)}"
        ) from None


def _by_hand(url):
    return f"download {url} by hand, unpack it and name its folder in rig.source"


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
    download(url or pinned["url"], partial)
    try:
        repack(partial, out, pinned["files"])
    finally:
        partial.unlink(missing_ok=True)
    return len(pinned["files"])
