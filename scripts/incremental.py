"""Which steps run again when a key of the config changes: asked of Snakemake, key by key. Prints docs/incremental.md.

    python scripts/incremental.py > docs/incremental.md
    python scripts/incremental.py --run FOLDER KEY [KEY ...]    # of a finished run, by Snakemake's own records

For every key of the configuration a small workflow is planned with another value. A job runs again if it is new, if its
parameters, inputs or command are not those it had, or if it reads the config file or what such a job makes.
"""

import argparse
import contextlib
import copy
import io
import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Literal, get_args, get_origin

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from speechface.audio.features import FEATURES  # noqa: E402
from speechface.config import TopLevel, choices, resolve  # noqa: E402
from speechface.datasets.base import ADAPTERS  # noqa: E402
from speechface.errors import ConfigError  # noqa: E402
from speechface.landmarks.detectors import DETECTORS  # noqa: E402
from speechface.networks.families import FAMILIES  # noqa: E402
from speechface.networks.families.base import ModelSettings  # noqa: E402
from speechface.sections import SECTIONS  # noqa: E402

BASE = {
    "datasets": {
        "demo": {
            "adapter": "demo", "n_actors": 3, "clips_per_actor": 2,
            "split": {"by": "actor", "train": [1, 2], "test": [3]},
        },
        "found": {"adapter": "folder", "root": "videos", "role": "predict"},  # its delay is estimated
    },
    "models": {
        "cnn": {},
        "gru": {"feature": "acoustics", "head": "gru"},
        "tcn": {"family": "sequence", "leave_one_speaker_out": True, "rest": "given"},
        "raw": {"family": "sequence", "feature": "waveform", "head": "attention"},
        "all_tcn": {"family": "ensemble", "members": ["tcn"], "member_seeds": "all"},
        "drawn": {"family": "flow", "feature": "waveform"},
    },
    "rendering": {"max_clips": 1},
}  # fmt: skip
#: Other values that cannot be guessed from the kind of a key.
OTHERS = {
    "seeds": [0, 1],
    "shard_clips": 64,
    "datasets.<name>.fps": 30,
    "datasets.<name>.actors": ["Actor_01", "Actor_03"],
    "datasets.<name>.where": {"emotion": ["neutral", "angry"]},
    "datasets.<name>.split": {"by": "actor", "train": [1], "test": [3]},
    "rig.kind": "ict",
    "models.<name>.family": "sequence",
    "models.<name>.feature": "acoustics",
    "models.<name>.schedule": "cnn2",
    "models.<name>.training": {"epochs": 7},
    "models.<name>.augmentation": {"gain_db": 1.0},
    "models.<name>.seeds": [3],
    "baselines.names": ["neutral", "mean", "ridge"],
    "baselines.feature": "acoustics",
    "evaluation.groups": ["actor"],
    "rendering.model": "gru",
    "figures.names": ["features", "training"],
}
#: Which of the entries of BASE stands for the others; the first in which the new value is allowed is taken.
ENTRIES = {"datasets": ("demo",), "models": ("cnn", "gru", "tcn", "drawn")}
#: Steps that only ask for others, or collect them.
TARGETS = ("all",)
HEAD = """# What runs again

Which steps run again after a key of the config has changed, made by `make docs`: every key is changed in a small
workflow (three synthetic actors and a video, a model of every kind) and Snakemake is asked. In steps over clips, a
job then makes only those clips anew whose facts differ. `models.<name>` means the steps of that model alone.
`shard_clips` only counts where an actor has more clips: all steps over the clips of such actors run. Keys that share a
row do the same.

"""


def keys():
    """(dotted name, field) of every key."""
    entries = {
        "datasets": [adapter.Settings for adapter in ADAPTERS.values()],
        "models": [FAMILIES[name].settings for name in choices(ModelSettings, "family")],
        "landmarks": [detector.settings for detector in DETECTORS.values()],
    }
    sections = {name: [kind] for name, kind in SECTIONS.items()}
    sections |= {name: [feature.settings] for name, feature in FEATURES.items()}
    found = dict(TopLevel.model_fields)
    for section in (
        "datasets",
        "audio",
        *FEATURES,
        "landmarks",
        "crops",
        "rig",
        "labels",
        "quality",
        "models",
        *SECTIONS,
    ):
        place = f"{section}.<name>" if section in ENTRIES else section
        for kind in entries.get(section) or sections[section]:
            for key, field in kind.model_fields.items():
                found.setdefault(f"{place}.{key}", field)
    yield from found.items()


