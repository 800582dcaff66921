"""Training by several processes at once, each with its own batches: torchrun starts them, this joins them.

    torchrun --nproc-per-node 8 -m training train configs/lifter.yaml

With R processes, process r of step s learns from batch s·R + r, and the gradients are averaged before each
step (torch's DistributedDataParallel), so that all hold the same weights: one step is a step on R batches.
Judges average theirs themselves, and the norms by which their weight is calibrated. Only the
first process writes, into a folder that all must be able to read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from lifting.errors import ConfigError
from training.devices import best_device


class Process(NamedTuple):
    """One of the processes that train together."""

    rank: int
    """0 is the first, which writes."""
    world: int
    """How many there are."""
    device: torch.device
    """Its own GPU where there are any."""

    @property
    def first(self) -> bool:
        """Whether it is the one that writes and speaks."""
        return self.rank == 0

    def batch_of(self, step: int) -> int:
        """Which batch it learns from in `step`; no two processes share one."""
        return step * self.world + self.rank

    def check_same(self, step: int) -> None:
        """Raises ConfigError when the processes would continue from different steps."""
        if self.world == 1:
            return
        steps = [torch.zeros(1, dtype=torch.long, device=self.device) for _ in range(self.world)]
        distributed.all_gather(steps, torch.tensor([step], device=self.device))
        if any(int(other) != step for other in steps):
            raise ConfigError(
                f"The processes found checkpoints of the steps {', '.join(str(int(s)) for s in steps)}. Give "
                f"--out a folder that all machines share."
            )


@contextmanager
def joined() -> Iterator[Process]:
    """This process among those that torchrun started; without torchrun it is alone.

    At the end the processes wait for one another, so that what the first wrote is there for all.
    """
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    device = best_device()
    if world == 1:
        yield Process(0, 1, device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Process(rank, world, device)
        distributed.barrier()
    finally:
        distributed.destroy_process_group()


def first_process() -> bool:
    """Whether this process may print; true without torchrun."""
    return os.environ.get("RANK", "0") == "0"


def data_parallel(network: nn.Module, device: torch.device) -> nn.Module:
    """`network`, with gradients averaged over the processes when several train together.

    Parameters are shared with `network`, whose names and checkpoints stay as they are.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return network
    devices = [device] if device.type == "cuda" else None
    return DistributedDataParallel(network, device_ids=devices)


def average_over_processes(tensor: Tensor) -> None:
    """Replace `tensor` by its mean over the processes that train together; alone, nothing happens."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.all_reduce(tensor)
        tensor /= distributed.get_world_size()
