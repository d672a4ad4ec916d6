from sound_case import rows_of

from golden import check, some


def test_rows_are_those_recorded(tmp_path):
    table = rows_of("log_mel", tmp_path)
    found = {"shape": table["log_mel"].shape, "kind": str(table["log_mel"].dtype), "rows": some(table["log_mel"], 300)}
    check("log_mel", found, {"rows": 1 / 16})  # dB; one step of float16 between 64 and 128
