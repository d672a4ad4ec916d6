"""What every family of models has: settings, and a way to train, save and load its predictors."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from speechface.sections import MACHINE_KEYS, TrainingSettings
from speechface.settings import Settings

__all__ = ["Family", "ModelSettings", "NetworkSettings"]


class ModelSettings(Settings):
    """An entry of ``models``: the keys of all families."""

    RENAMED: ClassVar = {"leave_one_out": "leave_one_speaker_out"}
    #: What rows of features a model of the family reads, see `speechface.audio.feature.Kind`.
    READS: ClassVar[tuple[str, ...]] = ()

    family: str = "report"
    """report, the networks of the report, frame by frame or in sequences of frames; sequence, small networks over whole
    clips; ensemble, the mean of other models, which is not trained itself. It decides which other keys there are."""
    feature: str = "spectrogram"
    """Input table."""
    seeds: list[int] = []
    """Seeds of this model; empty, those of section seeds."""
    outputs: Literal["weights", "weights_rotation"] = "weights"
    """The rig's weights, or 3 head rotations as well."""
    leave_one_speaker_out: bool = False
    """Train on the clips of tested and predicted actors, too: every such actor is judged by a network that never heard
    it, trained on all the others. Costs a training for each of these actors, and one on all of them, for use. Test clips
    of datasets split by clip never train."""


class NetworkSettings(ModelSettings):
    """Keys of all trained networks."""

    RENAMED: ClassVar = {"speaker": "rest", "neutral_frames": "rest_frames"}
    #: What the family trains with where neither the model's entry nor section training says anything else.
    TRAINING: ClassVar[dict[str, Any]] = {}

    loss: Literal["l2", "l2_std"] = "l2_std"
    """How the weights' errors are scaled: l2, plain; l2_std, each channel divided by its standard deviation in the train
    table."""
    loss_weights: float = Field(1.0, ge=0)
    """Factor of the mean squared error of weights (and rotations) in the loss."""
    loss_rig: float = Field(0.0, ge=0)
    """Factor of the mean squared displacement error of the rig's 68 landmarks, 1/mm^2."""
    loss_velocity: float = Field(0.0, ge=0)
    """Factor of the same of the displacements' changes from frame to frame, 1/mm^2; needs sequences."""
    loss_range: float = Field(0.0, ge=0)
    """Factor of what no face can do: the mean squared excess of weights beyond 0 and 1 (with rest given or estimated),
    plus that of mouthClose above jawOpen."""
    mouth_factor: float = Field(2.0, ge=0)
    """How much more a mouth landmark counts than one of the nose in loss_rig and loss_velocity."""
    eyes_factor: float = Field(1.0, ge=0)
    """The same of the eyes' landmarks."""
    brows_factor: float = Field(1.0, ge=0)
    """The same of the brows' landmarks."""
    jaw_factor: float = Field(1.0, ge=0)
    """The same of the jaw line's landmarks."""
    l1: float = Field(0.1, ge=0)
    """Weight of the mean of the predicted weights in the loss."""
    dropout: float = Field(0.2, ge=0, le=0.9)
    """Dropout before the output layer; of the sequence family also within its layers."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """adam, weight decay as L2 (the report's); adamw, weight decay apart from the gradient."""
    schedule: str = "cnn"
    """Learning rates: cnn, cnn2, recurrent; one_cycle, up to 2e-3 and down to 0 over all epochs; or a file of
    'lr [epochs]' lines."""
    learning_rate_scale: float = Field(1.0, gt=0)
    """Factor on the schedule's rates."""
    sequence_frames: int = Field(100, ge=4)
    """Frames of one training sequence of a network that remembers. The sequence family takes whole clips and cuts longer
    ones."""
    best_by: Literal["loss", "mouth"] = "loss"
    """Which epoch's network is kept: least validation loss, or least mouth RMSE in validation."""
    rest: Literal["none", "given", "estimated"] = "none"
    """none, learn the weights; given and estimated, learn how they depart from the speaker's own at rest. A tested
    speaker's rest is then given by another clip of the speaker (by the clip's own first frames, which are left out of
    scoring, where there is none), or estimated as the mean of the train speakers."""
    rest_frames: int = Field(3, ge=1)
    """Frames at the start of a clip that show the speaker at rest."""
    training: dict[str, Any] = {}
    """Keys of section training that differ for this model, e.g. {frames_per_step: 1200, epochs: 60}; not threads, gpus,
    processes, nodes and job_hours."""

    @model_validator(mode="before")
    @classmethod
    def _training_of_the_family(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("training", {}), dict):
            return {**value, "training": {**cls.TRAINING, **value.get("training", {})}}
        return value

    @model_validator(mode="after")
    def _can_be_trained(self):
        if not (self.loss_weights or self.loss_rig or self.loss_velocity):
            raise ValueError("loss_weights is 0; no part of the loss is left; give one of the parts a factor")
        shared = [key for key in MACHINE_KEYS if key in self.training]
        if shared:
            raise ValueError(
                f"training.{shared[0]} is {self.training[shared[0]]}; all models share it; set it in training"
            )
        TrainingSettings.parse(self.training, "training")
        return self


@dataclass(frozen=True)
class Family:
    """One family of models.

    Parameters
    ----------
    settings : class of `ModelSettings`, the keys of an entry of ``models``
    """

    settings: type[ModelSettings]
