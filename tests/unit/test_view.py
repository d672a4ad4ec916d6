"""The page of `speechface view`, opened in headless Chromium."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from animations import talking
from avatars import avatar
from synthetic import synthetic_rig

import speechface.viewer
from speechface.cli import main
from speechface.export.animation import Sound
from speechface.export.head_mesh import cut
from speechface.export.registry import FORMATS
from web import browser

WEB = Path(__file__).resolve().parents[1] / "web"


def spoken(tmp_path, name="one", click_s=0.7):
    """A .glb of a second whose mouth opens in its middle, with a click in its sound."""
    jaw = np.zeros(30)
    jaw[10:20] = 0.8
    animation = talking(tmp_path, jawOpen=jaw)
    samples = np.zeros(48000, np.float32)
    samples[round(click_s * 48000)] = 0.9
    animation.name, animation.sound = name, Sound(samples, 48000, "click.wav")
    return FORMATS["glb"].write(animation, tmp_path)


def test_the_page_plays_seeks_and_slides_without_network(tmp_path, capsys):
    files = [spoken(tmp_path, "one"), spoken(tmp_path, "two")]
    out = tmp_path / "page.html"
    assert main(["view", *map(str, files), "--out", str(out)]) == 0
    assert capsys.readouterr().out.split() == [str(out)]
    rig = synthetic_rig()
    offsets = cut(rig, ordered=False, still_mm=0.03)[0].offsets[rig.channels.index("jawOpen")]
    lowest = int(offsets[:, 1].argmin())
    shots = [{"width": 1200, "height": 900, "time": 0.5}, {"width": 390, "height": 844, "time": 0.1}]
    found = browser("view.mjs", file=str(out), shots=shots, slide={"channel": "jawOpen", "vertex": lowest})
    assert [take["name"] for take in found["takes"]] == ["one.glb", "two.glb"]
    assert [url.rpartition("/")[2] for url in found["requests"]] == ["page.html"]
    assert found["played"]["time"] > 0.3
    assert [place["time"] for place in found["places"]] == [0.5, 0.1]
    assert not any(place["wide"] for place in found["places"])  # nothing sticks out on a phone
    # the sound is in step: decoded by the browser, the click is where it was, within a few samples of mp3's smear
    assert found["loudest"] == pytest.approx(0.7, abs=1e-3)
    assert found["takes"][0]["sound"] == pytest.approx(1.0, abs=0.03)
    before, after, released = (np.array(found["moved"][name]) for name in ("before", "after", "released"))
    np.testing.assert_allclose(after - before, offsets[lowest], atol=1e-6)
    np.testing.assert_allclose(released, before, atol=1e-7)


def test_an_avatar_without_sound_takes_the_one_that_is_given(tmp_path):
    from speechface.audio.sound import write_wav

    animation = talking(tmp_path, jawOpen=np.zeros(30))
    animation.avatar_file = str(avatar(tmp_path))
    path = FORMATS["avatar"].write(animation, tmp_path / "out")
    samples = np.zeros(16000, np.float32)
    samples[4000] = 0.9
    write_wav(tmp_path / "click.wav", samples, 16000)
    out = tmp_path / "page.html"
    assert main(["view", str(path), "--sound", str(tmp_path / "click.wav"), "--out", str(out)]) == 0
    found = browser("view.mjs", file=str(out), shots=[{"width": 800, "height": 600, "time": 0.2}])
    assert found["loudest"] == pytest.approx(0.25, abs=1e-3)


def test_files_that_cannot_be_shown_are_told_in_one_line(tmp_path, capsys):
    (tmp_path / "text.glb").write_text("hello, I am no face")
    still = avatar(tmp_path)
    for file, message in ((tmp_path / "none.glb", "cannot be read"), (tmp_path / "text.glb", "no binary glTF"),
                          (still, "no animation")):  # fmt: skip
        assert main(["view", str(file), "--out", str(tmp_path / "page.html")]) == 1
        told = capsys.readouterr().err
        assert message in told
        assert told.count("\n") == 1
    assert main(["view", *["x.glb"] * 3, "--out", str(tmp_path / "page.html")]) == 1
    assert not (tmp_path / "page.html").exists()


def test_the_bundle_is_that_of_its_source_and_small(tmp_path):
    """Skipped where esbuild is not installed."""
    folder = Path(speechface.viewer.__file__).parent
    bundle = folder / "viewer.min.js"
    assert bundle.stat().st_size <= 700_000
    assert "MIT" in (folder / "NOTICE.txt").read_text()
    if not shutil.which("node") or not (WEB / "node_modules" / ".bin" / "esbuild").exists():
        pytest.skip("needs esbuild: make test-web")
    subprocess.run(["sh", str(WEB / "bundle.sh"), str(tmp_path / "again.js")], check=True)
    assert (tmp_path / "again.js").read_bytes() == bundle.read_bytes(), "make viewer"
