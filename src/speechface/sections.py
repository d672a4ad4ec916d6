"""The sections of the configuration that belong to no component: types, units, defaults, descriptions.

The sections of datasets, features, landmark detectors and model families stand beside these, in their own modules.
"""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from speechface.settings import Distinct, PathText, Seed, Settings

__all__ = [
    "AudioSettings", "BaselineSettings", "CropSettings", "EvaluationSettings", "FigureSettings", "LabelSettings",
    "MACHINE_KEYS", "QualitySettings", "RenderingSettings", "RigSettings", "SECTIONS", "TrainingSettings",
]  # fmt: skip

#: Keys of section training that say where a network is trained; its result does not depend on them.
MACHINE_KEYS = ("threads", "gpus", "processes", "nodes", "job_hours", "logger")


class AudioSettings(Settings):
    """Sound extraction."""

    RENAMED: ClassVar = {"format": "nothing: sound is stored as FLAC; `snakemake wav` unpacks it as wav files"}

    sr: int = Field(44100, ge=8000, le=192000)
    """Sampling rate of the sound, Hz."""


class CropSettings(Settings):
    """Frontal face images for the visualiser."""

    size: int = Field(100, ge=32, le=2048, multiple_of=2)
    """Side of the square image, pixels; even."""
    clips: Literal["all", "shown"] = "shown"
    """shown: face images of the clips in videos; all: of every clip."""
    margin: float = Field(1.75, gt=0, le=10)
    """Half side of the crop in units of the landmarks' RMS spread."""


class RigSettings(Settings):
    """The face that labels and predictions move."""

    kind: str = "builtin"
    """builtin, our procedural head; ict, ICT-FaceKit from its OBJ files; npz, any rig saved as one file."""
    source: PathText = ""
    """Folder or .tar.xz archive with the ICT files, or the .npz. Empty for ict downloads the public repository."""
    channels: Literal["arkit52", "report46"] = "arkit52"
    """What moves the face, and so the labels, the models' outputs and the exports. arkit52, Apple's 52 (of npz, those
    that the file names); report46, the report's of them: without cheekSquint, mouthPress and tongueOut, and one
    noseSneer for both sides."""
    identity_modes: int = Field(20, ge=0, le=100)
    """Identity modes to keep."""

    @model_validator(mode="after")
    def _has_its_source(self) -> Self:
        if self.kind == "npz" and not self.source:
            raise ValueError("source is empty; kind npz reads the .npz file that it names")
        if self.kind == "builtin" and self.source:
            raise ValueError(f"source is {self.source!r}; kind builtin reads no file; remove it, or set another kind")
        return self


class LabelSettings(Settings):
    """The fit of head pose, identity and weights to the landmarks."""

    focal_factor: float = Field(3.0, ge=0)
    """Focal length in units of the image's longer side; 3 is a portrait lens, 0 estimates it for each actor."""
    identity_frames: int = Field(32, ge=4)
    """Frames of an actor used to find the identity."""
    iterations: int = Field(8, ge=1)
    """Gauss-Newton iterations at most."""
    noise_mm: float = Field(1.2, gt=0)
    """Standard deviation of a landmark, mm on the face."""
    detector_errors: float = Field(0.6, ge=0, le=1)
    """Fraction of the landmark detector's measured common errors (whole brows or the mouth sliding) that the fit
    allows for; 0 takes all its errors as independent."""
    sparsity: float = Field(0.5, ge=0)
    """L1 weight on blendshape weights."""
    smoothness: float = Field(0.05, gt=0)
    """Standard deviation of a weight's change from frame to frame."""
    max_reprojection_pct: float = Field(5.0, gt=0)
    """Frames whose inner landmarks miss by more than this part of the inter-ocular distance are not used, percent."""


class QualitySettings(Settings):
    """Which clips' labels are good enough to learn from and to be evaluated on; the others are excluded, with the
    reason."""

    RENAMED: ClassVar = {"min_used_share": "min_used_fraction"}

    max_reprojection_pct: float = Field(5.0, gt=0)
    """Mean miss of the inner landmarks over the clip, at most, percent of the inter-ocular distance."""
    min_used_fraction: float = Field(0.5, ge=0, le=1)
    """Fraction of frames with a face whose landmarks the fit reaches (labels.max_reprojection_pct), at least."""
    min_lip_gap_r: float = Field(0.5, ge=-1, le=1)
    """Correlation of the lip gaps of fit and landmarks, at least, where lips move."""
    max_jitter_mm: float = Field(1.5, gt=0)
    """Noise of the fitted mouth from frame to frame, at most, mm."""
    min_sound_agreement: float = Field(0.1, ge=0, le=1)
    """Probability that a clip's sound stands within 60 ms of where that of its fellows does, at least; an arbitrary
    sound has 0.13 on average. 0.1 left out 0 of 104 good clips and 62 to 68 % of those with another clip's sound; 0.5
    left out 1 and 80 to 88 % (docs/synchrony.md). Clips that cannot tell are kept."""
    unsure_delays: Literal["keep", "leave_out"] = "keep"
    """leave_out: no clip whose delay is neither given nor sure, alone or with its fellows. Where each clip has a delay
    of its own, these are one in seven of good clips and four in five of those with another sound."""


