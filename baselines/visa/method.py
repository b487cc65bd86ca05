"""VISA as a ``Method``: a sentence to one mask per frame, each from the video's frames and the frame itself."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from baselines.layers.inference.caption_view import Square
from baselines.layers.inputs.resize import PIXEL_MEAN, PIXEL_STD, Size, resize
from baselines.visa.checkpoint import AUTO, load_network
from baselines.visa.config import SIZES
from baselines.visa.model import Visa, upsample
from baselines.visa.options import Options
from baselines.visa.prompt import ANSWER, HashedWords, LlamaTokens, Tokenizer, prompt_texts, reference_frames
from mevis_bench.records import MaskPrediction, MethodConfig, Prompt, TextPrompt, Video


class VisaMethod:
    """The authors' first step, a mask for every frame, and their rule of a decisive frame.

    Args:
        network: The network, in evaluation mode.
        tokenizer: Of the language model.
        options: Of the variant.
        device: Of the frames, a torch device string.
    """

    def __init__(self, network: Visa, tokenizer: Tokenizer, options: Options, device: str) -> None:
        self.network, self.tokenizer, self.options, self.device = network, tokenizer, options, device
        self.square = Square(network.config.read_side, "crop")
        self.side = network.config.segmented_side

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Yield one prediction per prompt; every frame is encoded once for all of them."""
        sentences = [self._sentence(prompt) for prompt in prompts]
        if not sentences:
            return
        packed: list[list[NDArray[np.uint8]]] = [[] for _ in sentences]
        tokens = self._read(video)
        for index in range(len(video)):
            for parts, mask in zip(packed, self._segment(video, index, tokens, sentences), strict=True):
                parts.append(np.packbits(mask, axis=1))
        for parts in packed:
            masks = np.unpackbits(np.stack(parts), axis=2, count=video.width).astype(bool)
            yield MaskPrediction(abstained(masks, self.options.seed_at))

    def close(self) -> None:
        """No-op."""

    @staticmethod
    def _sentence(prompt: Prompt) -> str:
        if not isinstance(prompt, TextPrompt):
            raise TypeError(f"VISA requires a text prompt, got {type(prompt).__name__}")
        return prompt.text

    @torch.inference_mode()
    def _read(self, video: Video) -> Tensor:
        """Encode all frames as the language model reads them: ``(t, m, c)``."""
        squares = (self.square.normalize(self.square.resize(pixels)[None]) for pixels in video.frames())
        return torch.cat([self.network.read_frames(self._placed(square)) for square in squares])

    @torch.inference_mode()
    def _segment(self, video: Video, index: int, tokens: Tensor, sentences: Sequence[str]) -> list[NDArray[np.bool_]]:
        """Masks of one frame: bool ``(height, width)`` for each sentence."""
        size, inner = (video.height, video.width), longest_side(video.height, video.width, self.side)
        image = self.network.segmenter.encode(self._placed(padded(video.frame(index), inner, self.side)))
        references = [*reference_frames(len(video), index, self.options.references), index]
        masks = []
        for sentence in sentences:
            pieces: list[Tensor] = [self._ids([self.tokenizer.begin])]
            *before, after = prompt_texts(sentence, len(references) - 1)
            for text, reference in zip(before, references, strict=True):
                pieces += [self._ids(self.tokenizer.ids(text)), tokens[reference]]
            pieces.append(self._ids(self.tokenizer.ids(after)))
            prompt = self.network.prompt(pieces, self._ids(self.tokenizer.ids(ANSWER)))
            logits = upsample(self.network.segmenter(image, prompt.to(image.device)), self.side, inner, size)
            masks.append((logits > 0).cpu().numpy())
        return masks

    def _ids(self, ids: list[int]) -> Tensor:
        return torch.tensor(ids, dtype=torch.long, device=self.device)

    def _placed(self, frames: Tensor) -> Tensor:
        return frames.to(self.device, getattr(torch, self.options.precision))


def longest_side(height: int, width: int, side: int) -> Size:
    """Size of a frame whose long side is ``side``, halves rounded up (SAM's rule)."""
    scale = side / max(height, width)
    return int(height * scale + 0.5), int(width * scale + 0.5)


def padded(pixels: NDArray[np.uint8], inner: Size, side: int) -> Tensor:
    """Resize and normalize RGB ``(h, w, 3)``, zeros at the right and the bottom: float32 ``(1, 3, side, side)``."""
    frame = torch.from_numpy(resize(pixels, inner).copy()).permute(2, 0, 1).float()
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (PIXEL_MEAN, PIXEL_STD))
    return F.pad((frame - mean) / std, (0, side - inner[1], 0, side - inner[0]))[None]


def abstained(masks: NDArray[np.bool_], seed_at: float | None) -> NDArray[np.bool_]:
    """Empty the masks of a video ``(t, h, w)`` if the decisive frame's mask is empty."""
    if seed_at is None or masks[min(int(len(masks) * seed_at), len(masks) - 1)].any():
        return masks
    return np.zeros_like(masks)


def load(config: MethodConfig[Options]) -> VisaMethod:
    """Build VISA from folders of weights, or with seeded random ones.

    Raises:
        DataError: A folder does not contain this variant's weights.
    """
    options = config.options
    sizes, dtype = SIZES[options.size], getattr(torch, options.precision)
    tokenizer: Tokenizer
    if config.weights is None:
        torch.manual_seed(config.seed)
        network, tokenizer = Visa(sizes).eval().to(config.device, dtype), HashedWords(sizes.language.vocab_size)
    else:
        tokenizer = LlamaTokens(config.weights["model"])
        placement = AUTO if options.placement == "auto" else config.device
        network = load_network(config.weights["model"], config.weights["clip"], sizes, dtype=dtype, device=placement)
    return VisaMethod(network, tokenizer, options, config.device)
