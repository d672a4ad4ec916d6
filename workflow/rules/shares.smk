"""How the work on clips is shared out to jobs."""

import shlex
from pathlib import Path

from speechface.batches import plan_batches, rule_names
from speechface.kept import forget_failures, put_back


class Share:
    """The clips of one job: those of a batch, or the one that a wildcard names.

    What is done to clips stands in a loop over shares, written once for every value of ``batch``.
    """

    def __init__(self, wildcard, batch=None, name=""):
        self._wildcard, self._batch, self._name = wildcard, batch, name
        self.place = batch.place if batch else f"{{{wildcard}}}"  # of the log and the benchmark
        self.video = [clip.path for clip in batch.clips] if batch else clip_video
        self.identity = f"results/identity/{batch.speaker}.npz" if batch else speaker_identity

    def rule_name(self, stage):
        """The name of the stage's rule for this share; what stands behind the two underscores is the batch."""
        return f"{stage}__{self._name}" if self._batch else stage

    def files(self, pattern):
        """`pattern` for every clip of the share."""
        if not self._batch:
            return pattern
        if self._wildcard == "demo_clip":
            return [pattern.replace("{demo_clip}", f"{clip.actor}/{clip.clip}") for clip in self._batch.clips]
        return every_clip(pattern, self._batch.clips)

    def of_dataset(self, key):
        """The value of `key` in the config of the share's dataset."""
        if self._batch:
            return CONFIG["datasets"][self._batch.speaker.split("/")[0]][key]
        return lambda wildcards: CONFIG["datasets"][CLIPS[wildcards.clip].dataset][key]

    def demo_names(self):
        """The names of the share's synthetic clips."""
        return self.files("{demo_clip}") if self._batch else (lambda wildcards: wildcards.demo_clip)

    def patient(self, minutes):
        """Run time in minutes: a quarter of an hour, and `minutes` for each clip; grows with every attempt."""
        return patient(15 + minutes * (len(self._batch.clips) if self._batch else 1))


def shares(clips, wildcard):
    """How the work on `clips` is shared out to jobs."""
    if CONFIG["batch"] == "clip":
        return [Share(wildcard)]
    batches = plan_batches(clips, CONFIG["batch"])
    return [Share(wildcard, *pair) for pair in zip(batches, rule_names(batch.place for batch in batches))]


def crop_settings():
    """What a face image depends on, as JSON text."""
    return settings("crops", ("size", "margin"))


def crops_in_passing(wildcards, output):
    """Options of `detect-landmarks` that cut the face images as well, which saves decoding the video twice.

    They are set aside in the folder of kept work, and `crop_face` finds them there. Snakemake does not watch what a
    function of the output returns: other settings of face images do not make landmarks again.
    """
    if CONFIG["crops"]["clips"] == "shown":
        return ""
    tables = [output.table] if isinstance(output.table, str) else output.table
    clips = [Path(table).relative_to("results/landmarks").with_suffix("") for table in tables]
    places = " ".join(shlex.quote(f"results/crops/{clip}.mp4") for clip in clips)
    return f"--crops {places} --crop-settings {shlex.quote(crop_settings())}"


def put_back_finished():
    """Give the finished clips of failed jobs back, which Snakemake has removed with the others."""
    count = put_back("results/.kept")
    if count:
        logger.info(f"{count} finished files of failed jobs are back in place")


SHARES = shares(USED, "clip")
DEMO_SHARES = shares([clip for clip in USED if has_truth(clip)], "demo_clip")
