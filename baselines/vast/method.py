"""VAST as a ``Method``: frames with highlighted targets to a sentence about them."""

import torch
from PIL import Image
from torch import Tensor

from baselines.layers.inference.beam_search import beam_search
from baselines.layers.inference.caption_method import CaptionMethod
from baselines.layers.inference.caption_view import CaptionView, Fit, Highlight, Square
from baselines.layers.inference.memory_reader import MemoryReader
from baselines.layers.inputs.bert_vocabulary import BEGIN, END, MASK, Decoder, NumberedWords, open_vocabulary
from baselines.lmpmpp.mini.caption_start import TrackCaptioner, inference_start
from baselines.vast.checkpoint import load_network
from baselines.vast.config import SIZES
from baselines.vast.model import Vast
from baselines.vast.options import Options
from mevis_bench.records import MethodConfig


def sample_frames(length: int, count: int) -> list[int]:
    """Middle frames of ``count`` nearly equal pieces of a video, the first ones longer; the authors' rule.

    The last frame is repeated if the video has fewer than ``count``.
    """
    frames = [*range(length), *[length - 1] * (count - length)]
    short, longer = divmod(len(frames), count)
    sizes = [short + (piece < longer) for piece in range(count)]
    starts = [sum(sizes[:piece]) for piece in range(count)]
    return [frames[start + (size + 1) // 2 - 1] for start, size in zip(starts, sizes, strict=True)]


def square(size: str, fit: Fit) -> Square:
    """Preprocessing of a size's frames: CLIP's normalization after bilinear scaling."""
    return Square(SIZES[size].image_size, fit, resampling=Image.Resampling.BILINEAR)


class VastCaptioner:
    """The network with the authors' decoding: the next word is what a mask after the words so far stands for.

    Args:
        network: The network, in evaluation mode.
        decoder: Vocabulary.
        options: For the search.
        device: A torch device string.
    """

    def __init__(self, network: Vast, decoder: Decoder, options: Options, device: str) -> None:
        self.network, self.decoder, self.options, self.device = network, decoder, options, device

    def describe(self, frames: Tensor) -> str:
        """Generate a sentence for normalized frames ``(t, 3, side, side)``."""
        dtype = self.network.vision_type_embeddings.dtype
        video = self.network.encode(frames[None].to(self.device, dtype))
        reader = MemoryReader(self.network.multimodal_encoder, video)

        def next_logits(beginnings: list[list[int]]) -> Tensor:
            return reader.last_logits(torch.tensor([[*tokens, MASK] for tokens in beginnings], device=self.device))

        tokens = beam_search(
            next_logits,
            begin=BEGIN,
            end=END,
            beams=self.options.beams,
            length_penalty=self.options.length_penalty,
            max_new_tokens=self.options.max_new_tokens,
        )
        return self.decoder.decode(tokens)


def load(config: MethodConfig[Options]) -> CaptionMethod | TrackCaptioner:
    """Build VAST with a file of weights, or with seeded random ones.

    Raises:
        DataError: The weights or the vocabulary are not this variant's.
    """
    options = config.options
    start = inference_start(config) if SIZES[options.size].tracks else None
    view = CaptionView(options.frames, square(options.size, options.fit), sample_frames)
    decoder: Decoder
    if config.weights is None:
        torch.manual_seed(config.seed)
        network, decoder = Vast(SIZES[options.size]), NumberedWords()
    else:
        decoder = open_vocabulary(config.weights["vocabulary"])
        network = load_network(config.weights["model"], SIZES[options.size])
    network.eval().to(config.device, getattr(torch, options.precision))
    captioner = VastCaptioner(network, decoder, options, config.device)
    if start is not None:
        return TrackCaptioner("VAST", captioner, start, options.frames, config.device)
    return CaptionMethod("VAST", captioner, view, Highlight.from_options(options))
