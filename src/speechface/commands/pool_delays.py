"""Decide how much later than the images the sound of each clip of a data set stands.

A number (--audio-delay-ms) is taken as it is; with auto the delay is that of the actor's clips together, of the data
set's, or of the clip alone (`speechface.audio.delays`). Either way the table tells, one row a clip, what is used, what
was found and how surely, and how probably the sound belongs to the clip.
"""

import argparse
import logging

__all__ = ["COLUMNS", "add_arguments", "run"]

LOG = logging.getLogger(__name__)

#: Columns of the table beside those that name the clip, see `speechface.audio.delays.Delay`.
COLUMNS = ("audio_delay_ms", "audio_delay_from", "delay_found_ms", "delay_low_ms", "delay_high_ms", "delay_own_ms",
           "delay_own_sigma_ms", "sound_agreement")  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--delays", required=True, nargs="+", metavar="PARQUET", help="tables of estimate-delay")
    parser.add_argument("--audio-delay-ms", required=True, metavar="auto|MS", help="auto, or the delay of all clips")
    parser.add_argument("--out", required=True, metavar="PARQUET", help="table to write")


def run(args: argparse.Namespace) -> None:
    from collections import Counter

    import numpy as np

    from speechface.audio.delays import SHORTEST_S, clip_delays
    from speechface.audio.synchrony import DELAYS_MS
    from speechface.clip_tables import ClipTables
    from speechface.columns import ID_COLUMNS
    from speechface.errors import ConfigError
    from speechface.tables import write_table

    given = None
    if args.audio_delay_ms != "auto":
        try:
            given = float(args.audio_delay_ms)
        except ValueError:
            raise ConfigError(f"--audio-delay-ms is {args.audio_delay_ms}; expected auto or a number of ms") from None
    tables = ClipTables(args.delays)
    curves, short = {}, set()
    for clip_id in sorted(tables):
        table, key = tables.read(clip_id, ("seen_s", "curve")), (clip_id.split("/")[1], clip_id)
        curves[key] = table["curve"][0].astype(float) if table.usable else np.zeros(len(DELAYS_MS))
        if not table.usable or table["seen_s"][0] < SHORTEST_S:
            short.add(key)
    found = clip_delays(curves, short=short)
    rows = [
        (delay.used_ms if given is None else given, delay.source if given is None else "config", delay.found_ms,
         delay.low_ms, delay.high_ms, delay.own_ms, delay.own_sigma_ms, delay.agreement)
        for delay in found.values()
    ]  # fmt: skip
    ids = zip(*(clip_id.split("/") for _, clip_id in curves), strict=True)
    columns = dict(zip((*ID_COLUMNS, *COLUMNS), map(list, (*ids, *zip(*rows, strict=True))), strict=True))
    write_table(args.out, columns, stage="delays", settings={"audio_delay_ms": "auto" if given is None else given})
    used = Counter(f"{source} {ms:.0f} ms" for ms, source, *_ in rows)
    LOG.info("%d clips: %s", len(rows), ", ".join(f"{count} {what}" for what, count in used.most_common(5)))
    if given is not None:
        off = [row for row in rows if row[3] > given or row[4] < given]
        if len(off) > len(rows) / 2:
            LOG.warning("audio_delay_ms is %g, but %d of %d clips stand elsewhere, e.g. %.0f ms late (%.0f to %.0f)",
                        given, len(off), len(rows), *off[0][2:5])  # fmt: skip
