"""Files from the network, and the model of the detector mediapipe: checked, whole or absent."""

import hashlib
import io

import pytest

from speechface.cli import main
from speechface.download import download
from speechface.errors import ModelError
from speechface.landmarks.mesh import model_file


def get(url, path):
    download(url, path, error=ModelError, by_hand="do it by hand")


def test_an_interrupted_download_starts_again_where_the_server_cannot_resume(serve, tmp_path):
    www, address = serve
    (www / "data").write_bytes(bytes(range(256)) * 100)
    (tmp_path / "part").write_bytes(b"first bytes of an earlier attempt")
    get(address + "/data", tmp_path / "part")
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
    get("http://example.org/x", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == whole


def test_a_connection_that_ends_early_is_an_error_and_keeps_what_came(tmp_path, monkeypatch):
    class Answer(io.BytesIO):
        status = 200
        headers = {"Content-Length": "5000"}

    monkeypatch.setattr("urllib.request.urlopen", lambda request, timeout: Answer(b"x" * 3000))
    with pytest.raises(ModelError, match="3000 of 5000"):
        get("http://example.org/x", tmp_path / "part")
    assert (tmp_path / "part").stat().st_size == 3000


def test_the_model_is_fetched_checked_and_put_in_place(serve, tmp_path, monkeypatch):
    www, address = serve
    (www / "face.task").write_bytes(b"networks")
    monkeypatch.setattr(model_file, "SHA256", hashlib.sha256(b"networks").hexdigest())
    out = tmp_path / "deep" / "face.task"
    assert main(["fetch-model", "--out", str(out), "--url", address + "/face.task"]) == 0
    assert out.read_bytes() == b"networks"
    assert [path.name for path in out.parent.iterdir()] == ["face.task"]


def test_another_file_than_the_model_is_refused_and_removed(tmp_path, capsys):
    (tmp_path / "other").write_bytes(b"something else")
    out = tmp_path / "face.task"
    assert main(["fetch-model", "--out", str(out), "--url", (tmp_path / "other").as_uri()]) == 1
    assert "not the expected model" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_an_address_without_the_model_says_what_to_do_by_hand(serve, tmp_path):
    with pytest.raises(ModelError, match=r"404.*by hand.*landmarks\.model"):
        model_file.fetch(tmp_path / "x", url=serve[1] + "/nothing")


@pytest.mark.parametrize(("name", "content"), [("absent.task", None), ("wrong.task", b"no zip")])
def test_a_model_that_is_missing_or_wrong_is_said_in_one_line(tmp_path, name, content):
    path = tmp_path / name
    if content:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"fetch-model") as error:
        model_file.read_networks(path)
    assert name in str(error.value)
    assert "\n" not in str(error.value)
