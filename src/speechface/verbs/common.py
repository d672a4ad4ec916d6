"""Options that several verbs share."""

from speechface.config import parse_settings
from speechface.errors import ConfigError

__all__ = ["add_settings", "settings_of", "actor_of", "paths_of_actors"]


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
    """Return the resolved settings dict of the verb's section."""
    return parse_settings(args.settings, args.section)


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
