"""Write the files that tables hold as bytes, for people and other tools: sound as wav, videos as mp4.

Each becomes DIR/<dataset>/<actor>/<clip>.<ext>. Clips that could not be used have none. Sound begins with the first
video frame, and in step with it where --audio-delay-ms tells how late it stands.
"""

import argparse
import logging
from pathlib import Path

from speechface.commands.common import add_delay, delay_of

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("column", metavar="COLUMN", help="column of files: audio or video")
    parser.add_argument("tables", nargs="+", metavar="TABLE", help="tables of clips with that column")
    add_delay(parser)
    parser.add_argument("--out-dir", required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--list", metavar="FILE", help="text file to write: the path of each file")


def run(args: argparse.Namespace) -> None:
    from speechface.audio.sound import write_wav
    from speechface.clip_tables import ClipTables
    from speechface.files import write_file
    from speechface.names import path_name
    from speechface.sound_tables import read_sound

    tables, delay_ms = ClipTables(args.tables), delay_of(args)
    written = []
    for clip_id in tables:
        if tables.entry(clip_id)["status"] != "ok":
            LOG.warning("%s: no file: %s", clip_id, tables.entry(clip_id)["reason"])
            continue
        stored = tables.arrow(clip_id, [args.column]).column(0)[0].as_py()
        suffix = Path(stored["path"]).suffix
        path = Path(args.out_dir) / (path_name(clip_id) + (".wav" if suffix == ".flac" else suffix))
        if suffix == ".flac":
            sound = read_sound(tables, clip_id, delay_ms=delay_ms(clip_id))
            write_wav(path, sound.since(0.0), sound.sr)
        else:
            write_file(path, stored["bytes"])
        written.append(str(path))
    if args.list:
        write_file(args.list, "".join(f"{path}\n" for path in written))
    LOG.info("%d files in %s", len(written), args.out_dir)
