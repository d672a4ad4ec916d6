"""Learning rates: piecewise constant, one an epoch, or one cycle over all steps.

The report gives its rates to CNTK "per sample" together with Adam, whose step does not depend on the size of the
gradient. We take the same numbers as rates of Adam's step on the mean gradient of a batch (300 frames), and an epoch as
50,000 frames whatever the size of the train table; `learning_rate_scale` of a model multiplies them.
"""

import math
from pathlib import Path

from speechface.errors import ConfigError

__all__ = ["ONE_CYCLE", "SCHEDULES", "Schedule", "one_cycle_rate", "parse_schedule", "rate_at", "schedule_of"]

#: Pieces (rate, epochs) in order, or `ONE_CYCLE`.
Schedule = tuple[tuple[float, int], ...] | str

#: Name of the schedule without pieces.
ONE_CYCLE = "one_cycle"
#: Its highest rate, the fraction of steps up to it, and the fraction of the highest rate it starts from.
_PEAK, _RISE, _START = 2e-3, 0.1, 0.04

#: name -> (rate, epochs) pieces in order; the last rate holds for ever. The shapes are the report's (A.10).
SCHEDULES: dict[str, tuple[tuple[float, int], ...]] = {
    "cnn": ((5e-3, 1), (2.5e-3, 2), (1.25e-3, 3), (5e-4, 4), (2.5e-4, 5), (1e-4, 1)),
    "cnn2": (
        (5e-3, 1), (2.5e-3, 2), (1.25e-3, 3), (5e-4, 4), (2.5e-4, 5), (1e-4, 100), (5e-5, 50), (2.5e-5, 50), (1e-5, 1),
    ),
    "recurrent": (
        (5e-3, 1), (2.5e-3, 2), (1e-3, 4), (5e-4, 8), (2.5e-4, 16), (1e-4, 1000), (5e-5, 1000), (2.5e-5, 1),
    ),
}  # fmt: skip


def schedule_of(name: str) -> Schedule:
    """The schedule of a model's settings: a name, or a file of lines.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    if name == ONE_CYCLE:
        return ONE_CYCLE
    if name in SCHEDULES:
        return SCHEDULES[name]
    try:
        text = Path(name).read_text()
    except OSError as error:
        known = ", ".join([*SCHEDULES, ONE_CYCLE])
        raise ConfigError(f"{name}: cannot be read ({error.strerror}); schedule is a file or one of {known}") from None
    return parse_schedule(text, source=name)


def parse_schedule(text: str, *, source: str) -> tuple[tuple[float, int], ...]:
    """Read lines of ``rate [epochs]``; blank lines and what follows ``#`` do not count.

    Parameters
    ----------
    text : str
    source : str, where the text is from, for messages

    Returns
    -------
    pieces : tuple of (float, int)

    Raises
    ------
    ConfigError
        Names the line.
    """
    pieces = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            rate, epochs = float(words[0]), int(words[1]) if len(words) > 1 else 1
            good = len(words) <= 2 and rate > 0 and epochs > 0
        except ValueError:
            good = False
        if not good:
            raise ConfigError(f"{source}:{number}: '{line.strip()}'; expected 'rate [epochs]', e.g. '1e-3 4'")
        pieces.append((rate, epochs))
    if not pieces:
        raise ConfigError(f"{source}: no learning rate in it; expected lines such as '1e-3 4'")
    return tuple(pieces)


def rate_at(pieces: tuple[tuple[float, int], ...], epoch: int) -> float:
    """Return the learning rate of `epoch` (from 0); after the last piece its rate holds on."""
    for rate, epochs in pieces:
        if epoch < epochs:
            return rate
        epoch -= epochs
    return pieces[-1][0]


def one_cycle_rate(progress: float) -> float:
    """Return the rate where a fraction `progress` of all steps is done: half a cosine up to 2e-3, another down to 0.

    Source: Smith and Topin, Super-convergence (2017), in the cosine form of PyTorch's OneCycleLR; ends at 0.
    """
    if progress < _RISE:
        return _PEAK * (_START + (1 - _START) * (1 - math.cos(math.pi * progress / _RISE)) / 2)
    return _PEAK * (1 + math.cos(math.pi * min((progress - _RISE) / (1 - _RISE), 1))) / 2
