"""Several processes that train one network: who they are, and what they tell each other.

Every process holds the whole table and draws the same batches; each takes its share of a batch. Gradients are averaged
by Lightning's DDP. Without a group (`join` has not been called) all of this is that of one process.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from speechface.errors import ModelError
from speechface.launch import Place

__all__ = ["agreed", "highest", "join", "rank", "size", "summed"]


@contextlib.contextmanager
def join(place: Place, *, gpu: bool) -> Iterator[None]:
    """Be one of the processes of `place` (`speechface.launch.Place`) within the block; nothing to do for one process.

    Raises
    ------
    ModelError
        If the processes do not find each other.
    """
    if place.size == 1:
        yield
        return
    # what Lightning reads: for it, each process that exists already is a node with one device
    os.environ |= {"LOCAL_RANK": "0", "NODE_RANK": str(place.rank)}
    os.environ |= {"MASTER_ADDR": place.address, "MASTER_PORT": str(place.port)}
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


def rank() -> int:
    """Number of this process, from 0. Process 0 writes the files."""
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    """Number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def _together(values, operation):
    if size() == 1:
        return np.asarray(values, np.float64)
    values = torch.as_tensor(np.asarray(values, np.float64))
    dist.all_reduce(values, op=operation)
    return values.numpy()


def summed(values: Any) -> np.ndarray:
    """Sum of `values` (array-like) over all processes, the same in all: float64 array. All must call it."""
    return _together(values, dist.ReduceOp.SUM)


def highest(value: Any) -> np.ndarray:
    """Highest of each of the numbers `value` (array-like) in any process, the same in all. All must call it."""
    return _together(value, dist.ReduceOp.MAX)


def agreed(value: Any) -> Any:
    """The `value` of process 0 in all processes. All must call it."""
    if size() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]
