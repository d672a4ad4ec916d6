"""Network, loss and optimiser as one LightningModule."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from speechface.geometry import ibug
from speechface.networks import processes
from speechface.networks.families.base import NetworkSettings
from speechface.networks.losses import displacement_losses, landmark_factors, range_loss, regression_loss
from speechface.networks.network import valid_frames
from speechface.networks.schedules import ONE_CYCLE, one_cycle_rate, rate_at

__all__ = ["SpeechModule"]

#: First-moment decay of Adam (the report's momentum).
MOMENTUM = 0.9
#: Columns of the landmark basis that belong to the mouth, and its landmarks.
MOUTH = slice(3 * ibug.MOUTH.start, 3 * ibug.MOUTH.stop)
N_MOUTH = ibug.MOUTH.stop - ibug.MOUTH.start


class SpeechModule(pl.LightningModule):
    """Training of one `SpeechNetwork`.

    Parameters
    ----------
    network : `speechface.networks.network.SpeechNetwork`
    scale : array (n_out,), residual factors from `losses.output_scale`
    channels : sequence of C str, names of the weights
    observed : bool array (C,), channels that carry loss; rotations always do
    settings : `NetworkSettings` of the model
    schedule : tuple of (rate, epochs) or "one_cycle", see `schedules`
    weight_decay : float, L2 on the parameters as `optimizer` takes it
    gradient_clip : float, largest absolute value of a gradient; 0 for any
    steps_per_epoch, epochs, seed : int
    landmark_basis : array (C, 204) or None
        Displacement of the 68 landmarks, mm at weight 1, x y z of one after the other. The rig's parts of the loss need
        it; with it the validation tells the mouth's RMSE.

    Notes
    -----
    Learning rate and random numbers (dropout) are functions of the step count, so a resumed run repeats nothing
    and forgets nothing.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        *,
        scale: np.ndarray,
        channels: Sequence[str],
        observed: np.ndarray,
        settings: NetworkSettings,
        schedule: Any,
        weight_decay: float,
        gradient_clip: float,
        steps_per_epoch: int,
        epochs: int,
        seed: int,
        landmark_basis: np.ndarray | None,
    ):
        super().__init__()
        self.network, self.channels = network, tuple(channels)
        observed = np.asarray(observed, bool)
        self.n_weights = len(observed)
        everything = np.concatenate([observed, np.ones(len(scale) - len(observed), bool)])
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32), persistent=False)
        self.register_buffer("observed", torch.as_tensor(everything), persistent=False)
        basis = None if landmark_basis is None else torch.as_tensor(landmark_basis, dtype=torch.float32)
        self.register_buffer("landmark_basis", basis, persistent=False)
        factors = torch.as_tensor(landmark_factors(
            mouth=settings.mouth_factor, eyes=settings.eyes_factor, brows=settings.brows_factor, jaw=settings.jaw_factor
        ), dtype=torch.float32)  # fmt: skip
        self.register_buffer("landmark_factors", factors, persistent=False)
        self.settings, self.schedule, self.weight_decay = settings, schedule, weight_decay
        self.gradient_clip = gradient_clip
        self.steps_per_epoch, self.epochs, self.seed = steps_per_epoch, epochs, seed
        self._losses: list[torch.Tensor] = []
        self._train_sums = np.zeros(2)
        #: Sums of the last validation: loss, squared error of the mouth, frames.
        self.val_sums = np.zeros(3)

    @property
    def step(self) -> int:
        """Steps done since the beginning, those before an interruption included."""
        return self.trainer.global_step

    @property
    def learning_rate(self) -> float:
        """Rate of the step that comes next."""
        if self.schedule == ONE_CYCLE:
            rate = one_cycle_rate(self.step / (self.steps_per_epoch * self.epochs))
        else:
            rate = rate_at(self.schedule, self.step // self.steps_per_epoch)
        return rate * self.settings.learning_rate_scale

    def configure_optimizers(self) -> torch.optim.Optimizer:
        parameters = [p for p in self.parameters() if p.requires_grad]
        # fused: one kernel for all parameters; it cannot work with the gradient scaling of fp16
        fused = getattr(self.trainer, "precision", "") != "16-mixed"
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.settings.optimizer]
        return kind(parameters, lr=self.learning_rate, betas=(MOMENTUM, 0.999), weight_decay=self.weight_decay,
                    fused=fused)  # fmt: skip

    def _step(self, batch, stage):
        """Loss of one batch; validation also adds up the squared mouth error, mm^2."""
        outputs, _ = self.network(batch["features"], lengths=batch["lengths"])
        # half precision is for the network: millimetres of all channels add up to more than its 8 bits can tell
        with torch.autocast(outputs.device.type, enabled=False):
            return self._score(outputs, batch, stage)

    def _score(self, outputs, batch, stage):
        targets = batch["targets"]
        if batch["lengths"] is None:
            valid = outputs.new_ones(outputs.shape[:2], dtype=torch.bool)
        else:
            valid = valid_frames(batch["lengths"], outputs.shape[1], outputs.device)
        loss = self._loss(outputs, targets, valid, batch.get("offsets"))
        if stage == "train" or not batch.get("share", 1.0):
            return loss
        frames, squared_mm = int(valid.sum()), float("nan")
        if self.landmark_basis is not None:
            observed = self.observed[: self.n_weights]
            error = (outputs - targets)[valid][:, : self.n_weights][:, observed] @ self.landmark_basis[observed, MOUTH]
            squared_mm = error.square().sum().item() / N_MOUTH
        self.val_sums += np.array([loss.item() * frames, squared_mm, frames])
        return loss

    def _loss(self, outputs, targets, valid, offsets):
        """The parts of the loss, added up.

        outputs, targets (B, T, n_out), valid (B, T), offsets (B, T, n_weights) between the weights that the network
        gives and the face's own, or None -> tensor ().
        """
        factors = self.settings
        loss = regression_loss(
            outputs[valid], targets[valid], scale=self.scale, observed=self.observed, n_weights=self.n_weights,
            factor=factors.loss_weights, l1=factors.l1,
        )  # fmt: skip
        if factors.loss_rig or factors.loss_velocity:
            position, velocity = displacement_losses(
                outputs[..., : self.n_weights], targets[..., : self.n_weights], valid, basis=self.landmark_basis,
                factors=self.landmark_factors, observed=self.observed[: self.n_weights],
            )  # fmt: skip
            loss = loss + factors.loss_rig * position + factors.loss_velocity * velocity
        if factors.loss_range:
            weights = outputs[..., : self.n_weights] if offsets is None else outputs[..., : self.n_weights] + offsets
            loss = loss + factors.loss_range * range_loss(
                weights[valid], self.observed[: self.n_weights], self.channels
            )
        return loss

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.learning_rate
        torch.manual_seed(self.seed * 1_000_003 + self.step + processes.rank() * 500_000_003)

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        # the gradients are averaged over the processes: what is of fewer frames must count less
        loss = self._step(batch, "train") * batch.get("share", 1.0)
        self._losses.append(loss.detach())
        return loss

    @property
    def train_sums(self) -> np.ndarray:
        """Sum of losses and number of steps of the current epoch."""
        if self._losses:  # read from a GPU at once, not step by step: that would make it wait for every step
            self._train_sums += [float(torch.stack(self._losses).double().sum()), len(self._losses)]
            self._losses.clear()
        return self._train_sums

    @property
    def loss_so_far(self) -> float:
        """Mean loss of the current epoch, NaN before its first step. Asking changes nothing that is added up."""
        return float(torch.stack(self._losses).mean()) if self._losses else float("nan")

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: Any = None, gradient_clip_algorithm: Any = None
    ) -> None:
        # Lightning refuses to clip for a fused optimiser in half precision, where this is as good as elsewhere
        if self.gradient_clip:
            torch.nn.utils.clip_grad_value_(self.parameters(), self.gradient_clip)

    def on_validation_epoch_start(self) -> None:
        self.val_sums[:] = 0

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self._step(batch, "val")

    def losses_of_epoch(self) -> tuple[float, float, float]:
        """Mean training loss, validation loss and mouth RMSE (mm) of the epoch just over; NaN where unknown."""
        (loss, steps), (val_loss, squared_mm, frames) = map(processes.summed, (self.train_sums, self.val_sums))
        train = loss / max(steps, 1)
        if not frames:
            return train, float("nan"), float("nan")
        return train, val_loss / frames, float(np.sqrt(squared_mm / frames))
