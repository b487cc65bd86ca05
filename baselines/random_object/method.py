"""Heuristic baseline: one random object of a class-agnostic extractor is the target of every prompt."""

import random
from collections.abc import Mapping

import torch
from torch import Tensor

from baselines.every_object.method import EveryObject, load_extractor
from mevis_bench.records import MethodConfig


class RandomObject(EveryObject):
    """One track of the extractor per prompt."""

    def select(self, count: int, video_id: str, prompt_id: str) -> Tensor:
        """Return one index of ``count``, int64 ``(1,)``, the same in every run with this seed; none of none."""
        if count == 0:
            return torch.arange(0)
        # Not the global generator: its state depends on how many prompts a call has.
        return torch.tensor([random.Random(f"{self.seed}/{video_id}/{prompt_id}").randrange(count)])


def load(config: MethodConfig[Mapping[str, object]]) -> RandomObject:
    """Load the method; without weights the extractor is randomly initialized from ``config.seed``.

    Raises:
        DataError: The weights file is invalid.
    """
    return RandomObject(load_extractor(config), config.device, config.seed, boxes=config.task == "rmot")
