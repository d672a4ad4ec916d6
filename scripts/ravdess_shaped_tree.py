"""Make a folder of empty files with the names of RAVDESS's 2,452 full audio-video clips, to plan at full size.

    python scripts/ravdess_shaped_tree.py OUT

Writes OUT/Actor_01 ... OUT/Actor_24 and OUT/config.yaml, a config of RAVDESS with the actors split 1-20 / 21-24.
Then `snakemake --configfile OUT/config.yaml --dry-run` and `speechface plan OUT/config.yaml` show what awaits.
"""

import argparse
from pathlib import Path

SPEECH, SONG = range(1, 9), range(1, 7)  # emotions of the two channels
NO_SONGS = 18  # the actor who did not sing

CONFIG = """\
datasets:
  ravdess:
    adapter: ravdess
    root: {root}
    split: {{by: actor, train: ["1-20"], test: ["21-24"]}}
models:
  cnn: {{}}
  gru: {{feature: acoustics, head: gru, schedule: recurrent}}
"""


def names(actor):
    """Return the file names of one actor: 60 spoken clips and, but for one actor, 44 sung ones."""
    found = []
    for channel, emotions in ((1, SPEECH), (2, SONG)):
        if channel == 2 and actor == NO_SONGS:
            continue
        for emotion in emotions:
            for intensity in (1,) if emotion == 1 else (1, 2):
                for statement in (1, 2):
                    for repetition in (1, 2):
                        fields = (1, channel, emotion, intensity, statement, repetition, actor)
                        found.append("-".join(f"{field:02d}" for field in fields) + ".mp4")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to make")
    out = parser.parse_args().out
    count = 0
    for actor in range(1, 25):
        folder = out / f"Actor_{actor:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        for name in names(actor):
            (folder / name).touch()
            count += 1
    (out / "config.yaml").write_text(CONFIG.format(root=out.resolve()))
    print(f"{count} clips, {out / 'config.yaml'}")


if __name__ == "__main__":
    main()
