"""Heuristic baseline for RMEG: one sentence for every target; neither frames nor masks are read."""

from collections.abc import Iterator, Sequence

from baselines.constant_caption.options import Options
from mevis_bench.records import CaptionPrediction, MethodConfig, Prompt, Video


class ConstantCaption:
    """The same caption for every prompt."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[CaptionPrediction]:
        """Yield the sentence once per prompt."""
        for _ in prompts:
            yield CaptionPrediction(self.sentence)

    def close(self) -> None:
        """No-op."""


def load(config: MethodConfig[Options]) -> ConstantCaption:
    """Build the method; it has no files."""
    return ConstantCaption(config.options.sentence)
