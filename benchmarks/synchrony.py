"""How well the delay of sound is told, and how often a foreign sound is found, on a run of real clips.

    python benchmarks/synchrony.py [RESULTS] [--trained grid]

Reads the landmarks and the sound of a workflow's results (`snakemake prepare`). Every clip is moved by each of MOVES_MS
(the end that is missing is silence), and given the sound of OTHERS others. Told are, with 95 % intervals over clips:

- the delay of each actor's and each data set's clips together, and whose delay they are given;
- how many single moved clips come back within 20 and 40 ms of that of their data set, which counts as the truth (no
  file tells a better one), and how many of those that are sure;
- how far the data set comes back, moved as one, and how many pools of POOL clips within 15 ms;
- how many foreign sounds `quality.min_sound_agreement` finds, and how many own ones it blames;
- what becomes of clips that have each a delay of its own.

Clips of the data set that the judges were trained on (--trained) are heard by the one judge that has not heard them;
those that all have heard are left out.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from speechface.audio import synchrony
from speechface.audio.delays import clip_delays
from speechface.clip_tables import ClipTables
from speechface.commands.estimate_delay import lips_and_sound
from speechface.errors import ClipError

MOVES_MS, OTHERS, POOL, DRAWS = (-200, -80, 0, 80, 200), 8, 10, 300
#: Below these probabilities a sound is taken for another clip's.
AGREEMENTS = (0.05, 0.1, 0.2, 0.5)
#: Every judge leaves out every sixth clip of the data set it is trained on (scripts/make_synchrony_judge.py).
FOLDS = 6


def read_clips(results):
    """Data set -> {clip id: (gap, times, audio, sr)} of clips with a face and sound."""
    points, sounds = (ClipTables(sorted((results / stage).glob("*/*.parquet"))) for stage in ("landmarks", "audio"))
    found = {}
    for clip_id in sorted(points):
        try:
            found.setdefault(clip_id.split("/")[0], {})[clip_id] = lips_and_sound(points, sounds, clip_id)
        except ClipError as error:
            print(f"{clip_id} is left out: {error}")
    return found


def moved(audio, ms, sr):
    """The sound later by `ms`, as long as before, silence where none is known."""
    silence = np.zeros(round(abs(ms) / 1000 * sr), np.float32)
    if ms <= 0:
        return np.concatenate([audio[len(silence) :], silence])
    return np.concatenate([silence, audio])[: len(audio)]


def held_out(clips):
    """clip id -> the judge that has not heard it, of the data set that the judges were trained on."""
    seen = [clip_id for clip_id, (gap, *_) in clips.items() if np.isfinite(gap).all()]  # as in training
    judges = synchrony.judges()
    return {clip_id: judges[k % FOLDS : k % FOLDS + 1] for k, clip_id in enumerate(seen) if k % FOLDS < len(judges)}


def fraction(hits, rng):
    """Mean of hits (n_clips, m) with its 95 % interval over clips, as text."""
    hits = np.asarray(hits, float).reshape(len(hits), -1)
    draws = [hits[rng.integers(len(hits), size=len(hits))].mean() for _ in range(1000)]
    return f"{hits.mean():.0%} ({np.percentile(draws, 2.5):.0%} to {np.percentile(draws, 97.5):.0%})"


def key(clip_id):
    """Clip id as `clip_delays` takes it: (actor, id)."""
    return clip_id.split("/")[1], clip_id


def backs(away, sigma, rng):
    """Lines about single clips: errors and certainties (n_clips, moves), ms."""
    near, far, sure = np.abs(away) <= 20, np.abs(away) <= 40, sigma <= 50
    return [
        f"  moved, within 20 ms: {fraction(near, rng)}, within 40 ms: {fraction(far, rng)}",
        f"    of the {sure.mean():.0%} with sigma at most 50 ms: {near[sure].mean():.0%} and {far[sure].mean():.0%}; "
        f"below one sigma {np.mean(np.abs(away) < sigma):.0%}, below two {np.mean(np.abs(away) < 2 * sigma):.0%}",
    ]


def belongs(own, other):
    """Line about sounds: probabilities that they belong to their clip, own (n,) and foreign ones (m,)."""
    rates = [f"below {least:g}: {np.mean(other < least):.0%}, {np.sum(own < least)}" for least in AGREEMENTS]
    return f"  foreign sounds found of {len(other)}, own ones blamed of {len(own)}: {'; '.join(rates)}"


class Set:
    """Curves of one data set: of clips moved by each of MOVES_MS, and of clips with foreign sounds."""

    def __init__(self, clips, judges, donors, rng):
        self.ids = list(judges)
        self.moved, self.foreign = {move: {} for move in MOVES_MS}, []
        for clip_id, panel in judges.items():
            gap, times, audio, sr = clips[clip_id]
            for move in MOVES_MS:
                self.moved[move][key(clip_id)] = synchrony.agreement(
                    gap, times, moved(audio, move, sr), sr=sr, panel=panel
                )
            others = [sound for name, sound in donors.items() if name != clip_id]
            for k in rng.choice(len(others), min(OTHERS, len(others)), replace=False):
                self.foreign.append(synchrony.agreement(gap, times, others[k], sr=sr, panel=panel))
        self.own = list(self.moved[0].values())
        self.centre = self.together(self.own)

    @staticmethod
    def together(curves):
        """The delay of curves taken together, ms."""
        return synchrony.synchrony(synchrony.pooled(curves)).delay_ms

    def errors(self):
        """Errors and certainties of single clips (n, moves), ms."""
        found = [[synchrony.synchrony(curve) for curve in self.moved[move].values()] for move in MOVES_MS]
        away = np.array([[one.delay_ms for one in row] for row in found]).T - MOVES_MS - self.centre
        return np.nan_to_num(away, nan=np.inf), np.array([[one.sigma_ms for one in row] for row in found]).T

    def follow(self):
        """Probabilities that sounds belong to their clip: own ones, foreign ones."""
        return tuple(np.array([synchrony.follows(c, self.centre) for c in side]) for side in (self.own, self.foreign))

    def lines(self, rng):
        """What is told of the data set."""
        back = [self.together(list(self.moved[move].values())) - move - self.centre for move in MOVES_MS]
        used = Counter((delay.source, delay.used_ms) for delay in clip_delays(self.moved[0]).values())
        told = ", ".join(f"{ms:.0f} ms of the {source}: {count}" for (source, ms), count in used.most_common(4))
        yield f"  together {self.centre:.1f} ms late; moved as one, back within {np.abs(back).max():.1f} ms"
        yield f"  used: {told}"
        yield from backs(*self.errors(), rng)
        if len(self.ids) >= 2 * POOL:
            away = []
            for _ in range(DRAWS):
                move = rng.choice(MOVES_MS)
                chosen = rng.choice(len(self.ids), POOL, replace=False)
                curves = list(self.moved[move].values())
                away.append(self.together([curves[k] for k in chosen]) - move - self.centre)
            near = np.mean(np.abs(away) <= 15)
            yield f"  pools of {POOL}: within 15 ms {near:.0%}, standard deviation {np.std(away):.1f} ms"
        if len(self.ids) > 5:
            yield belongs(*self.follow())
        actors = {actor: [] for actor, _ in self.moved[0]}
        for (actor, _), curve in self.moved[0].items():
            actors[actor].append(curve)
        for actor, curves in actors.items():
            found = synchrony.synchrony(synchrony.pooled(curves))
            yield f"    {actor:12} {len(curves):4} clips {found.delay_ms:6.0f} ms, sigma {found.sigma_ms:.0f}"

    def each_its_own(self, rng):
        """Line about clips that are moved each by one of MOVES_MS, and about foreign sounds among them."""
        moves = dict(zip(self.moved[0], rng.choice(MOVES_MS, len(self.ids)), strict=True))
        found = clip_delays({one: self.moved[move][one] for one, move in moves.items()})
        own = [one for one, delay in found.items() if delay.source == "clip"]
        near = [abs(found[one].used_ms - moves[one] - self.centre) <= 40 for one in own]
        strangers = clip_delays({("", str(k)): curve for k, curve in enumerate(self.foreign)})
        unsure = np.mean([delay.source == "none" for delay in strangers.values()])
        return (
            f"  each with a delay of its own: {len(own) / len(found):.0%} are told it, {np.mean(near):.0%} of these "
            f"within 40 ms; of foreign sounds {unsure:.0%} are told none"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="?", default="results", type=Path)
    parser.add_argument("--trained", default="grid", help="data set that the judges were trained on")
    args = parser.parse_args()
    rng, found = np.random.default_rng(0), read_clips(args.results)
    heard = found.get(args.trained, {})
    unheard = {
        clip_id: clip[2] for name, clips in found.items() if name != args.trained for clip_id, clip in clips.items()
    }
    sets = {}
    for name, clips in found.items():
        trained = name == args.trained
        judges = held_out(clips) if trained else dict.fromkeys(clips)
        donors = {clip_id: clip[2] for clip_id, clip in heard.items()} if trained else unheard
        sets[name] = Set(clips, judges, donors, rng)
        print(f"{name}: {len(judges)} clips", *sets[name].lines(rng), sep="\n", flush=True)
        if len(judges) >= 2 * POOL:
            print(sets[name].each_its_own(rng), flush=True)
    others = [one for name, one in sets.items() if name != args.trained]
    if others:
        away, sigma = (np.concatenate(parts) for parts in zip(*(one.errors() for one in others), strict=True))
        print(f"all but {args.trained}: {len(away)} clips", *backs(away, sigma, rng), sep="\n")
        print(belongs(*(np.concatenate(parts) for parts in zip(*(one.follow() for one in others), strict=True))))


if __name__ == "__main__":
    main()
