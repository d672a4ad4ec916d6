"""Options that several verbs share."""

from speechface.config import parse_settings

__all__ = ["add_settings", "settings_of"]


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
