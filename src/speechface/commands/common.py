"""Options that several commands share."""

import json
import os

from speechface.config import parse_settings
from speechface.errors import ConfigError

__all__ = ["add_settings", "settings_from", "settings_of", "actor_of", "paths_of_actors"]


def add_settings(parser, section):
    """Add ``--settings JSON``: keys of config section `section`; missing keys take their defaults."""
    parser.add_argument(
        "--settings",
        default="",
        metavar="JSON",
        help=f"keys of the config section '{section}', e.g. '{{}}'; defaults where missing (docs/config.md)",
    )
    parser.set_defaults(section=section)


def settings_of(args):
    """Return the resolved settings dict of the command's section."""
    return settings_from(args.settings, args.section)


def settings_from(text, section):
    """Return the settings in a JSON text, checked, defaults filled in.

    The workflow has done both before it passes them on, and says so in the environment: to do it again takes longer
    than all that many a job of one clip computes.
    """
    if text and os.environ.get("SPEECHFACE_SETTINGS") == "resolved":
        return json.loads(text)
    return parse_settings(text, section)


def actor_of(text):
    """``dataset/actor`` as a tuple."""
    parts = tuple(text.split("/"))
    if len(parts) != 2 or not all(parts):
        raise ConfigError(f"'{text}' is not an actor; expected DATASET/ACTOR, e.g. grid/s1")
    return parts


def paths_of_actors(pairs):
    """``["dataset/actor=path", ...]`` as a dict of (dataset, actor) to path."""
    found = {}
    for pair in pairs:
        actor, equals, path = pair.partition("=")
        if not equals or not path:
            raise ConfigError(f"'{pair}': expected DATASET/ACTOR=PATH")
        found[actor_of(actor)] = path
    return found
