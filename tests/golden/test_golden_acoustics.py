from sound_case import rows_of

from golden import check, some


def test_rows_are_those_recorded(tmp_path):
    table = rows_of("acoustics", tmp_path)
    found = {
        "shape": table["acoustics"].shape,
        "kind": str(table["acoustics"].dtype),
        "rows": some(table["acoustics"], 300),
    }
    check("acoustics", found, {"rows": 0.5})  # one step of float16 between 512 and 1024: the first cepstral coefficient
