"""VLT as a ``Method``: a sentence to one mask per frame."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.layers.inference.clip_segmenter import read_clip
from baselines.layers.inference.prompted_model import ClipStart
from baselines.layers.inference.video_chunks import video_chunks
from baselines.layers.inputs.word_vectors import TRAINED_SEED, GloveFile, SeededVectors, WordVectors, word_table
from baselines.lmpmpp.mini.clip_start import START_CHANNELS, inference_start
from baselines.vlt.checkpoint import load_network
from baselines.vlt.config import SIZES
from baselines.vlt.letterbox import Letterbox
from baselines.vlt.model import MAX_WORDS, Vlt, Words
from baselines.vlt.options import Options
from mevis_bench.records import MaskPrediction, MethodConfig, Prompt, TextPrompt, Video


class VltMethod:
    """The authors' protocol for images on every frame.

    Args:
        network: The network, in evaluation mode.
        vectors: Vectors of the words.
        options: Threshold and frames at once.
        device: A torch device string.
        start: What tracks the objects of a video first, and makes maps of it for each sentence; ``None``: the network
            sees frames.
    """

    def __init__(
        self, network: Vlt, vectors: WordVectors, options: Options, device: str, start: ClipStart | None = None
    ) -> None:
        self.network, self.vectors, self.options, self.device, self.start = network, vectors, options, device, start

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Yield one prediction per prompt; each chunk of frames passes the backbone once for all of them."""
        box = Letterbox(video.height, video.width, self.network.config.side)
        for balanced in self._respond(video, prompts, box):
            yield MaskPrediction(self._draw(balanced, box))

    def close(self) -> None:
        """No-op."""

    @torch.inference_mode()
    def _read(self, prompt: Prompt) -> Words:
        if not isinstance(prompt, TextPrompt):
            raise TypeError(f"VLT requires a text prompt, got {type(prompt).__name__}")
        return self.network.read(word_table(prompt.text.split(), self.vectors, MAX_WORDS).to(self.device))

    @torch.inference_mode()
    def _respond(self, video: Video, prompts: Sequence[Prompt], box: Letterbox) -> list[Tensor]:
        """Balanced responses of the whole video, ``(t, q, c)`` for each sentence."""
        sentences = [self._read(prompt) for prompt in prompts]
        if not sentences:
            return []
        if self.start is not None:
            return self._respond_to_maps(self.start, video, prompts, sentences, box)
        parts: list[list[Tensor]] = [[] for _ in sentences]
        for frames in video_chunks(video, self.device, at_once=self.options.chunk):
            pyramid = self.network.backbone(box.apply(frames))
            for words, collected in zip(sentences, parts, strict=True):
                collected.append(self.network.respond(pyramid, words).balanced)
        return [torch.cat(collected) for collected in parts]

    def _respond_to_maps(
        self, start: ClipStart, video: Video, prompts: Sequence[Prompt], sentences: Sequence[Words], box: Letterbox
    ) -> list[Tensor]:
        tracked = start.track(read_clip(video, range(len(video)), box.inner, torch.device(self.device)))
        balanced = []
        for feature, words in zip(start.read(prompts), sentences, strict=True):
            pieces = start.prompted(tracked, feature).maps[0].split(self.options.chunk)
            parts = [self.network.respond(self.network.backbone(box.place(piece)), words).balanced for piece in pieces]
            balanced.append(torch.cat(parts))
        return balanced

    @torch.inference_mode()
    def _draw(self, balanced: Tensor, box: Letterbox) -> NDArray[np.bool_]:
        pieces = self.network.connect(balanced).split(self.options.chunk)
        return np.concatenate(
            [box.undo(self.network.draw(piece), self.options.threshold).cpu().numpy() for piece in pieces]
        )


def load(config: MethodConfig[Options]) -> VltMethod:
    """Build VLT with trained weights and GloVe, or with seeded random ones.

    Raises:
        DataError: The weights or the file of word vectors are not this variant's.
    """
    options = config.options
    sizes, temporal_context = SIZES[options.size], options.temporal_context
    vectors: WordVectors
    start = inference_start(config)
    prepared = None if start is None else START_CHANNELS
    if config.weights is None:
        torch.manual_seed(config.seed)
        network = Vlt(sizes, temporal_context=temporal_context, prepared=prepared)
        vectors = SeededVectors(config.seed)
    else:
        words = config.weights.get("words")
        vectors = SeededVectors(TRAINED_SEED) if words is None else GloveFile(words)
        network = load_network(config.weights["model"], sizes, temporal_context=temporal_context, prepared=prepared)
    return VltMethod(network.eval().to(config.device), vectors, options, config.device, start)
