"""LBDT as a ``Method``: frames are segmented independently, each with its difference to an earlier one."""

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from baselines.layers.inputs.resize import IMAGENET_MEAN, IMAGENET_STD, resize
from baselines.layers.inputs.word_vectors import TRAINED_SEED, GloveFile, SeededVectors, WordVectors
from baselines.lbdt.checkpoint import read_checkpoint
from baselines.lbdt.config import SIZES
from baselines.lbdt.model import FrameFeatures, Lbdt, Words
from baselines.lbdt.options import Options
from baselines.lbdt.words import embed_sentence, split_words
from mevis_bench.records import MaskPrediction, MethodConfig, Prompt, TextPrompt, Video

FRAMES_AT_ONCE = 8


def earlier_frame(frame_names: Sequence[str], index: int, interval: int) -> int:
    """Index of the frame that a frame is compared with.

    The authors' rule for Refer-YouTube-VOS: the one whose number, its file name, is ``interval`` smaller; where
    there is none, the first. Where names are no numbers, places count.
    """
    if all(name.isdecimal() for name in frame_names):
        numbers = [int(name) for name in frame_names]
        earlier = numbers[index] - interval
        return numbers.index(earlier) if earlier in numbers else 0
    return max(index - interval, 0)


def draw(inside: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """Scale masks ``(t, side, side)`` as the authors save them: bilinear with aligned corners, all that is over 0."""
    masks = np.empty((len(inside), height, width), bool)
    for index, mask in enumerate(inside):
        soft = torch.from_numpy(mask)[None, None].float()
        scaled = F.interpolate(soft, size=(height, width), mode="bilinear", align_corners=True)
        masks[index] = (scaled[0, 0] > 0).numpy()
    return masks


class LbdtMethod:
    """The authors' protocol around the network."""

    def __init__(self, network: Lbdt, vectors: WordVectors, side: int, interval: int, device: str) -> None:
        self.network, self.vectors = network, vectors
        self.side, self.interval, self.device = side, interval, device

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Yield one prediction per prompt; each batch of frames is encoded once for all of them."""
        sentences = [self._read(prompt) for prompt in prompts]
        packed: list[list[NDArray[np.uint8]]] = [[] for _ in prompts]
        for first in range(0, len(video), FRAMES_AT_ONCE):
            features = self._encode(video, range(first, min(first + FRAMES_AT_ONCE, len(video))))
            for words, parts in zip(sentences, packed, strict=True):
                parts.append(np.packbits(self._segment(features, words), axis=2))
        for parts in packed:
            inside = np.unpackbits(np.concatenate(parts), axis=2).astype(bool)
            yield MaskPrediction(draw(inside, video.height, video.width))

    def close(self) -> None:
        """No-op."""

    @torch.inference_mode()
    def _read(self, prompt: Prompt) -> Words:
        if not isinstance(prompt, TextPrompt):
            raise TypeError(f"LBDT reads text, not {type(prompt).__name__}")
        vectors, present = embed_sentence(split_words(prompt.text), self.vectors)
        return self.network.encode_words(vectors.to(self.device), present.to(self.device))

    @torch.inference_mode()
    def _encode(self, video: Video, frames: range) -> FrameFeatures:
        mean, std = (torch.tensor(value, device=self.device).view(3, 1, 1) for value in (IMAGENET_MEAN, IMAGENET_STD))

        @cache
        def normalized(index: int) -> Tensor:
            pixels = torch.from_numpy(resize(video.frame(index), (self.side, self.side)).copy()).to(self.device)
            return (pixels.permute(2, 0, 1).float() / 255 - mean) / std

        earlier = [earlier_frame(video.frame_names, index, self.interval) for index in frames]
        images = torch.stack([normalized(index) for index in frames])
        before = torch.stack([normalized(index) for index in earlier])
        return self.network.encode_frames(images, (images - before).abs())

    @torch.inference_mode()
    def _segment(self, features: FrameFeatures, words: Words) -> NDArray[np.bool_]:
        """Inside or outside at the network's size: bool ``(b, side, side)``."""
        batch = len(features.image.fine)
        repeated = Words(
            words.words.expand(-1, batch, -1), words.absent.expand(batch, -1), words.sentence.expand(batch, -1)
        )
        out: NDArray[np.bool_] = (self.network(features, repeated).sigmoid() > 0.5).cpu().numpy()
        return out


def load(config: MethodConfig[Options]) -> LbdtMethod:
    """Build LBDT with the authors' weights and GloVe, or with seeded random ones.

    Raises:
        DataError: The checkpoint or the file of word vectors is invalid.
        UsageError: An option has an invalid value.
    """
    vectors: WordVectors
    if config.weights is None:
        torch.manual_seed(config.seed)
        network, vectors = Lbdt(SIZES[config.options.size]), SeededVectors(config.seed)
    else:
        words = config.weights.get("words")
        network = Lbdt(SIZES[config.options.size])
        vectors = SeededVectors(TRAINED_SEED) if words is None else GloveFile(words)
        network.load_state_dict(read_checkpoint(config.weights["model"], network))
    options = config.options
    return LbdtMethod(network.eval().to(config.device), vectors, options.side, options.interval, config.device)
