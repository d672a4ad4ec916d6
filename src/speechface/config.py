"""The configuration: one schema, defaults filled in, unknown keys refused.

The schema (`schemas/config.schema.yaml`) holds every key's type, range, unit, description and default.
"""

import copy
import difflib
import functools
import json
from importlib import resources
from pathlib import Path

from speechface.errors import ConfigError

__all__ = ["schema", "resolve", "load", "defaults", "parse_settings", "resolve_model", "MACHINE_KEYS"]

#: Keys of section training that say where a network is trained; its result does not depend on them.
MACHINE_KEYS = ("threads", "gpus", "processes", "nodes", "job_hours")


@functools.cache
def schema():
    """Return the JSON schema of the configuration as a dict."""
    import yaml

    text = resources.files("speechface").joinpath("schemas/config.schema.yaml").read_text()
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _complete(value, preset):
    """Fill what `preset` says into `value` where `value` says nothing, in place."""
    for key, wanted in preset.items():
        if isinstance(wanted, dict) and isinstance(value.get(key, {}), dict):
            _complete(value.setdefault(key, {}), wanted)
        else:
            value.setdefault(key, copy.deepcopy(wanted))


def _fill(value, node):
    """Fill defaults of `node` (an object schema) into `value`, in place.

    A node's ``presets`` come first: defaults that hold for one value of the key they name.
    """
    presets = node.get("presets", {})
    _complete(value, presets.get(value.get(presets.get("key")), {}))
    for key, child in node.get("properties", {}).items():
        if key not in value and "default" in child:
            value[key] = copy.deepcopy(child["default"])
        if isinstance(value.get(key), dict):
            _fill(value[key], child)
    extra = node.get("additionalProperties")
    if isinstance(extra, dict):
        for key, child in value.items():
            if key not in node.get("properties", {}) and isinstance(child, dict):
                _fill(child, extra)


def _explain(error, source):
    where = ".".join(str(part) for part in error.absolute_path) or "the top level"
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {})
        for key in error.instance:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(sorted(known))}"
                return f"{source}: unknown key '{key}' in {where}{hint}"
    return f"{source}: {where}: {error.message}"


def _validate(value, node, source):
    import jsonschema

    validator = jsonschema.Draft202012Validator(node)
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    if error is not None:
        raise ConfigError(_explain(error, source))


def _check_model(model, where, fail):
    """What one entry of ``models`` must keep, whatever the others say."""
    if model["family"] == "ensemble":
        if len(model["members"]) < 1 + (model["member_seeds"] == "same"):
            fail(f"{where}.members", model["members"], "name two models at least, or one with member_seeds: all")
        return
    if model["members"]:
        fail(f"{where}.members", model["members"], "only family: ensemble has members; remove it")
    sequence = model["family"] == "sequence"
    if sequence != (model["feature"] in ("log_mel", "waveform")):
        fail(f"{where}.feature", model["feature"],
             "log_mel and waveform go with family: sequence, the others with family: report")  # fmt: skip
    if model["head"] == "cnn" and model["loss_velocity"]:
        fail(f"{where}.loss_velocity", model["loss_velocity"], "single frames (head cnn) have no velocity; set it to 0")
    sound = {key: size for key, size in model["augmentation"].items() if size}
    if sound and not sequence:
        fail(f"{where}.augmentation", sound, "only the sound of log_mel and waveform can be augmented; remove it")
    if not (model["loss_weights"] or model["loss_rig"] or model["loss_velocity"]):
        fail(f"{where}.loss_weights", 0, "no part of the loss is left; give one of the parts a factor")
    shared = [key for key in MACHINE_KEYS if key in model["training"]]
    if shared:
        fail(f"{where}.training.{shared[0]}", model["training"][shared[0]], "all models share it; set it in training")
    _validate(model["training"], schema()["properties"]["training"], f"{where}.training")


def _complete_ensemble(name, model, models, fail):
    """Check the members of an ensemble; what it takes and gives, and whom it leaves out, are theirs."""
    where = f"models.{name}.members"
    for member in model["members"]:
        other = models.get(member)
        if other is None or other["family"] == "ensemble":
            trained = [key for key, value in models.items() if value["family"] != "ensemble"]
            fail(where, repr(member), f"members are trained models: {', '.join(trained) or 'there is none'}")
        for key in ("feature", "outputs", "leave_one_out"):
            first = models[model["members"][0]][key]
            if other[key] != first:
                fail(where, model["members"], f"their {key} differ ({first}, {other[key]}); all must be the same")
            model[key] = first


