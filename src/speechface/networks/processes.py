"""Several processes that train one network: who they are, and what they tell each other.

Every process holds the whole table and draws the same batches; each takes its share of a batch. Gradients are averaged
by Lightning's DDP. Without a group (`join` has not been called) all of this is that of one process.
"""

import contextlib

import numpy as np
import torch
import torch.distributed as dist
from lightning_fabric.plugins.environments import ClusterEnvironment

from speechface.errors import ModelError

__all__ = ["Environment", "agreed", "highest", "join", "rank", "size", "summed", "wait_for_all"]


@contextlib.contextmanager
def join(place, *, gpu):
    """Be one of the processes of `place` (`speechface.launch.Place`) within the block; nothing to do for one process.

    Raises
    ------
    ModelError
        If the processes do not find each other.
    """
    if place.size == 1:
        yield
        return
    try:
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if gpu else "gloo", init_method=f"tcp://{place.address}:{place.port}",
            rank=place.rank, world_size=place.size,
        )  # fmt: skip
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(
            f"process {place.rank + 1} of {place.size} does not find the others at {place.address}:{place.port} "
            f"({' '.join(str(error).split())}); the nodes of one training must reach each other"
        ) from None
    try:
        yield
    finally:
        dist.destroy_process_group()


def rank():
    """Number of this process, from 0. Process 0 writes the files."""
    return dist.get_rank() if dist.is_initialized() else 0


def size():
    """Number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def _together(values, operation):
    if size() == 1:
        return np.asarray(values, np.float64)
    values = torch.as_tensor(np.asarray(values, np.float64))
    dist.all_reduce(values, op=operation)
    return values.numpy()


def summed(values):
    """Sum of `values` (array-like) over all processes, the same in all: float64 array. All must call it."""
    return _together(values, dist.ReduceOp.SUM)


def highest(value):
    """Highest of each of the numbers `value` (array-like) in any process, the same in all. All must call it."""
    return _together(value, dist.ReduceOp.MAX)


def agreed(value):
    """The `value` of process 0 in all processes. All must call it."""
    if size() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def wait_for_all():
    """Return when all processes are here."""
    if size() > 1:
        dist.barrier()


class Environment(ClusterEnvironment):
    """What Lightning asks about processes that exist already: each is, for Lightning, a node with one device."""

    def __init__(self, place):
        super().__init__()
        self._place = place

    @property
    def creates_processes_externally(self):
        return True

    @property
    def main_address(self):
        return self._place.address

    @property
    def main_port(self):
        return self._place.port

    @staticmethod
    def detect():
        return False

    def world_size(self):
        return self._place.size

    def set_world_size(self, size):
        """Known already."""

    def global_rank(self):
        return self._place.rank

    def set_global_rank(self, rank):
        """Known already."""

    def local_rank(self):
        return 0

    def node_rank(self):
        return self._place.rank