class TrainingSettings(Settings):
    """How networks are trained."""

    RENAMED: ClassVar = {
        "batch": "frames_per_step", "epoch_samples": "frames_per_epoch", "validation": "validation_fraction",
    }  # fmt: skip

    frames_per_step: int = Field(300, ge=1)
    """Frames of one step of the optimiser."""
    frames_per_epoch: int = Field(50000, ge=0)
    """Frames of one epoch; 0, the whole train table."""
    epochs: int = Field(300, ge=1)
    """Epochs at most."""
    max_minutes: float = Field(0, ge=0)
    """Stop after this time; 0, no limit."""
    validation_fraction: float = Field(0.1, ge=0, le=0.5)
    """Fraction of the train clips held out for validation; its best epoch is kept."""
    validation_by: Literal["auto", "actors", "clips"] = "auto"
    """What is held out: clips, single clips; actors, whole actors, at least one; auto, actors where the fraction makes
    one and none of them is twice the fraction, else clips."""
    balanced_by: Literal["none", "actor"] = "none"
    """actor, every actor gives as many frames as the one with most: fair where actors or sets have unlike numbers of
    clips; none, every frame counts alike."""
    patience: int = Field(0, ge=0)
    """Epochs without a better validation loss before training stops; 0 never."""
    weight_decay: float = Field(0.0001, ge=0)
    """L2 on the weights, as in Adam."""
    gradient_clip: float = Field(3.0, ge=0)
    """Largest absolute value of a gradient."""
    precision: Literal["auto", "32", "bf16", "fp16"] = "auto"
    """auto: on a GPU the fastest, measured once; on a CPU bf16 for networks over windows, if it has it, else 32."""
    threads: int = Field(2, ge=1)
    """CPU threads of a training process."""
    gpus: int = Field(0, ge=0, le=1)
    """GPUs of a training process: 0, train on the CPU; 1, on one GPU. Several models and seeds train side by side."""
    processes: int = Field(1, ge=1)
    """Processes that train one network together, each on its part of every step and with the whole table; on a cluster
    the tasks of one job. More than 1 only where one is too slow: models and seeds side by side need no company."""
    job_hours: float = Field(24, ge=0.1)
    """Longest time of one training job on a cluster, h. A longer training ends in time, keeps its state and goes on in
    the next job."""
    nodes: int = Field(1, ge=1)
    """Machines over which a cluster spreads the processes."""
    logger: Literal["tensorboard", "csv", "mlflow", "wandb", "none"] = "tensorboard"
    """Where Lightning writes the curves of every training, beside the metrics.csv of each model: tensorboard and csv,
    the model's work folder; mlflow and wandb, where their environment variables say (MLFLOW_TRACKING_URI,
    WANDB_PROJECT, WANDB_MODE, ...), each with a package that has to be installed (docs/models.md)."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.patience and not self.validation_fraction:
            raise ValueError(f"patience is {self.patience}; it needs validation, but validation_fraction is 0")
        if self.nodes > self.processes:
            raise ValueError(f"nodes is {self.nodes}; there are only {self.processes} processes; lower it")
        return self


class BaselineSettings(Settings):
    """Trivial references that stand beside every network."""

    names: Distinct[str] = ["neutral", "mean", "ridge", "knn"]
    """Which to fit."""
    feature: str = "spectrogram"
    """Input of ridge and knn."""
    ridge_alpha: float = Field(0.3, gt=0)
    """Ridge penalty on standardised inputs, relative to the number of frames."""
    neighbours: int = Field(20, ge=1)
    """Neighbours of knn."""
    knn_components: int = Field(64, ge=1)
    """Principal components of the standardised inputs in which knn measures distances."""
    knn_frames: int = Field(20000, ge=1)
    """Train frames that knn keeps, at most, spread evenly over the train table."""

    @model_validator(mode="after")
    def _enough_frames(self) -> Self:
        if self.neighbours > self.knn_frames:
            raise ValueError(f"neighbours is {self.neighbours}; it must be at most knn_frames ({self.knn_frames})")
        return self


class EvaluationSettings(Settings):
    """Metrics."""

    bootstrap: int = Field(1000, ge=10, le=1_000_000)
    """Resamples of actors and their clips for the 95 % intervals."""
    groups: Distinct[str] = ["actor", "sex", "emotion", "intensity"]
    """Columns of the clip table to report separately."""
    seed: Seed = 0
    """Seed of the resampling."""
    samples: int = Field(5, ge=1)
    """Answers a clip of models that draw (family flow); the first counts as of any other model, all for the metrics of
    samples."""
    reference: str = ""
    """Model or baseline that the others are compared with, clip by clip, in the table of models; empty takes the first
    of models."""


class RenderingSettings(Settings):
    """Visualiser videos."""

    model: str = ""
    """Model to show; empty shows the first of models."""
    clips: Distinct[str] = []
    """Clip ids to render; empty picks max_clips of the test and predict clips, spread evenly."""
    max_clips: int = Field(3, ge=0)
    """Number of clips picked."""
    show: Literal["comparison", "samples"] = "comparison"
    """comparison, the face, the rig from labels and from sound; samples, three samples of a model that draws
    (evaluation.samples: 3 or more)."""
    size: int = Field(320, ge=100, le=4096)
    """Side of each of the three images, pixels."""
    median_frames: int = Field(3, ge=1)
    """Median filter of the labels, for display only, frames (odd)."""

    @model_validator(mode="after")
    def _has_a_middle(self) -> Self:
        if self.median_frames % 2 == 0:
            raise ValueError(f"median_frames is {self.median_frames}; it must be odd")
        return self


class FigureSettings(Settings):
    """Figures of the paper."""

    names: Distinct[str] = []
    """Which to draw; empty draws all."""
    dpi: int = Field(160, ge=50, le=2400)
    """Resolution of png files, 1/inch."""


#: Section -> class, of the sections above.
SECTIONS: dict[str, type[Settings]] = {
    "audio": AudioSettings, "crops": CropSettings, "rig": RigSettings, "labels": LabelSettings,
    "quality": QualitySettings, "training": TrainingSettings, "baselines": BaselineSettings,
    "evaluation": EvaluationSettings, "rendering": RenderingSettings, "figures": FigureSettings,
}  # fmt: skip
