"""Seeds of a step: they follow from the training's seed, stage and step alone, so a resumed stage repeats them."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from mevis_bench.records.training import SamplePosition

_LOSSES = 1 << 32
"""Added to a process's number, so that losses never share a seed with a sample."""


def sample_generator(seed: int, stage: str, position: SamplePosition) -> np.random.Generator:
    """Return the generator of one sample."""
    return np.random.default_rng((seed, _stage_number(stage), position.step, position.index))


def seed_losses(seed: int, stage: str, step: int, micro_batch: int) -> None:
    """Seed torch (dropout, random points) for a micro-batch, numbered over all processes."""
    sequence = np.random.SeedSequence((seed, _stage_number(stage), step, _LOSSES + micro_batch))
    torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))


@contextmanager
def deterministic_sums(device: torch.device) -> Iterator[None]:
    """Context in which sums on the CPU have one order: threads of torch otherwise add gradients as they come."""
    if device.type != "cpu":
        yield
        return
    settings: Any = torch.utils.deterministic
    before, fills = torch.are_deterministic_algorithms_enabled(), settings.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    settings.fill_uninitialized_memory = False  # what is read before it is written would be a bug anyway
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        settings.fill_uninitialized_memory = fills


def _stage_number(stage: str) -> int:
    return zlib.crc32(stage.encode())
