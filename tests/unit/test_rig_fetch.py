"""The download: every file checked, whole or absent."""

import hashlib
import io
import tarfile

import pytest

from speechface.errors import RigError
from speechface.rig.fetch import fetch, manifest
from speechface.rig.ict import object_names

FILES = {"LICENSE": b"free", "FaceXModel/a.obj": b"v 0 0 0\n" * 4000, "FaceXModel/unused.obj": b"no"}
PINNED = {name: hashlib.sha256(FILES[name]).hexdigest() for name in ("LICENSE", "FaceXModel/a.obj")}


def packed(path, files, folder="ICT-FaceKit-da5f95a/"):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(folder + name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def contents(path):
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}


def test_pinned_files_are_those_that_a_rig_reads():
    names = {f"FaceXModel/{name}.obj" for name in object_names(30)} | {"LICENSE"}
    assert set(manifest()["files"]) == names
    assert all(len(digest) == 64 for digest in manifest()["files"].values())
    assert manifest()["commit"] in manifest()["url"]


@pytest.mark.parametrize("folder", ["ICT-FaceKit-da5f95a/", ""])
def test_only_the_pinned_files_are_kept_without_the_leading_folder(serve, tmp_path, folder):
    www, address = serve
    packed(www / "ict.tar.gz", FILES, folder)
    out = tmp_path / "deep" / "ict.tar.xz"
    assert fetch(out, url=f"{address}/ict.tar.gz", pinned={"files": PINNED}) == 2
    assert contents(out) == {name: FILES[name] for name in PINNED}
    assert [path.name for path in out.parent.iterdir()] == ["ict.tar.xz"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (FILES | {"FaceXModel/a.obj": b"v 0 0 1\n"}, "a.obj is not the expected file"),
        ({"LICENSE": b"free"}, "a.obj is missing"),
    ],
)
def test_wrong_or_missing_files_leave_nothing_behind(tmp_path, files, words):
    archive = packed(tmp_path / "ict.tar.gz", files)
    out = tmp_path / "out" / "ict.tar.xz"
    with pytest.raises(RigError, match=words):
        fetch(out, url=archive.as_uri(), pinned={"files": PINNED})
    assert list(out.parent.iterdir()) == []


def test_what_is_no_archive_is_said(tmp_path):
    (tmp_path / "page.html").write_text("<html>sign in</html>")
    with pytest.raises(RigError, match="not a readable archive"):
        fetch(tmp_path / "o.tar.xz", url=(tmp_path / "page.html").as_uri(), pinned={"files": PINNED})


def test_missing_address_says_what_to_do_by_hand(serve, tmp_path):
    with pytest.raises(RigError, match=r"404.*by hand.*rig\.source"):
        fetch(tmp_path / "x.tar.xz", url=serve[1] + "/nothing")
