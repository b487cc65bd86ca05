"""GIT as a ``Method``: six frames with highlighted targets to a sentence about them."""

import torch
from torch import Tensor, nn
from transformers import GitForCausalLM

from baselines.git.network import FRAMES, build, load_network
from baselines.git.options import Options
from baselines.layers.inference.caption_method import CaptionMethod
from baselines.layers.inference.caption_view import CaptionView, Highlight, Square
from baselines.layers.inputs.bert_vocabulary import (
    BEGIN,
    END,
    PADDING,
    VOCABULARY_FILE,
    Decoder,
    NumberedWords,
    open_vocabulary,
)
from baselines.lmpmpp.mini.caption_start import TrackCaptioner, inference_start
from mevis_bench.records import MethodConfig

SIDE = 224
"""Side of the input, in pixels."""


class Git:
    """The network with beam search.

    Args:
        network: The network, in evaluation mode.
        decoder: Vocabulary.
        beams: Beams, 1: greedy.
        max_new_tokens: Upper bound of a sentence's tokens.
    """

    def __init__(self, network: GitForCausalLM, decoder: Decoder, beams: int, max_new_tokens: int) -> None:
        self.network, self.decoder = network, decoder
        self.beams, self.max_new_tokens = beams, max_new_tokens

    def describe(self, frames: Tensor) -> str:
        """Generate a sentence for normalized frames ``(6, 3, 224, 224)``, or for tokens ``(6, 1, n, c)``."""
        device = self.network.device
        output = self.network.generate(  # type: ignore[misc]  # typed for generative models, which GIT is not declared as
            pixel_values=frames[None].to(device, self.network.dtype),
            input_ids=torch.tensor([[BEGIN]], device=device),
            attention_mask=torch.ones(1, 1, dtype=torch.long, device=device),
            do_sample=False,
            num_beams=self.beams,
            max_new_tokens=self.max_new_tokens,
            eos_token_id=END,
            pad_token_id=PADDING,
        )
        return self.decoder.decode(output[0].tolist())


def load(config: MethodConfig[Options]) -> CaptionMethod | TrackCaptioner:
    """Build GIT from a folder of weights, or with seeded random ones.

    Raises:
        DataError: The folder does not contain this variant's weights.
        UsageError: An option has an invalid value.
    """
    options, weights = config.options, config.weights
    start = inference_start(config) if options.size == "tracks" else None
    view = CaptionView(FRAMES, Square(SIDE, options.fit), close_ups=options.close_ups)
    highlight = Highlight.from_options(options)
    decoder: Decoder
    if weights is None:
        torch.manual_seed(config.seed)
        network, decoder = build(options.size), NumberedWords()
    else:
        decoder = open_vocabulary(weights["model"] / VOCABULARY_FILE)
        network = load_network(weights["model"], options.size, dtype=torch.float32, device=config.device)
    nn.Module.to(network.eval(), config.device)
    captioner = Git(network, decoder, options.beams, options.max_new_tokens)
    if start is not None:
        return TrackCaptioner("GIT", captioner, start, FRAMES, config.device)
    return CaptionMethod("GIT", captioner, view, highlight)
