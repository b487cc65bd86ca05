"""Heuristic baseline: every object of a class-agnostic extractor is the target of every prompt."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from baselines.layers.inference.video_chunks import video_chunks
from baselines.lmpmpp.mini.checkpoint import build_random, load_mini
from baselines.lmpmpp.mini.method import predict_boxes, predict_masks
from baselines.lmpmpp.mini.model import MiniLMPMpp
from mevis_bench.records import MaskPrediction, MethodConfig, Prompt, TrackPrediction, Video


class EveryObject:
    """Tracks of LMPM++ mini's extractor; a subclass chooses among them."""

    def __init__(self, model: MiniLMPMpp, device: str, seed: int, *, boxes: bool) -> None:
        self.model, self.device, self.seed, self.boxes = model, device, seed, boxes

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction | TrackPrediction]:
        """Track the objects once, then select some for each prompt without reading its text or speech."""
        trajectories = self.model.track(video_chunks(video, self.device))
        for prompt in prompts:
            tracks = self.select(len(trajectories.boxes), video.id, prompt.id)
            if self.boxes:
                yield predict_boxes(self.model, trajectories, tracks, video)
            else:
                yield predict_masks(trajectories, tracks, video)

    def select(self, count: int, video_id: str, prompt_id: str) -> Tensor:
        """Return the indices of the target tracks among ``count``, int64 ``(n,)``: all."""
        return torch.arange(count)

    def close(self) -> None:
        """Release the model's memory."""
        del self.model


def load(config: MethodConfig[Mapping[str, object]]) -> EveryObject:
    """Load the method; without weights the extractor is randomly initialized from ``config.seed``.

    Raises:
        DataError: The weights file is invalid.
    """
    return EveryObject(load_extractor(config), config.device, config.seed, boxes=config.task == "rmot")


def load_extractor(config: MethodConfig[Mapping[str, object]]) -> MiniLMPMpp:
    """Return LMPM++ mini, of which only the extractor, the tracker and the detection head are used."""
    model, _ = build_random(config.seed) if config.weights is None else load_mini(config.weights["model"])
    return model.to(config.device).eval()
