"""The download: every file checked, whole or absent."""

import functools
import hashlib
import http.server
import io
import tarfile
import threading

import pytest

from speechface.errors import RigError
from speechface.rig.fetch import download, fetch, manifest
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


@pytest.fixture
def serve(tmp_path):
    """Serve a folder over HTTP on this machine; yields its address."""
    (tmp_path / "www").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "www")
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield tmp_path / "www", f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


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
        download(serve[1] + "/nothing", tmp_path / "x")


def test_an_interrupted_download_starts_again_where_the_server_cannot_resume(serve, tmp_path):
    www, address = serve
    (www / "data").write_bytes(bytes(range(256)) * 100)
    (tmp_path / "part").write_bytes(b"first bytes of an earlier attempt")
    download(address + "/data", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == bytes(range(256)) * 100


def test_an_interrupted_download_goes_on_where_the_server_can(tmp_path, monkeypatch):
    whole = bytes(range(256)) * 100

    class Answer(io.BytesIO):
        status = 206
        headers = {"Content-Length": str(len(whole) - 1000)}

    def opened(request, timeout):
        assert request.get_header("Range") == "bytes=1000-"
        return Answer(whole[1000:])

    monkeypatch.setattr("urllib.request.urlopen", opened)
    (tmp_path / "part").write_bytes(whole[:1000])
    download("http://example.org/x", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == whole


def test_a_connection_that_ends_early_is_an_error_and_keeps_what_came(tmp_path, monkeypatch):
    class Answer(io.BytesIO):
        status = 200
        headers = {"Content-Length": "5000"}

    monkeypatch.setattr("urllib.request.urlopen", lambda request, timeout: Answer(b"x" * 3000))
    with pytest.raises(RigError, match="3000 of 5000"):
        download("http://example.org/x", tmp_path / "part")
    assert (tmp_path / "part").stat().st_size == 3000
