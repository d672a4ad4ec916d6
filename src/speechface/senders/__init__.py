"""Where frames of a stream go: over the network to engines and avatars, or as lines to a program.

To add one, write a module with

- ``DESCRIPTION``: what is sent to whom, in a few words;
- ``open_sender(target) -> Sender``, which takes a `speechface.senders.base.Target`,

and add its line here.
"""

from speechface.registry import Registry
from speechface.senders.base import LiveFrame, Sender, Target, parse_target

__all__ = ["SENDERS", "LiveFrame", "Sender", "Target", "open_sender"]

SENDERS = Registry("sender", {
    "livelink": "speechface.senders.livelink",
    "vmc": "speechface.senders.vmc",
    "jsonl": "speechface.senders.jsonl",
})  # fmt: skip


def open_sender(text: str) -> Sender:
    """Open what ``--to`` names: ``livelink://host:port``, ``vmc://host:port`` or ``jsonl``.

    Raises
    ------
    ConfigError
        If there is no such sender, its options are not known, or nobody knows the host's address.
    """
    target = parse_target(text)
    SENDERS.require(target.kind)
    sender: Sender = SENDERS[target.kind].open_sender(target)
    return sender
