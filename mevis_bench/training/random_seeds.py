"""Seeds of a step: they follow from the training's seed, stage and step alone, so a resumed stage repeats them."""

import zlib

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


def _stage_number(stage: str) -> int:
    return zlib.crc32(stage.encode())
