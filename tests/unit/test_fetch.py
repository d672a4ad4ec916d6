"""RAVDESS from a server of our own: cut off, resumed, wrong, without room."""

import errno
import hashlib
import http.server
import io
import json
import threading
import zipfile
from types import SimpleNamespace

import pytest

from speechface.cli import main
from speechface.datasets import fetching


def archive(actor, size=300_000):
    """A zip file of two clips that do not compress, and what a record says of it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for modality in ("01", "02"):
            name = f"Actor_{actor:02d}/{modality}-01-01-01-01-01-{actor:02d}.mp4"
            file.writestr(name, hashlib.shake_128(name.encode()).digest(size // 2))
    return content.getvalue()


class Server:
    """A record with video archives of actors 1 to 3; `cut`: bytes after which a connection ends, one a request."""

    def __init__(self):
        self.files = {f"Video_Speech_Actor_{k:02d}.zip": archive(k) for k in (1, 2, 3)}
        self.files |= {"Video_Song_Actor_01.zip": archive(1), "Audio_Speech_Actors_01-24.zip": b"sound"}
        self.sums = {name: hashlib.md5(content).hexdigest() for name, content in self.files.items()}
        self.cut, self.asked, self.resumes = [], [], True
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def record(self):
        return [{"key": name, "size": len(content), "checksum": f"md5:{self.sums[name]}",
                 "links": {"self": f"{self.url}/{name}"}} for name, content in self.files.items()]  # fmt: skip

    def handler(server):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name, sent = self.path[1:], self.headers.get("Range", "")
                server.asked.append((name, sent))
                if name == "record":
                    return self.answer(json.dumps({"files": server.record()}).encode())
                if name not in server.files:
                    return self.send_error(404)
                start = int(sent[6:].rstrip("-")) if sent and server.resumes else 0
                self.answer(
                    server.files[name][start:], 206 if start else 200, server.cut.pop(0) if server.cut else None
                )

            def answer(self, content, status=200, cut=None):
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[:cut])

            def log_message(self, *args):
                pass

        return Handler

    def fetch(self, out, *options):
        return main(["fetch", "ravdess", "--url", f"{self.url}/record", "--out", str(out), *options])


@pytest.fixture
def server():
    running = Server()
    yield running
    running.http.shutdown()


def clips(out):
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())


def test_the_archives_of_some_actors_and_channels_are_unpacked_once(server, tmp_path):
    assert server.fetch(tmp_path, "--actors", "1-2", "--channels", "speech") == 0
    expected = [f"Video_Speech_Actor_0{k}/Actor_0{k}/0{m}-01-01-01-01-01-0{k}.mp4" for k in (1, 2) for m in (1, 2)]
    assert clips(tmp_path) == expected
    assert len(server.asked) == 3
    assert server.fetch(tmp_path, "--actors", "1", "2") == 0  # of song there is one more
    assert clips(tmp_path)[:2] == [f"Video_Song_Actor_01/Actor_01/0{m}-01-01-01-01-01-01.mp4" for m in (1, 2)]
    assert len(server.asked) == 5


@pytest.mark.parametrize("resumes", [True, False])
def test_a_connection_that_breaks_goes_on_by_itself(server, tmp_path, resumes):
    server.resumes, server.cut = resumes, [100_000, 150_000 if resumes else 250_000]
    assert server.fetch(tmp_path, "--actors", "3") == 0
    assert [sent for name, sent in server.asked[1:]][:2] == ["", "bytes=100000-"]
    assert len(clips(tmp_path)) == 2


def test_without_progress_it_ends_keeps_what_came_and_goes_on_next_time(server, tmp_path, capsys):
    server.cut = [100_000, 0]
    assert server.fetch(tmp_path, "--actors", "3") == 1
    assert "run it again" in capsys.readouterr().err
    assert clips(tmp_path) == [".Video_Speech_Actor_03.zip.part"]
    server.asked.clear()
    assert server.fetch(tmp_path, "--actors", "3") == 0
    assert server.asked[1] == ("Video_Speech_Actor_03.zip", "bytes=100000-")
    assert clips(tmp_path)[0].startswith("Video_Speech_Actor_03/Actor_03/01")


def test_a_wrong_archive_is_removed_and_told(server, tmp_path, capsys):
    content = bytearray(server.files["Video_Speech_Actor_01.zip"])
    content[1000] ^= 1
    server.files["Video_Speech_Actor_01.zip"] = bytes(content)
    assert server.fetch(tmp_path, "--actors", "1", "--channels", "speech") == 1
    said = capsys.readouterr().err
    assert f"expected {server.sums['Video_Speech_Actor_01.zip']}; it was removed" in said
    assert clips(tmp_path) == []


def test_room_is_asked_for_first(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda path: SimpleNamespace(free=500_000))
    assert server.fetch(tmp_path, "--actors", "1", "--channels", "speech") == 1
    assert "0.0 GB are needed for 1 archives" in capsys.readouterr().err
    assert len(server.asked) == 1  # the record
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda path: SimpleNamespace(free=700_000))
    assert server.fetch(tmp_path, "--actors", "1", "--channels", "speech") == 0


@pytest.mark.parametrize("where", ["download", "unpack"])
def test_a_disk_that_fills_up_is_named_and_nothing_half_unpacked_stays(server, tmp_path, capsys, monkeypatch, where):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    if where == "download":
        monkeypatch.setattr("builtins.open", full)
    else:
        monkeypatch.setattr(zipfile.ZipFile, "extractall", full)
    assert server.fetch(tmp_path, "--actors", "1", "--channels", "speech") == 1
    monkeypatch.undo()
    said = capsys.readouterr().err
    assert "cannot be written" in said
    assert "No space left on device" in said
    assert not [path for path in clips(tmp_path) if "Actor_01/" in path]
    assert server.fetch(tmp_path, "--actors", "1", "--channels", "speech") == 0


def test_what_the_record_does_not_have_is_told(server, tmp_path, capsys):
    assert server.fetch(tmp_path, "--actors", "30") == 1
    assert "no video of actors ['30']" in capsys.readouterr().err
    assert main(["fetch", "ravdess", "--url", f"{server.url}/gone", "--out", str(tmp_path)]) == 1
    assert "list of RAVDESS's files cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(fetching.STEPS))
def test_of_other_corpora_the_steps_are_printed_with_the_folder(name, tmp_path, capsys):
    assert main(["fetch", name, "--out", "/data/here"]) == 0
    said = capsys.readouterr().out
    assert said.count("/data/here") >= 2
    assert "https://" in said or "http://" in said
    assert "{" not in said.split("In the config")[0]
