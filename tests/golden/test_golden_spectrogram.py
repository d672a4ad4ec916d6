from sound_case import rows_of

from golden import check, some


def test_rows_are_those_recorded(tmp_path):
    table = rows_of("spectrogram", tmp_path)
    found = {
        "shape": table["spectrogram"].shape,
        "kind": str(table["spectrogram"].dtype),
        "rows": some(table["spectrogram"], 300),
    }
    check("spectrogram", found, {"rows": 1.01 / 255})  # one step of uint8: a transform's last digit may tip a rounding
