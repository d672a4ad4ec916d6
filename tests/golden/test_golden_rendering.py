import json

import cv2
import numpy as np
import pytest
from tests.unit.stored import write_clip_table, write_sounds

from golden import check
from speechface.cli import main
from speechface.clip_tables import ClipRows
from speechface.media import read_frame
from speechface.rig.builtin import build
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.synthesis.visemes import INDEX

ID, FRAMES, FPS, SR = "set/actor/clip", 6, 25, 16000


@pytest.mark.usefixtures("graphics")
def test_a_page_of_the_visualiser_is_the_one_recorded(tmp_path):
    build().save(tmp_path / "rig.npz")
    weights = np.zeros((FRAMES, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = np.linspace(0, 0.8, FRAMES)
    weights[:, INDEX["mouthSmileLeft"]] = 0.5
    base = {"frame": np.arange(FRAMES, dtype=np.int32), "time": np.arange(FRAMES) / FPS}
    turned = dict(zip(ROTATIONS, np.linspace(0, [0.1, 0.3, -0.1], FRAMES, dtype=np.float32).T))
    label = {**base, **turned, **dict(zip(CHANNELS, weights.T))}
    predicted = {**base, **dict(zip(CHANNELS, 0.5 * weights.T))}
    meta = {"fps": float(FPS), "rig": "builtin", "channels": list(CHANNELS), "observed": [True] * 52}
    write_clip_table(tmp_path / "labels.parquet", "labels", {ID: ClipRows(label, meta)})
    write_clip_table(
        tmp_path / "prediction.parquet",
        "prediction",
        {ID: ClipRows(predicted, {"model": "tcn", "channels": list(CHANNELS)})},
    )
    write_clip_table(tmp_path / "crops.parquet", "crops", {})
    write_sounds(tmp_path / "audio.parquet", {ID: np.zeros(SR * FRAMES // FPS, np.float32)}, sr=SR, fps=FPS)
    tables = [f"--{name}={tmp_path / name}.parquet" for name in ("labels", "prediction", "crops", "audio")]
    settings = json.dumps({"size": 128, "median_frames": 1})
    out = tmp_path / "out.mp4"
    assert main(["render-clip", "--clip", ID, *tables, "--rig", str(tmp_path / "rig.npz"), "--settings", settings,
                 "--out", str(out)]) == 0  # fmt: skip
    page = read_frame(out, FRAMES - 2)
    found = {"shape": page.shape}
    for place, name in enumerate(("face", "label", "prediction")):
        left = (page.shape[1] - 3 * 128 - 2 * 8) // 2 + place * 136
        panel = page[62 : 62 + 128, left : left + 128]
        found[name] = cv2.resize(panel, (8, 8), interpolation=cv2.INTER_AREA).reshape(-1, 3)
    found["page"] = cv2.resize(page, (12, 12), interpolation=cv2.INTER_AREA).mean(2)
    # grey levels of whole tiles: drivers differ at the edges of triangles, x264 rounds, fonts of another version
    check("rendering", found, {"face": 2, "label": 3, "prediction": 3, "page": 2})
