"""CEN as a ``Method``: frames with highlighted targets to a sentence about them."""

import numpy as np
import torch
from torch import Tensor

from baselines.cen.checkpoint import load_captioner
from baselines.cen.config import SIZES
from baselines.cen.model import CenCaptioner
from baselines.cen.options import Options
from baselines.layers.inference.beam_search import beam_search, plain_beam_search
from baselines.layers.inference.caption_method import CaptionMethod
from baselines.layers.inference.caption_view import CaptionView, Highlight, Square
from baselines.layers.inference.memory_reader import MemoryReader
from baselines.layers.inputs.bert_vocabulary import BEGIN, END, Decoder, NumberedWords, open_vocabulary
from baselines.lmpmpp.mini.caption_start import TrackCaptioner, inference_start
from mevis_bench.records import MethodConfig


def sample_frames(length: int, count: int) -> list[int]:
    """Every frame, or ``count`` ones at equal distances, first and last included; the authors' rule."""
    return list(range(length)) if length <= count else np.linspace(0, length - 1, count).astype(int).tolist()


class CenSentences:
    """The network with the authors' beam search.

    Args:
        network: The network, in evaluation mode.
        decoder: Vocabulary.
        options: For the search.
        device: A torch device string.
    """

    def __init__(self, network: CenCaptioner, decoder: Decoder, options: Options, device: str) -> None:
        self.network, self.decoder, self.options, self.device = network, decoder, options, device

    def describe(self, frames: Tensor) -> str:
        """Generate a sentence for normalized frames ``(t, 3, side, side)``."""
        reader = MemoryReader(self.network.cen.decoder, self.network.encode(frames[None].to(self.device)))

        def next_logits(beginnings: list[list[int]]) -> Tensor:
            return reader.last_logits(torch.tensor(beginnings, device=self.device))

        options = self.options
        if options.length_penalty is None:
            _, tokens = plain_beam_search(
                next_logits, begin=BEGIN, end=END, beams=options.beams, max_new_tokens=options.max_new_tokens
            )[0]
        else:
            tokens = beam_search(
                next_logits,
                begin=BEGIN,
                end=END,
                beams=options.beams,
                length_penalty=options.length_penalty,
                max_new_tokens=options.max_new_tokens,
            )
        return self.decoder.decode(tokens[: tokens.index(END)] if END in tokens else tokens)


def load(config: MethodConfig[Options]) -> CaptionMethod | TrackCaptioner:
    """Build CEN with files of weights, or with seeded random ones.

    Raises:
        DataError: The weights or the vocabulary are not this variant's.
    """
    options, weights = config.options, config.weights
    sizes = SIZES[options.size]
    start = inference_start(config) if sizes.tracks else None
    decoder: Decoder
    if weights is None:
        torch.manual_seed(config.seed)
        network, decoder = CenCaptioner(sizes), NumberedWords()
    else:
        decoder = open_vocabulary(weights["vocabulary"])
        network = load_captioner(weights["model"], weights.get("clip"), sizes)
    network.eval().to(config.device)
    view = CaptionView(options.frames, Square(sizes.side, options.fit), sample_frames)
    captioner = CenSentences(network, decoder, options, config.device)
    if start is not None:
        return TrackCaptioner("CEN", captioner, start, options.frames, config.device)
    return CaptionMethod("CEN", captioner, view, Highlight.from_options(options))
