"""Small networks over whole clips: strided convolutions over log-mel or waveform, then tcn, recurrence or attention."""

from typing import ClassVar, Literal

from pydantic import Field

from speechface.networks.families import network
from speechface.networks.families.base import Family, NetworkSettings
from speechface.settings import Settings

__all__ = ["FAMILY", "AugmentationSettings", "SequenceSettings"]


class AugmentationSettings(Settings):
    """Random changes of the sound in training; each is 0 (off) or its size. Of waveform, gain_db and noise_db."""

    gain_db: float = Field(2.2, ge=0)
    """Standard deviation of a clip's gain, dB."""
    tilt_db: float = Field(2.2, ge=0)
    """Standard deviation of a gain that rises evenly over the bands, dB at the highest."""
    noise_db: float = Field(0.7, ge=0)
    """Standard deviation of noise on every number, dB."""
    tract_percent: float = Field(0.0, ge=0, le=50)
    """Vocal tract length perturbation: the largest stretch of a clip's frequencies, percent."""
    recordings: float = Field(0.0, ge=0, le=1)
    """Other rooms and microphones: how often a clip is heard with reverberation, over a background and through a
    telephone, each drawn by itself."""


class SequenceSettings(NetworkSettings):
    """Keys of family sequence."""

    READS: ClassVar = ("hops", "samples")
    WHOLE_CLIPS: ClassVar = True
    TRAINING: ClassVar = {"frames_per_step": 300, "epochs": 15, "frames_per_epoch": 0, "weight_decay": 0.02}

    feature: str = "log_mel"
    """Input table."""
    head: Literal["tcn", "gru", "lstm", "bigru", "bilstm", "bigru2", "attention", "biattention"] = "tcn"
    """tcn, dilated convolutions over the past 16 frames; attention, over the past 96, biattention over 96 on either
    side; the others remember. bigru2 has two layers."""
    dropout: float = Field(0.1, ge=0, le=0.9)
    """Dropout before the output layer and within the layers."""
    loss: Literal["l2", "l2_std"] = "l2"
    """How the weights' errors are scaled: l2, plain; l2_std, each channel divided by its standard deviation in the
    train table."""
    loss_rig: float = Field(1.0, ge=0)
    """Factor of the mean squared displacement error of the rig's 68 landmarks, 1/mm^2."""
    loss_velocity: float = Field(1.0, ge=0)
    """Factor of the same of the displacements' changes from frame to frame, 1/mm^2."""
    l1: float = Field(0.0, ge=0)
    """Weight of the mean of the predicted weights in the loss."""
    optimizer: Literal["adam", "adamw"] = "adamw"
    """adam, weight decay as L2 (the report's); adamw, weight decay apart from the gradient."""
    schedule: str = "one_cycle"
    """Learning rates: one_cycle, up to 2e-3 and down to 0 over all epochs; cnn, cnn2, recurrent; or a file of
    'lr [epochs]' lines."""
    sequence_frames: int = Field(250, ge=4)
    """Frames of one training sequence; whole clips are taken, longer ones cut."""
    best_by: Literal["loss", "mouth"] = "mouth"
    """Which epoch's network is kept: least validation loss, or least mouth RMSE in validation."""
    augmentation: AugmentationSettings = AugmentationSettings()
    """Random changes of the sound in training."""


FAMILY = Family(
    SequenceSettings, network.content, network.restore, train=network.train, export_onnx=network.export_onnx
)