def _check_across(config, source):
    def fail(key, found, expected):
        raise ConfigError(f"{source}: {key} is {found}; {expected}")

    spectrogram = config["spectrogram"]
    if spectrogram["hop_length"] > spectrogram["n_fft"]:
        fail("spectrogram.hop_length", spectrogram["hop_length"],
             f"it must not exceed n_fft ({spectrogram['n_fft']}), or samples are skipped")  # fmt: skip
    for name, dataset in config["datasets"].items():
        if dataset["adapter"] == "demo" and name != "demo":
            fail(f"datasets.{name}.adapter", "demo", "the synthetic dataset must be named 'demo'; rename it")
        if dataset["adapter"] != "demo" and not dataset.get("root"):
            fail(f"datasets.{name}.root", "missing", "give the folder of the data")
        if dataset["role"] == "learn" and dataset["split"]["by"] == "actor" and not dataset["split"]["test"]:
            fail(f"datasets.{name}.split.test", "empty", 'name the test actors, e.g. ["21-24"], or set role: predict')
    training = config["training"]
    if training["nodes"] > training["processes"]:
        fail("training.nodes", training["nodes"], f"there are only {training['processes']} processes; lower it")
    for name, model in config["models"].items():
        if model["family"] == "ensemble":
            _complete_ensemble(name, model, config["models"], fail)
        if model["encoder"] == 3:
            other = model["encoder_from"]
            if other == name or config["models"].get(other, {}).get("encoder", 3) == 3:
                fail(f"models.{name}.encoder_from", repr(other),
                     "encoder 3 takes the encoder of another model that has encoder 1 or 2")  # fmt: skip
            if config["models"][other]["leave_one_out"]:
                fail(f"models.{name}.encoder_from", repr(other),
                     "that model hears every actor (leave_one_out), those judged here, too; take another")  # fmt: skip
        _check_model(model, f"models.{name}", fail)
    shown = config["rendering"]["model"]
    if shown and shown not in config["models"] and shown not in config["baselines"]["names"]:
        fail("rendering.model", shown, f"it must be one of {', '.join(config['models'])}")
    reference = config["evaluation"]["reference"]
    if reference and reference not in config["models"] and reference not in config["baselines"]["names"]:
        fail("evaluation.reference", repr(reference), "it must be one of models or baselines")


def resolve(config, source="config"):
    """Validate `config` (a dict) and return a copy with every default filled in.

    Raises
    ------
    ConfigError
        One line: file, key, what was found, what is expected.
    """
    config = copy.deepcopy(config or {})
    _validate(config, schema(), source)
    _fill(config, schema())
    _validate(config, schema(), source)
    _check_across(config, source)
    return config


def load(path):
    """Read and resolve a YAML config file."""
    import yaml

    path = Path(path)
    if not path.exists():
        raise ConfigError(f"{path}: no such config file")
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    return resolve(content, str(path))


def defaults(section):
    """Return the default settings of one section, e.g. ``defaults("spectrogram")``."""
    value = {}
    _fill(value, schema()["properties"][section])
    return value


def resolve_model(settings, source="model settings"):
    """Validate one entry of ``models`` and fill its defaults."""
    node = schema()["properties"]["models"]["additionalProperties"]
    value = copy.deepcopy(settings)
    _validate(value, node, source)
    _fill(value, node)

    def fail(key, found, expected):
        raise ConfigError(f"{key} is {found}; {expected}")

    _check_model(value, source, fail)
    return value


def parse_settings(text, section):
    """Settings of a command: a JSON object (may be empty) of `section`, checked, defaults filled in."""
    try:
        value = json.loads(text) if text else {}
    except json.JSONDecodeError as error:
        raise ConfigError(f"--settings: not valid JSON: {error}") from None
    node = schema()["properties"][section]
    _validate(value, node, f"--settings ({section})")
    _fill(value, node)
    return value