def candidates(name, field, value):
    """Other values to try, in order."""
    if name in OTHERS:
        return [OTHERS[name]]
    if get_origin(field.annotation) is Literal:
        return [other for other in get_args(field.annotation) if other != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        step = next((limit.multiple_of for limit in field.metadata if hasattr(limit, "multiple_of")), 1)
        return [value + step, value - step, 2 * value, value / 2, 0.5]
    return []


def changed(name, field, base):
    """The config `base` with another value of the key, or None where none can be found."""
    parts = name.split(".")
    for entry in ENTRIES.get(parts[0], (None,)):
        path = [entry if part == "<name>" else part for part in parts]
        value = resolve(base).dump()
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        for other in candidates(name, field, value):
            config = copy.deepcopy(base)
            inner = config
            for part in path[:-1]:
                inner = inner.setdefault(part, {})
            inner[path[-1]] = other
            with contextlib.suppress(ConfigError):
                if resolve(config) != resolve(base):
                    return config
    return None


@contextlib.contextmanager
def planned(folder, *, configfile, everything):
    """Snakemake's plan for a config file in a folder; `everything` forgets what is done there."""
    from snakemake.api import SnakemakeApi
    from snakemake.settings import types

    output = types.OutputSettings(dryrun=True, quiet={types.Quietness.ALL})
    quiet = contextlib.ExitStack()
    with quiet:
        quiet.enter_context(contextlib.redirect_stderr(io.StringIO()))
        quiet.enter_context(contextlib.redirect_stdout(io.StringIO()))
        with SnakemakeApi(output) as api:
            workflow = api.workflow(
                resource_settings=types.ResourceSettings(cores=1),
                config_settings=types.ConfigSettings(configfiles=[configfile]),
                snakefile=ROOT / "Snakefile",
                workdir=Path(folder),
            )
            dag = workflow.dag(dag_settings=types.DAGSettings(forceall=everything))
            dag.execute_workflow(executor="dryrun", execution_settings=types.ExecutionSettings(lock=False))
            yield workflow._workflow.dag
    logging.getLogger("snakemake").handlers.clear()


def plan(config, folder):
    """Outputs -> (step, inputs, what else decides) of every job."""
    import yaml

    found, place = {}, Path(folder) / "config.yaml"
    place.write_text(yaml.safe_dump(config, sort_keys=False))
    with planned(folder, configfile=place, everything=True) as dag:
        for job in dag.jobs:
            facts = (sorted(map(str, job.non_derived_params)), job.rule.shellcmd)
            found[tuple(map(str, job.output)) or (job.rule.name,)] = (job.rule.name, set(map(str, job.input)), facts)
    return found


def runs(folder, names):
    """key -> sorted steps that would run in a finished run whose config.yaml had another value there."""
    import yaml

    place = Path(folder) / "config.yaml"
    text = place.read_text()
    found = {}
    try:
        for name, field in keys():
            if name not in names:
                continue
            # under the same name: the name of the config file is a parameter, too
            place.write_text(yaml.safe_dump(changed(name, field, yaml.safe_load(text)), sort_keys=False))
            with planned(folder, configfile=place, everything=False) as dag:
                found[name] = sorted({job.rule.name for job in dag.needrun_jobs(exclude_finished=False)} - set(TARGETS))
    finally:
        place.write_text(text)
    return found


def reruns(before, after):
    """Steps of the jobs of `after` that run when the results of `before` are there and the config file has changed."""
    dirty = {outputs for outputs, job in after.items() if before.get(outputs) != job}
    files = {file for outputs in dirty for file in outputs}
    files |= {file for job in after.values() for file in job[1] if Path(file).name == "config.yaml"}
    while True:
        more = {outputs for outputs, job in after.items() if outputs not in dirty and job[1] & files}
        if not more:
            break
        dirty |= more
        files |= {file for outputs in more for file in outputs}
    return {after[outputs][0] for outputs in dirty} - set(TARGETS)


def depths(jobs):
    """step -> length of the longest chain of jobs that leads to it."""
    makers = {file: outputs for outputs in jobs for file in outputs}
    known = {}

    def depth(outputs):
        if outputs not in known:
            known[outputs] = 1 + max((depth(makers[file]) for file in jobs[outputs][1] if file in makers), default=0)
        return known[outputs]

    found = {}
    for outputs, job in jobs.items():
        found[job[0]] = max(found.get(job[0], 0), depth(outputs))
    return found


def table(only=()):
    """List of (keys, steps that run again); `only` limits it to some keys."""
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / BASE["datasets"]["found"]["root"] / "somebody" / "clip.mp4"
        video.parent.mkdir(parents=True)
        video.touch()
        before = plan(BASE, folder)
        for name, field in keys():
            if only and name not in only:
                continue
            other = changed(name, field, BASE)
            if other is None:
                continue
            after = plan(other, folder)
            place = depths(after)
            found = tuple(sorted(reruns(before, after), key=lambda step: (place[step], step)))
            rows.setdefault((name.split(".")[0], found), []).append(name)
    return [(names, steps) for (_, steps), names in rows.items()]


def page(rows):
    """The rows as Markdown."""
    lines = ["| key | steps that run again |", "|---|---|"]
    for names, steps in rows:
        lines.append(f"| {', '.join(f'`{name}`' for name in names)} | {', '.join(steps) or 'none'} |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", metavar="FOLDER", help="folder of a finished run, with its config.yaml")
    parser.add_argument("keys", nargs="*", metavar="KEY", help="keys to change, e.g. spectrogram.top_db")
    args = parser.parse_args()
    if args.run:
        print(json.dumps(runs(args.run, args.keys)))
    else:
        sys.stdout.write(page(table(args.keys)))
