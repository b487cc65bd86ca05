"""``Method`` of trajectory networks on the common start of the mini variants (LMPM, DsHmp).

Axes: t frames, s sentences, q trajectory queries, c channels, a channels of the aligned space.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.layers.inference.query_segmenter import FRAMES_AT_ONCE, union_masks
from baselines.layers.inference.video_chunks import video_chunks
from baselines.lmpmpp.extractor import resized_shape
from baselines.lmpmpp.mini.common_start import CommonStart, TrackedVideo
from baselines.lmpmpp.mini.config import MINI
from mevis_bench.records import MaskPrediction, MethodConfig, Prompt, Video

PROMPTS_PER_BATCH = 32


class TrackNetwork(Protocol):
    """Interface of the networks."""

    def read(self, start: CommonStart, prompts: Sequence[Prompt]) -> Any:
        """Encode prompts by the frozen parts."""
        ...

    def match(self, video: TrackedVideo, read: Any) -> tuple[Tensor, Tensor]:
        """Match a video with the output of ``read``: class logits ``(s, q, 2)``, mask embeddings ``(s, q, c)``."""
        ...

    def mask_features(self, fine: Tensor) -> Tensor:
        """Project fine maps for dot products with mask embeddings."""
        ...


class TrackSegmenter:
    """Segmentation of a video's prompts: the union of the trajectories whose score exceeds ``threshold``."""

    def __init__(self, start: CommonStart, network: TrackNetwork, threshold: float, device: str) -> None:
        self.start, self.network, self.threshold, self.device = start, network, threshold, device

    @torch.no_grad()
    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Encode the video once, then run the prompts in batches."""
        tracked = self.start.encode_video(video_chunks(video, self.device))
        maps = self.network.mask_features(tracked.fine)
        for first in range(0, len(prompts), PROMPTS_PER_BATCH):
            read = self.network.read(self.start, prompts[first : first + PROMPTS_PER_BATCH])
            logits, embeddings = self.network.match(tracked, read)
            for scores, queries in zip(logits.softmax(-1)[..., 0], embeddings, strict=True):
                masks = self._masks(maps, queries[scores > self.threshold], video)
                yield MaskPrediction(masks, target_score=float(scores.max()))

    def close(self) -> None:
        """No-op."""

    def _masks(self, maps: Tensor, selected: Tensor, video: Video) -> NDArray[np.bool_]:
        if not len(selected):
            return np.zeros((len(video), video.height, video.width), dtype=bool)
        sizes = resized_shape(video.height, video.width, MINI.extractor), (video.height, video.width)
        parts = [union_masks(part, selected, *sizes, stride=1) for part in maps.split(FRAMES_AT_ONCE)]
        return torch.cat(parts).cpu().numpy()


def load_track_segmenter(config: MethodConfig[Any], build: Callable[[], nn.Module]) -> TrackSegmenter:
    """Load a variant on the common start: weights ``start`` and ``model``, or seeded random ones.

    Args:
        config: Its options have a ``threshold``.
        build: Builds the network.

    Raises:
        DataError: A file is not the variant's.
    """
    start = CommonStart.load(None if config.weights is None else config.weights["start"], config.seed)
    torch.manual_seed(config.seed)
    network = build()
    if config.weights is not None:
        path = config.weights["model"]
        tensors = {name: value.float() for name, value in read_tensors(path).items()}
        network.load_state_dict(match_keys(tensors, network, location=str(path)))
    network.eval().to(config.device)
    segmenting = cast(TrackNetwork, network)
    return TrackSegmenter(start.to(config.device), segmenting, config.options.threshold, config.device)
