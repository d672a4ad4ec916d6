"""What every family of models has: settings, and a way to make, keep and restore its predictors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self

from pydantic import Field, model_validator

from speechface.errors import ModelError
from speechface.launch import ALONE, Place
from speechface.sections import MACHINE_KEYS, TrainingSettings
from speechface.settings import Distinct, Seed, Settings

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Family", "ModelSettings", "NetworkSettings", "Predictor", "Rest", "TrainingJob", "check_rows"]

#: How a model uses the weights of the speaker's face at rest: not at all; it was made to be told them; or it can be
#: told them and else takes the mean of the train speakers.
Rest = Literal["none", "given", "estimated"]


class ModelSettings(Settings):
    """An entry of ``models``: the keys of all families."""

    RENAMED: ClassVar = {"leave_one_out": "leave_one_speaker_out"}
    #: What rows of features a model of the family reads, see `speechface.audio.feature.Kind`.
    READS: ClassVar[tuple[str, ...]] = ()

    family: str = "report"
    """report, the networks of the report, frame by frame or in sequences of frames; sequence, small networks over whole
    clips; flow, the same with a field that draws samples of what sound does not decide; ensemble, the mean of other
    models, which is not trained itself. It decides which other keys there are."""
    feature: str = "spectrogram"
    """Input table."""
    seeds: Distinct[Seed] = []
    """Seeds of this model; empty, those of section seeds."""
    outputs: Literal["weights", "weights_rotation"] = "weights"
    """The rig's weights, or 3 head rotations as well."""
    leave_one_speaker_out: bool = False
    """Train on the clips of tested and predicted actors, too: every such actor is judged by a network that never heard
    it, trained on all the others. Costs a training for each of these actors, and one on all of them, for use. Test
    clips of datasets split by clip never train."""

    def training_with(self, shared: TrainingSettings) -> TrainingSettings:
        """Section training as this model trains: what all models share, overridden by the model's own keys."""
        return shared


class NetworkSettings(ModelSettings):
    """Keys of all trained networks."""

    RENAMED: ClassVar = {"speaker": "rest", "neutral_frames": "rest_frames"}
    #: What the family trains with where neither the model's entry nor section training says anything else.
    TRAINING: ClassVar[dict[str, Any]] = {}
    #: Are the sequences of training whole clips?
    WHOLE_CLIPS: ClassVar[bool] = False

    loss: Literal["l2", "l2_std"] = "l2_std"
    """How the weights' errors are scaled: l2, plain; l2_std, each channel divided by its standard deviation in the
    train table."""
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
    """Frames of one training sequence of a network that remembers. The sequence family takes whole clips and cuts
    longer ones."""
    best_by: Literal["loss", "mouth"] = "loss"
    """Which epoch's network is kept: least validation loss, or least mouth RMSE in validation."""
    rest: Rest = "none"
    """none, learn the weights; given and estimated, learn how they depart from the speaker's own at rest. A tested
    speaker's rest is then given by another clip of the speaker (by the clip's own first frames, which are left out of
    scoring, where there is none), or estimated as the mean of the train speakers."""
    rest_frames: int = Field(3, ge=1, le=1000)
    """Frames at the start of a clip that show the speaker at rest."""
    training: dict[str, Any] = {}
    """Keys of section training that differ for this model, e.g. {frames_per_step: 1200, epochs: 60}; not threads, gpus,
    processes, nodes, job_hours and logger."""

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

    def training_with(self, shared: TrainingSettings) -> TrainingSettings:
        return TrainingSettings.parse({**shared.dump(), **self.training}, "training")


