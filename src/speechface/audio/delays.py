"""The delay that each clip of a data set is taken to have, from the curves of `speechface.audio.synchrony.agreement`.

A single clip tells its delay to 17 ms, where it tells it at all; clips that share a delay tell it together to a few. So
the delay of a clip is that of its actor's clips, else that of the data set's, else its own. Whether clips share a delay
is asked of their curves: how much more probable they are with one delay for all than with one for each.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from speechface.audio import synchrony

__all__ = ["SHORTEST_S", "STEP_MS", "Delay", "Pool", "clip_delays"]

#: Clips that are taken together before an actor's go before the data set's, and before one is told not to belong.
FEWEST = 5
#: Odds from which clips are taken to share a delay.
SHARED = 3.0
#: Least certain delay of clips taken together, and of what is used at all (standard deviation), ms.
POOL_SURE_MS, SURE_MS = 15.0, 30.0
#: Spread of the delays that speakers recorded alike seem to have, ms: what a pool does not know of itself.
VOICES_MS = 10.0
#: Of shorter clips, s, a tenth to a third would seem to have another sound than their own.
SHORTEST_S = 2.0
#: Delays of clips are used in steps, ms, so that a clip that comes or goes rarely moves all the others.
STEP_MS = 10.0

Source = Literal["actor", "dataset", "clip", "none"]


@dataclass(frozen=True)
class Delay:
    """Delay of a clip, ms.

    Parameters
    ----------
    used_ms : float, in steps of `STEP_MS`; 0 where none is sure enough
    source : whose delay it is: the actor's, the data set's or the clip's own; "none"
    found_ms, low_ms, high_ms : float, not rounded, with a 95 % interval; NaN where there is none
    own_ms, own_sigma_ms : float, what the clip alone tells; NaN where it tells nothing
    agreement : float
        Probability that the clip's sound stands where its fellows' does (`synchrony.follows`); that of an arbitrary
        sound is .13 on average. NaN where the clip tells nothing, is too short or has less than four fellows that
        share a delay.
    """

    used_ms: float
    source: Source
    found_ms: float
    low_ms: float
    high_ms: float
    own_ms: float
    own_sigma_ms: float
    agreement: float


@dataclass(frozen=True)
class Pool:
    """Clips taken together.

    Parameters
    ----------
    count : int, clips that tell something
    delay_ms, sigma_ms : float, the delay that they would share and its certainty, ms
    shared : bool, do they?
    curve : ndarray (len(DELAYS_MS),), log-likelihood of each delay that they would share; zeros where none is told
    """

    count: int
    delay_ms: float
    sigma_ms: float
    shared: bool
    curve: np.ndarray

    @classmethod
    def of(cls, curves: Sequence[np.ndarray], count: int | None = None) -> "Pool":
        """Pool of curves (len(DELAYS_MS),) of clips, or of pools that have `count` clips."""
        telling = [curve for curve in curves if np.ptp(curve)]
        if not telling:
            return cls(0, np.nan, np.nan, False, np.zeros(len(synchrony.DELAYS_MS)))
        together = synchrony.pooled(telling)
        found = synchrony.synchrony(together)
        # of each alone every delay is as probable as any other: the same sum with one delay for each
        apart = -len(telling) * np.log(len(together))
        odds = together.max() + np.log(np.mean(np.exp(together - together.max()))) - apart
        shared = len(telling) > 1 and odds > np.log(SHARED)
        return cls(len(telling) if count is None else count, found.delay_ms, found.sigma_ms, bool(shared), together)

    @classmethod
    def of_actors(cls, actors: Sequence["Pool"]) -> "Pool":
        """Pool of the clips of several actors: each actor counts once, and not more surely than `VOICES_MS`."""
        step = synchrony.DELAYS_MS[:, None] - synchrony.DELAYS_MS
        spread = np.exp(-0.5 * (step / VOICES_MS) ** 2)
        wide = [np.log(spread @ np.exp(actor.curve - actor.curve.max()) + 1e-300) for actor in actors if actor.count]
        return cls.of(wide, sum(actor.count for actor in actors))

    def sure(self, limit_ms: float) -> bool:
        return self.shared and self.sigma_ms <= limit_ms


def clip_delays(
    curves: Mapping[tuple[str, str], np.ndarray], *, short: Collection[tuple[str, str]] = ()
) -> dict[tuple[str, str], Delay]:
    """Delays of all clips of a data set.

    Parameters
    ----------
    curves : dict of (actor, clip) to ndarray (len(DELAYS_MS),)
        See `synchrony.agreement`; zeros for clips that tell nothing.
    short : clips that show a face for less than `SHORTEST_S`; their `agreement` is NaN
    """
    by_actor: dict[str, list[np.ndarray]] = {}
    for (actor, _), curve in curves.items():
        by_actor.setdefault(actor, []).append(curve)
    actors = {actor: Pool.of(own) for actor, own in by_actor.items()}
    whole = Pool.of_actors(list(actors.values()))
    return {clip: _delay(curve, actors[clip[0]], whole, clip in short) for clip, curve in curves.items()}


def _delay(curve: np.ndarray, actor: Pool, whole: Pool, short: bool) -> Delay:
    own = synchrony.synchrony(curve)
    alone = Pool(1, own.delay_ms, own.sigma_ms, True, curve)
    choices: list[tuple[Source, Pool, bool]] = [
        ("actor", actor, actor.count >= FEWEST and actor.sure(POOL_SURE_MS)),
        ("dataset", whole, whole.sure(POOL_SURE_MS)),
        ("actor", actor, actor.sure(POOL_SURE_MS)),
        ("clip", alone, alone.sure(SURE_MS)),
        ("actor", actor, actor.sure(SURE_MS)),
        ("dataset", whole, whole.sure(SURE_MS)),
        ("none", alone, True),
    ]
    source, pool, _ = next(choice for choice in choices if choice[2])
    if source == "none":
        return Delay(0.0, "none", np.nan, np.nan, np.nan, own.delay_ms, own.sigma_ms, np.nan)
    spread = 1.96 * (np.hypot(pool.sigma_ms, VOICES_MS) if source == "actor" else pool.sigma_ms)
    judged = not short and source != "clip" and pool.count >= FEWEST
    return Delay(
        STEP_MS * round(pool.delay_ms / STEP_MS), source, pool.delay_ms, pool.delay_ms - spread,
        pool.delay_ms + spread, own.delay_ms, own.sigma_ms,
        synchrony.follows(curve, pool.delay_ms) if judged else np.nan,
    )  # fmt: skip
