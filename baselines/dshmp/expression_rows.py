"""The expressions of a split in DsHmp's memory bank, and the network with its bank in training."""

import torch
from torch import Tensor, nn

from baselines.dshmp.memory_bank import ExpressionContrast, MemoryBank, draw_negatives
from mevis_bench.records import TrainingData


class DsHmpTraining(nn.Module):
    """The network, its memory bank, and the steps that were made: all that a resumed training needs.

    Args:
        network: The network.
        expressions: Expressions of the training split.
        channels: Width of their embeddings.
    """

    iteration: Tensor

    def __init__(self, network: nn.Module, expressions: int, channels: int) -> None:
        super().__init__()
        self.network = network
        self.bank = MemoryBank(expressions, channels)
        self.register_buffer("iteration", torch.zeros((), dtype=torch.long))


class ExpressionRows:
    """Rows of a split's expressions in the memory bank, numbered over videos and expressions.

    Args:
        data: The split.
        samples: Rows that an expression is compared with.
    """

    def __init__(self, data: TrainingData, samples: int) -> None:
        self._samples = samples
        self._rows: dict[tuple[str, str], int] = {}
        self._sets: dict[tuple[str, frozenset[str]], list[int]] = {}
        self._objects: dict[int, frozenset[str]] = {}
        for video_id in data.video_ids:
            for expression in data.expressions(video_id):
                row, objects = len(self._rows), frozenset(expression.annotation_ids or ())
                self._rows[video_id, expression.id] = row
                self._objects[row] = objects
                self._sets.setdefault((video_id, objects), []).append(row)
        self._firsts: dict[str, list[tuple[frozenset[str], int]]] = {}
        for (video_id, objects), rows in self._sets.items():
            if objects:
                self._firsts.setdefault(video_id, []).append((objects, rows[0]))

    def __len__(self) -> int:
        return len(self._rows)

    def contrast(self, video_id: str, expression_id: str) -> ExpressionContrast:
        """Draw the rows that an expression is compared with, by torch's generator."""
        row = self._rows[video_id, expression_id]
        objects = self._objects[row]
        positives = torch.tensor(self._sets[video_id, objects])
        others = [first for other, first in self._firsts.get(video_id, []) if other != objects]
        negatives = draw_negatives(positives, torch.tensor(others, dtype=torch.long), len(self._rows), self._samples)
        return ExpressionContrast(row, positives, negatives)
