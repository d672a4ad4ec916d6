"""Fetching corpora: RAVDESS from its record at Zenodo; of the others, what to do by hand."""

import hashlib
import json
import logging
import os
import shutil
import urllib.error
import urllib.request
import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechface.datasets.sides import member
from speechface.download import download
from speechface.errors import DISK_ERRORS, DownloadError

__all__ = ["CHANNELS", "RECORD", "STEPS", "Archive", "archives", "fetch"]

LOG = logging.getLogger(__name__)

#: What Zenodo tells of RAVDESS: names, sizes, addresses and MD5 sums.
RECORD = "https://zenodo.org/api/records/1188976"
CHANNELS = ("speech", "song")

#: Corpora that are not fetched by a program -> what to do.
STEPS = {
    "savee": """SAVEE (4 men, free for research after registration):
  1. Register at http://kahlan.eps.surrey.ac.uk/savee/Register.html; the account comes by e-mail.
  2. From http://kahlan.eps.surrey.ac.uk/savee/Download.html download AudioVisualClip.zip.
  3. unzip AudioVisualClip.zip -d {out}
  4. In the config: datasets: {{savee: {{adapter: savee, root: {out}, split: {{train: [DC, JE, JK], test: [KL]}}}}}}""",
    "vidtimit": """VidTIMIT (43 people; its page states the terms and the address of the archives):
  1. Read the terms at https://conradsanderson.id.au/vidtimit/ and take the archives of the people you want from there.
  2. for f in *.zip; do unzip -q "$f" -d {out}; done        # gives {out}/fadg0/video/..., {out}/fadg0/audio/...
  3. In the config: datasets: {{vidtimit: {{adapter: vidtimit, root: {out}, split: {{test: [fadg0, mccs0]}}}}}}""",
    "cremad": """CREMA-D (91 actors, Open Database License; 15 GB in Git LFS):
  1. Install Git LFS, then: git lfs install
  2. git clone https://github.com/CheyneyComputerScience/CREMA-D {out}
  3. cd {out} && git lfs pull --include VideoFlash           # without it the files are pointers of 130 bytes
  4. In the config: datasets: {{cremad: {{adapter: cremad, root: {out}/VideoFlash, split: {{test: [1080-1091]}}}}}}""",
    "mead": """MEAD (60 actors, for research; its page has a link for every actor):
  1. From https://wywu.github.io/projects/MEAD/MEAD.html take video.tar and audio.tar of the actors you want.
  2. mkdir -p {out}/M003 && tar -xf video.tar -C {out}/M003 && tar -xf audio.tar -C {out}/M003
  3. In the config: datasets: {{mead: {{adapter: mead, root: {out}, split: {{test: [M003]}}}}}}""",
    "grid": """GRID (34 speakers, free for research):
  1. From https://spandh.dcs.shef.ac.uk/gridcorpus/ take the videos of the speakers you want (s1.mpg_vcd.zip, or both
     parts of s1.mpg_6000 in high quality).
  2. unzip -q s1.mpg_vcd.zip -d {out}
  3. In the config: datasets: {{grid: {{adapter: grid, root: {out}, actors: [s1], split: {{by: clip}}}}}}""",
}


@dataclass(frozen=True)
class Archive:
    """A zip file of the record: `name`, `size` in bytes, `md5` in hexadecimal, `url`."""

    name: str
    size: int
    md5: str
    url: str


