import json

import network_case

from golden import check, some
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.tables import read_table

#: Facts that stand in the metadata of a train table.
FACTS = ("feature", "feature_settings", "n_clips", "n_frames", "unused", "missing", "left_out", "observed", "channels")


def test_splits_are_those_recorded(tmp_path):
    folder = network_case.splits_of(tmp_path)
    clips = read_table(folder / "splits.parquet")
    found = {name: json.dumps(clips[name].tolist()) for name in ("split", "reason", "n_frames", "n_used")}
    for side in ("train", "test"):
        table = read_table(folder / f"{side}.parquet")
        found[f"{side}_columns"] = json.dumps(list(table.columns))
        found[f"{side}_facts"] = json.dumps({name: table.meta[name] for name in FACTS}, sort_keys=True)
        found[f"{side}_frame"], found[f"{side}_time"] = table["frame"], table["time"]
        found[f"{side}_spectrogram"], found[f"{side}_weights"] = some(table["spectrogram"]), some(table.stack(CHANNELS))
    exact = 1e-12  # nothing is computed; 12 digits are recorded
    check("splits", found, {name: exact for name in found if name.endswith(("time", "spectrogram", "weights"))})