class Predictor(Protocol):
    """A trained, joined or fitted model, ready for use."""

    #: Of the model in the configuration.
    name: str
    seed: int
    #: Input, and what it was computed with: keys of the feature's section, and ``audio_sr``, the sound's rate, Hz.
    feature: str
    feature_settings: dict[str, Any]
    #: Names of the outputs: channels of the rig, then head rotations where the model gives them.
    columns: tuple[str, ...]
    #: Channels that were learnt, bool (n_channels,).
    observed: np.ndarray

    @property
    def family(self) -> str:
        """Name of its family in `FAMILIES`."""

    @property
    def draws(self) -> bool:
        """Does it give another answer for another `rng`?"""

    @property
    def rest(self) -> Rest:
        """How the speaker's face at rest is used."""

    @property
    def rest_frames(self) -> int:
        """How many frames at the start of a clip show it."""

    @property
    def facts(self) -> dict[str, Any]:
        """JSON values for people: settings, history, provenance."""

    @property
    def bidirectional(self) -> bool:
        """Whether a frame depends on frames behind it, so that there is no `predict_chunk`."""

    def predict_chunk(
        self, features: np.ndarray, state: Any = None, neutral: np.ndarray | None = None
    ) -> tuple[np.ndarray, Any]:
        """Predict the next frames of a stream, as `predict` of all of them would.

        Parameters
        ----------
        features : ndarray (T, ...)
        state : what the call before returned, None at the start
        neutral : see `predict`

        Returns
        -------
        outputs : ndarray (T, n_outputs), float32
        state : for the next call

        Raises
        ------
        ModelError
            If the model is `bidirectional`.
        """

    def to(self, device: str) -> Self:
        """The same model, computing on `device` ("cpu", "cuda"), where it can; results come back to the CPU."""

    def predict(
        self,
        features: np.ndarray,
        *,
        neutral: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
        n_samples: int = 1,
    ) -> np.ndarray:
        """Predict a clip of any length with bounded memory.

        Parameters
        ----------
        features : ndarray (T, ...)
            Rows of consecutive video frames in the feature's own units, as tables give them.
        neutral : ndarray (n_channels,) or None
            Weights of the speaker's face at rest, for models whose `rest` is not none; others do not use it.
        rng : numpy Generator
            What models draw from that give more than one answer.
        n_samples : int
            Answers wanted; a model that has only one repeats it.

        Returns
        -------
        ndarray (n_samples, T, n_outputs), float32
            In the order of `columns`: weights in [0, 1], mouthClose at most jawOpen, rotations in radians.
        """


def check_rows(model: Predictor, features: np.ndarray, shape: tuple[int, ...]) -> None:
    """Refuse features whose rows are not of the shape that a model takes (ModelError)."""
    if features.shape[1:] != shape:
        raise ModelError(
            f"model '{model.name}' takes {model.feature} windows of {shape}, found {features.shape[1:]}; "
            "compute the features with the settings the model was trained on"
        )


@dataclass(frozen=True)
class TrainingJob:
    """What ``train-model`` asks of a family.

    Parameters
    ----------
    name, seed : str, int
    settings : the model's entry of ``models``
    training : section training, as `ModelSettings.training_with` gives it
    train : str, path of the train table
    stats : dict, its statistics (``label-stats``)
    log : str
        csv to write with one row an epoch: ``epoch, step, learning_rate, train_loss, val_loss, val_mouth_mm,
        windows_per_s, seconds``; what is not known stays empty.
    work_dir : str, folder for the state of the run
    rig, encoder_from : str or None, paths
    without : (dataset, actor) or None, whose clips do not train
    most_bytes : float or None, memory that the features may take in this process; None, any
    place : which of how many processes this is
    """

    name: str
    seed: int
    settings: Any
    training: TrainingSettings
    train: str
    stats: dict[str, Any]
    log: str
    work_dir: str
    rig: str | None = None
    encoder_from: str | None = None
    without: tuple[str, str] | None = None
    most_bytes: float | None = None
    place: Place = ALONE


@dataclass(frozen=True)
class Family:
    """One family of models. Its module is cheap to import: what needs torch is imported within the functions.

    Parameters
    ----------
    settings : class of settings
        Keys of an entry of ``models``; of a baseline, section ``baselines``.
    content : function of a predictor
        What its file holds: a dict of JSON values, of arrays (.npz, at the top level) or tensors (.ckpt, anywhere).
    restore : function of such a dict, which gives the predictor back
    train : function of a `TrainingJob`, for ``train-model``
        Gives the predictor; None in processes that do not write. Raises `speechface.errors.Interrupted` where a signal
        asked to stop and the same call would go on.
    join : function (members, name, seed), for ``join-models``
    fit : function (name, train table, statistics, settings), for ``fit-baseline``
    configure : function (predictor, dict of str -> str)
        The same predictor with other options, of a family that has some: ``--option KEY=VALUE`` of predict and animate.
    export_onnx : function (predictor, path, facts)
        Writes an ONNX graph that carries `facts` beside its own; returns the largest difference from the predictor.
    """

    settings: type[Settings]
    content: Callable[[Any], dict[str, Any]]
    restore: Callable[[dict[str, Any]], Predictor]
    train: Callable[[TrainingJob], Predictor | None] | None = None
    join: Callable[[Sequence[Predictor], str, int], Predictor] | None = None
    fit: Callable[[str, str, dict[str, Any], Any], Predictor] | None = None
    configure: Callable[[Any, Mapping[str, str]], Predictor] | None = None
    export_onnx: Callable[[Any, str, dict[str, Any]], float] | None = None
