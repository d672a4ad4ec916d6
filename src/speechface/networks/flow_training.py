"""Training of a flow: the trunk's loss and that of the field, in one step."""

from typing import Any

import torch

from speechface.networks.flow import FlowNetwork
from speechface.networks.flow_model import FlowModel, build_flow
from speechface.networks.module import SpeechModule
from speechface.networks.network import valid_frames
from speechface.networks.split_table import SplitTable
from speechface.networks.training import Kind

__all__ = ["FLOW", "FlowModule"]

#: How often a sequence's style is not told, so that the field knows what is common to all.
UNSTYLED = 0.3


def _styles(settings: Any, table: SplitTable) -> list[tuple[str, ...]]:
    """The styles of every clip of the table: ("emotion=happy", "speaker=set/actor")."""
    emotions = table.meta.get("emotions", {})
    found = []
    for key in table.clips:
        of_clip = {"emotion": emotions.get("/".join(key)), "speaker": "/".join(key[:2])}
        found.append(tuple(f"{kind}={of_clip[kind]}" for kind in settings.styles if of_clip[kind] is not None))
    return found


def _spec(settings: Any, table: SplitTable) -> dict[str, Any]:
    names = sorted({name for names in _styles(settings, table) for name in names})
    return {"flow": {"styles": names, "n_channels": settings.field_channels}}


class FlowModule(SpeechModule):
    """Training of one `FlowNetwork`; see `SpeechModule`.

    Parameters
    ----------
    spec, table : the network's description, and what it trains on: they tell the style of every clip
    """

    network: FlowNetwork
    settings: Any

    def __init__(self, *, spec: dict[str, Any], table: SplitTable, **arguments: Any):
        super().__init__(**arguments)
        place = {name: k for k, name in enumerate(spec["flow"]["styles"])}
        styles = torch.zeros(len(table.clips), len(place))
        for k, names in enumerate(_styles(self.settings, table)):
            styles[k, [place[name] for name in names]] = 1
        self.register_buffer("styles", styles, persistent=False)

    def _step(self, batch, stage):
        joined, _ = self.network(batch["features"], lengths=batch["lengths"])
        before = self.val_sums.copy()
        with torch.autocast(joined.device.type, enabled=False):
            loss = self._score(joined[..., : self.network.n_out], batch, stage)
            field = self.settings.loss_flow * self._field_loss(joined.float(), batch)
        if stage == "val":  # the trunk is judged by the mouth, the field, which takes longer, by the loss
            self.val_sums[0] = before[0] + field.item() * (self.val_sums[2] - before[2])
        return loss + field

    def _field_loss(self, joined, batch):
        """Mean squared error of the direction at a random point of the way of every sequence."""
        network, targets = self.network, batch["targets"]
        motion = network.standardised(targets)
        count, frames = targets.shape[:2]
        mask = motion.new_ones(count, frames, dtype=torch.bool)
        if batch["lengths"] is not None:
            mask = valid_frames(batch["lengths"], frames, motion.device)
        noise = torch.randn_like(motion)
        time = torch.rand(count, device=motion.device)
        point = noise + time[:, None, None] * (motion - noise)
        heard, styled = (
            (torch.rand(count, device=motion.device) >= part).float() for part in (self.settings.untold, UNSTYLED)
        )
        found = network.field(
            point, time, network.known(joined), heard=heard, styles=styled[:, None] * self.styles[batch["clip"]],
            mask=mask[..., None].float(),
        )  # fmt: skip
        return (found - (motion - noise))[mask].square().mean()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        torch.manual_seed(batch_idx)  # the same points in every epoch
        super().validation_step(batch, batch_idx)


#: What `speechface.networks.training.train` trains.
FLOW = Kind(spec=_spec, build=build_flow, module=FlowModule, model=FlowModel)
