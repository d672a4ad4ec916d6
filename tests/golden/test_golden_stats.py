import network_case

from golden import check, some

NUMBERS = ("weight_mean", "weight_std", "rotation_mean", "rotation_std", "feature_mean", "feature_std")


def test_statistics_are_those_recorded(tmp_path):
    stats = network_case.stats_of(tmp_path)
    found = {name: some(stats[name], 20) for name in NUMBERS}
    found |= {"n_frames": stats["n_frames"], "n_clips": stats["n_clips"], "observed": stats["observed"]}
    check("stats", found, dict.fromkeys(NUMBERS, 1e-9))  # float64 sums in another order