def archives(
    record: str = RECORD, *, actors: Sequence[str | int] = (), channels: Collection[str] = CHANNELS
) -> list[Archive]:
    """Return the archives of video with sound of some actors and channels, as the record tells of them.

    Raises
    ------
    DownloadError
        If the record cannot be read, or has nothing of what is asked for.
    """
    try:
        with urllib.request.urlopen(record, timeout=60) as answer:
            files = json.load(answer)["files"]
        found = [_archive(file) for file in files]
    except (OSError, ValueError, KeyError, TypeError, urllib.error.URLError) as failure:
        reason = getattr(failure, "reason", failure)
        raise DownloadError(
            f"{record}: the list of RAVDESS's files cannot be read ({reason}); try again later"
        ) from None
    wanted = tuple(f"Video_{channel.capitalize()}_" for channel in channels)
    videos = [one for one in found if one.name.startswith(wanted)]
    chosen = [one for one in videos if not actors or member(one.name.removesuffix(".zip"), actors)]
    if not chosen:
        raise DownloadError(
            f"{record}: no video of actors {list(actors)} and channels {list(channels)} among {len(found)} files"
        )
    return sorted(chosen, key=lambda one: one.name)


def _archive(file: dict[str, Any]) -> Archive:
    kind, _, digest = file["checksum"].partition(":")
    if kind != "md5":
        raise ValueError(f"{file['key']}: expected an MD5 sum, found {file['checksum']}")
    return Archive(file["key"], int(file["size"]), digest, file["links"]["self"])


def fetch(wanted: Sequence[Archive], out: str | os.PathLike[str]) -> list[Path]:
    """Download, check and unpack archives into folders of their names; what is there already is left alone.

    Each archive is removed when it is unpacked. An interrupted download goes on where it ended.

    Returns
    -------
    list of Path, the folders

    Raises
    ------
    DownloadError
        If there is no room, a connection fails for good, or an archive is not what the record says; what has come stays
        for the next attempt, but for a wrong archive.
    """
    out = Path(out)
    missing = [one for one in wanted if not _folder(out, one).exists()]
    _require_room(out, missing)
    for one in missing:
        _fetch(one, out)
    return [_folder(out, one) for one in wanted]


def _folder(out: Path, archive: Archive) -> Path:
    return out / Path(archive.name).stem


def _part(out: Path, archive: Archive) -> Path:
    return out / f".{archive.name}.part"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _require_room(out: Path, missing: Sequence[Archive]) -> None:
    """Videos cannot be compressed further: unpacked they take as much, and the last one twice while it is unpacked."""
    if not missing:
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(out).free
    except OSError as failure:
        raise DownloadError(f"{out}: cannot be made or written ({failure.strerror}); choose another folder") from None
    needed = sum(one.size for one in missing) + max(one.size for one in missing)
    needed -= sum(min(one.size, _size(_part(out, one))) for one in missing)
    if needed > free:
        raise DownloadError(
            f"{out}: {needed / 1e9:.1f} GB are needed for {len(missing)} archives, {free / 1e9:.1f} GB are free; "
            "choose another folder, or fewer actors"
        )


def _fetch(archive: Archive, out: Path) -> None:
    part = _part(out, archive)
    LOG.info("%s: %.0f MB, %.0f of them here", archive.name, archive.size / 1e6, _size(part) / 1e6)
    while _size(part) < archive.size:
        before = _size(part)
        try:
            download(archive.url, part, error=DownloadError, by_hand=f"put {archive.name} unpacked into {out}")
        except DownloadError as failure:
            if _size(part) <= before or "cannot be written" in str(failure):
                raise
            LOG.warning("%s; going on", failure)
    with open(part, "rb") as file:
        digest = hashlib.file_digest(file, "md5").hexdigest()
    if digest != archive.md5:
        part.unlink()
        raise DownloadError(
            f"{archive.url}: not the file of the record: MD5 {digest}, expected {archive.md5}; it was removed, run it "
            "again"
        )
    _unpack(part, _folder(out, archive))
    part.unlink()


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip file into a new folder, whole or not at all."""
    temporary = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as content:
            content.extractall(temporary)
        os.replace(temporary, folder)
    except (zipfile.BadZipFile, OSError) as failure:
        full = getattr(failure, "errno", None) in DISK_ERRORS
        what = "cannot be written" if full else "cannot be unpacked"
        raise DownloadError(f"{folder}: {what} ({failure}); mend that, and run it again") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    LOG.info("%s: %d files", folder, sum(1 for path in folder.rglob("*") if path.is_file()))
