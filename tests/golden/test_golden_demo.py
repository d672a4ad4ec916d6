import numpy as np

from golden import check, some
from speechface.cli import main
from speechface.clip_tables import ClipTable
from speechface.media import decode_audio, decode_rgb
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS

CLIP = "demo/Actor_01/01-01-03-02-02-01-01"


def test_a_clip_is_the_one_recorded(tmp_path, graphics):
    actors, videos, truths = (tmp_path / name for name in ("actors.npz", "videos.parquet", "truth.parquet"))
    assert main(["make-demo-actors", "--n-actors", "1", "--out", str(actors)]) == 0
    outputs = ["--videos", str(videos), "--truth", str(truths)]
    settings = '{"width": 160, "height": 160, "fps": 10}'
    assert (
        main(["make-demo-clips", "--clips", f"{CLIP}=x", "--actors", str(actors), "--settings", settings, *outputs])
        == 0
    )
    truth, source = ClipTable(truths).read(CLIP), f"{videos}::{CLIP}"
    found = {
        "text": truth.meta["text"], "voice": truth.meta["voice"], "n_frames": len(truth),
        "phonemes": " ".join(ipa for _, _, ipa, _ in truth.meta["phonemes"]),
        "weights": some(truth.stack(CHANNELS), 200), "rotations": some(truth.stack(ROTATIONS)),
        "landmarks": some(truth["landmarks"], 100), "identity": truth.meta["identity"],
        "gray": [image.mean() for image in decode_rgb(source)][::5],
        "level": np.sqrt(np.mean(decode_audio(source, sr=48000)[:96000].reshape(10, -1) ** 2, 1)),
    }  # fmt: skip
    # weights and angles: float32; landmarks, pixels: float32 mm at a metre's distance; grey levels: drivers differ at
    # the edges of triangles, and h264 rounds; sound: AAC of another build
    atol = {"weights": 1e-4, "rotations": 1e-5, "landmarks": 0.02, "identity": 1e-5, "gray": 0.5, "level": 1e-3}
    check("demo", found, atol)
