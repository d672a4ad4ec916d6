"""Reading a config file as YAML, without what YAML does in silence: double keys, numbers that look otherwise."""

import re
from pathlib import Path
from typing import Any

import yaml

from speechface.errors import ConfigError

__all__ = ["read_config"]

#: Whole numbers of YAML 1.1 that mean something else than they look like: 010 is 8, 1:30 is 90.
_ODD_NUMBER = re.compile(r"[-+]?0[0-7_]+|[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")


class _Loader(yaml.SafeLoader):
    """YAML's safe loader that refuses what nobody means."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if isinstance(key, (str, int)) and key in seen:
                raise _Refused(f"line {line}: key '{key}' stands twice, first in line {seen[key]}; remove one")
            if isinstance(key, (str, int)):
                seen[key] = line
        return super().construct_mapping(node, deep)


class _Refused(Exception):
    pass


def _number(loader: _Loader, node: Any) -> Any:
    if _ODD_NUMBER.fullmatch(node.value):
        raise _Refused(
            f"line {node.start_mark.line + 1}: {node.value} is {loader.construct_yaml_int(node)} to YAML; write that, "
            f'or "{node.value}" for a name'
        )
    return loader.construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _number)


def read_config(path: str | Path) -> Any:
    """Return what a YAML (or JSON) config file says.

    Raises
    ------
    ConfigError
        One line: the file is absent or no text, it is not valid YAML, a key stands in it twice, or a number means
        something else than it looks like.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such config file (relative paths start at {Path.cwd()})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text file in UTF-8; give a config file in YAML") from None
    except OSError as error:
        raise ConfigError(f"{path}: the config file cannot be read ({error.strerror})") from None
    if re.search(r"^__use_yte__\s*:", text, re.MULTILINE):
        raise ConfigError(f"{path}: __use_yte__: config files are plain YAML here; write the values themselves")
    try:
        return yaml.load(text, _Loader)
    except _Refused as error:
        raise ConfigError(f"{path}: {error}") from None
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        what = " ".join(filter(None, (error.context, error.problem)))
        raise ConfigError(f"{path}: {where}not valid YAML: {what}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ConfigError(f"{path}: not valid YAML: nested too deep") from None
