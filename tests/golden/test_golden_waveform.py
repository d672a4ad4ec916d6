from sound_case import rows_of

from golden import check, some


def test_rows_are_those_recorded(tmp_path):
    table = rows_of("waveform", tmp_path)
    found = {
        "shape": table["waveform"].shape,
        "kind": str(table["waveform"].dtype),
        "rows": some(table["waveform"], 300),
    }
    check("waveform", found, {"rows": 1})  # one step of 16 bits, whatever a resampler's sums round to
