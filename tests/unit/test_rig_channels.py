"""Names of channels: the two lists, mirroring, and motion that goes from one list to another."""

import numpy as np
import pytest
from synthetic import synthetic_rig

from speechface.errors import TableError
from speechface.geometry import mesh478
from speechface.rig.channels import (
    ARKIT52,
    GAZE,
    REPORT46,
    columns,
    limit_mouth_close,
    mirrored,
    on_channels,
    require,
    told,
)


def test_the_lists_are_apples_by_the_alphabet_and_the_reports_of_them():
    assert list(ARKIT52) == sorted({*mesh478.BLENDSHAPES[1:], "tongueOut"})  # mediapipe's names, without its neutral
    assert (len(ARKIT52), len(REPORT46), len(GAZE)) == (52, 46, 8)
    assert set(REPORT46) - set(ARKIT52) == {"noseSneer"}
    assert {name.removesuffix("Left").removesuffix("Right") for name in set(ARKIT52) - set(REPORT46)} == {
        "cheekSquint", "mouthPress", "noseSneer", "tongueOut"
    }  # fmt: skip


@pytest.mark.parametrize("channels", [ARKIT52, REPORT46, ("smileRight", "jawLeft", "jawRight")])
def test_mirroring_twice_changes_nothing(channels):
    twins = mirrored(channels)
    assert [twins[k] for k in twins] == list(range(len(channels)))
    assert twins[channels.index("jawLeft")] == channels.index("jawRight")
    for k in {"noseSneer", "jawOpen", "smileRight"} & set(channels):
        assert twins[channels.index(k)] == channels.index(k)


def test_lips_close_what_the_jaw_has_opened_where_a_list_has_both():
    weights = np.array([[0.2, 0.7], [0.8, 0.3]])
    assert limit_mouth_close(weights.copy(), ("jawOpen", "mouthClose")).tolist() == [[0.2, 0.2], [0.8, 0.3]]
    assert limit_mouth_close(weights.copy(), ("mouthClose", "jawOpen")).tolist() == [[0.2, 0.7], [0.3, 0.3]]
    np.testing.assert_array_equal(limit_mouth_close(weights.copy(), ("mouthClose", "smile")), weights)


def test_motion_of_the_reports_channels_is_the_same_on_both_rigs(rng):
    rig = synthetic_rig()
    small = rig.on(REPORT46)
    assert small.channels == REPORT46
    weights = rng.uniform(0, 1, (5, 46)).astype(np.float32)
    whole = on_channels(weights, REPORT46, ARKIT52)
    # float32 sums at 100 mm
    np.testing.assert_allclose(small.mesh(weights[3]), rig.mesh(whole[3]), atol=1e-4)
    np.testing.assert_array_equal(on_channels(whole, ARKIT52, REPORT46), weights)
    assert not whole[:, columns(ARKIT52, ["tongueOut", "mouthPressLeft", "cheekSquintRight"])].any()


def test_one_sneer_is_the_mean_of_two_and_what_has_no_source_is_still():
    found = on_channels(np.array([0.2, 0.6, 0.9]), ("noseSneerLeft", "noseSneerRight", "jawOpen"), ("noseSneer", "x"))
    assert found == pytest.approx([0.4, 0])


def test_another_list_is_refused_in_one_line():
    assert require(REPORT46, REPORT46, where="t.parquet", of="rig r.npz") == REPORT46
    with pytest.raises(TableError) as caught:
        require(REPORT46, ARKIT52, where="t.parquet", of="rig r.npz")
    assert str(caught.value) == (
        "t.parquet: 46 channels (without cheekSquintLeft, cheekSquintRight, mouthPressLeft, ... and with noseSneer), "
        "expected the 52 of rig r.npz; make it again"
    )
    with pytest.raises(TableError, match=r"52 channels \(in another order\), expected the 52 of"):
        require(ARKIT52[::-1], ARKIT52, where="t.parquet", of="rig r.npz")
    with pytest.raises(TableError, match="t.parquet: its metadata list no channels, so an older version wrote it"):
        told({}, "t.parquet")
