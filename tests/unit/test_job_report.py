"""What jobs asked for beside what they used."""

import pytest

from speechface.cli import main
from speechface.commands.job_report import Usage, read_jobs, usage_lines
from speechface.errors import ConfigError

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tjobid\trule_name\tresources\tinput_size_mb\n"


def write(path, *, seconds, rss, asked=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + f"{seconds}\t0:00:01\t{rss}\t9\t1\trule\t{asked or ''}\t{{'a \"b\"': 1}}\n")


def test_a_job_is_read_with_what_it_asked_for(tmp_path):
    write(tmp_path / "fit_labels/set/a.tsv", seconds=90, rss="412.5", asked={"mem_mb": 2000, "runtime": 16, "gpu": 0})
    write(tmp_path / "label_report.tsv", seconds=3, rss="NA")
    assert read_jobs(tmp_path) == [
        Usage("fit_labels", 1.5, 412.5, 2000, 16),
        Usage("label_report", 0.05, None, None, None),
    ]
    with pytest.raises(ConfigError, match="found none"):
        read_jobs(tmp_path / "nothing")


def test_fractions_are_of_each_jobs_own_request_and_advice_follows_the_largest():
    jobs = [Usage("a", 10, 900, 1000, 100), Usage("a", 12, 1000, 2000, 200), Usage("b", 1, 100, 4000, 600)]
    jobs += [Usage("c", 1, 500, 1000, None), Usage("d", 1, None, 1000, 20)]
    lines = {rule: line for rule, *line in usage_lines(jobs)}
    count, memory, time, advice = lines["a"]
    assert (count, memory, time) == (2, (1500, 950, 1000, 0.9), (150, 11, 12, pytest.approx(0.1)))
    assert advice == "more memory, less time would do"
    assert lines["b"][3] == "less memory would do, less time would do"
    assert lines["c"][3] == ""  # half of it is used, and what was asked of time is not known
    assert lines["d"][1] == (1000, None, None, None)
    assert lines["d"][3] == ""  # 20 minutes are little


def test_the_table_shows_unknown_numbers_as_such(tmp_path, capsys):
    write(tmp_path / "crop_faces/set/a.tsv", seconds=120, rss="NA", asked={"mem_mb": 800, "runtime": 16})
    assert main(["job-report", "--benchmarks", str(tmp_path)]) == 0
    row = capsys.readouterr().out.splitlines()[-1].split()
    assert row == ["crop_faces", "1", "800", "?", "?", "16", "2.00", "2.00"]
