"""The heuristic baseline for RMEG: no model, no frame is decoded; only the targets' masks are used."""

from collections.abc import Iterator, Mapping, Sequence

from baselines.trajectory_words.trajectory import trace
from baselines.trajectory_words.wording import sentence
from mevis_bench.records import CaptionPrediction, MethodConfig, Prompt, TargetMasks, Video


class TrajectoryWords:
    """Describes targets by their trajectories."""

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[CaptionPrediction]:
        """Yield one sentence per target set; empty where no frame shows a target."""
        for prompt in prompts:
            if not isinstance(prompt, TargetMasks):
                raise TypeError(f"trajectory_words reads target masks, not {type(prompt).__name__}")
            traced = [trace(masks) for masks in prompt.objects]
            yield CaptionPrediction(sentence([each for each in traced if each is not None]))

    def close(self) -> None:
        """No-op."""


def load(config: MethodConfig[Mapping[str, object]]) -> TrajectoryWords:
    """Build the method; it has no files."""
    return TrajectoryWords()
