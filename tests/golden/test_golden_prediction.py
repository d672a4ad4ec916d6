import json

import network_case
import numpy as np
import torch

from golden import check, some
from speechface.clip_tables import ClipTable
from speechface.config import model_settings
from speechface.networks.loading import save_model
from speechface.networks.predictor import TrainedModel
from speechface.networks.registry import build_network, network_spec, output_columns


def untrained(stats):
    """A network with known parameters that is told the speaker's face at rest."""
    settings = model_settings({"head": "bigru", "outputs": "weights_rotation", "rest": "given"})
    spec = network_spec(settings, input_shape=(32, 8), width=0.05)
    network = build_network(spec, stats).eval()
    rng = np.random.default_rng(5)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.as_tensor(rng.normal(0, 0.3, tuple(parameter.shape))))
    return TrainedModel(network, "net", 4, "spectrogram", {"n_fft": 256, "audio_sr": 44100},
                        output_columns(settings, stats["channels"]), np.array(stats["observed"]), spec, stats,
                        {"model": settings.dump()}, np.full(52, 0.25, np.float32))  # fmt: skip


def test_predictions_are_those_recorded(tmp_path):
    save_model(tmp_path / "m.ckpt", untrained(network_case.stats_of(tmp_path)))
    network_case.command(
        "predict", "--model", tmp_path / "m.ckpt", "--clips", tmp_path / "splits.parquet", "--dataset", "set",
        "--features", tmp_path / "spectrogram.parquet", "--labels", tmp_path / "labels.parquet", "--out",
        tmp_path / "p.parquet",
    )  # fmt: skip
    table = ClipTable(tmp_path / "p.parquet")
    entries = [{key: entry[key] for key in ("id", "status", "reason", "meta")} for entry in table.entries.values()]
    found = {"entries": json.dumps(entries, sort_keys=True), "columns": json.dumps(table.schema.names),
             "shared": json.dumps({key: table.meta[key] for key in ("model", "seed", "feature")}),
             "rows": some(table.read("set/Actor_02/clip_1").stack(table.schema.names[5:]), 100)}  # fmt: skip
    check("prediction", found, {"rows": 1e-5})  # float32 sums in another order
