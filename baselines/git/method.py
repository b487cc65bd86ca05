"""GIT behind the harness's ``predict``: six frames with the targets painted over in, a sentence out."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import torch
from tokenizers import Tokenizer
from transformers import GitForCausalLM

from baselines.git.network import FRAMES, SIZES, build, load_network
from baselines.layers.inference.caption_view import CaptionView, Highlight
from mevis_bench.records import (
    CaptionPrediction,
    DataError,
    HighlightedVideo,
    MethodConfig,
    Prompt,
    TargetMasks,
    UsageError,
    Video,
)

BEGIN, END, PADDING = 101, 102, 0
"""BERT's [CLS], [SEP] and [PAD]."""

SIDE = 224


class Decoder(Protocol):
    """Turns token ids into a sentence."""

    def decode(self, ids: list[int]) -> str:
        """Leave special tokens out."""
        ...


class NumberedWords:
    """Stand-in for BERT's vocabulary in an untrained run: every token is named by its number."""

    def decode(self, ids: list[int]) -> str:
        """Write ``word17 word4``."""
        return " ".join(f"word{index}" for index in ids if index not in (BEGIN, END, PADDING))


class GitMethod:
    """The protocol around the network."""

    def __init__(
        self,
        network: GitForCausalLM,
        decoder: Decoder,
        view: CaptionView,
        highlight: Highlight,
        beams: int,
        max_new_tokens: int,
    ) -> None:
        self.network, self.decoder = network, decoder
        self.view, self.highlight = view, highlight
        self.beams, self.max_new_tokens = beams, max_new_tokens

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[CaptionPrediction]:
        """Yield one sentence per target set; nothing is shared between them, because each paints over other pixels."""
        for prompt in prompts:
            if not isinstance(prompt, TargetMasks):
                raise TypeError(f"GIT describes target masks, not {type(prompt).__name__}")
            shown = HighlightedVideo.of(video, prompt, self.highlight.color, self.highlight.alpha)
            yield self._describe(shown)

    def close(self) -> None:
        """Nothing is held between videos."""

    @torch.inference_mode()
    def _describe(self, video: Video) -> CaptionPrediction:
        frames, kept = self.view.see(video)
        device = self.network.device
        answer = self.network.generate(
            pixel_values=frames[None].to(device, self.network.dtype),
            input_ids=torch.tensor([[BEGIN]], device=device),
            attention_mask=torch.ones(1, 1, dtype=torch.long, device=device),
            do_sample=False,
            num_beams=self.beams,
            max_new_tokens=self.max_new_tokens,
            eos_token_id=END,
            pad_token_id=PADDING,
        )
        return CaptionPrediction(self.decoder.decode(answer[0].tolist()).strip(), kept)


def open_decoder(folder: Path) -> Decoder:
    """Open BERT's vocabulary, ``tokenizer.json`` beside the weights.

    Raises:
        DataError: It is missing, broken, or another model's.
    """
    path = folder / "tokenizer.json"
    hint = "Take tokenizer.json from the folder that the weights come from."
    try:
        tokenizer: Tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception for every fault of a file
        raise DataError(f"tokenizer can't be read: {error}", location=str(path), hint=hint) from error
    if (tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")) != (BEGIN, END):
        raise DataError("is not BERT's tokenizer", location=str(path), hint=hint)
    return tokenizer


def load(setup: MethodConfig) -> GitMethod:
    """Build GIT from a folder of weights, or with seeded random ones.

    Raises:
        DataError: The folder does not fit.
        UsageError: An option's value can't be used.
    """
    options = setup.options
    view = CaptionView.from_options({"frames": FRAMES, "fit": options["fit"]}, SIDE)
    size, beams = options["size"], options["beams"]
    if size not in SIZES:
        raise UsageError(f"{size!r} does not fit", location="method.size", hint=f"Wanted: {' or '.join(SIZES)}.")
    if not isinstance(beams, int) or beams < 1:
        raise UsageError(f"{beams!r} does not fit", location="method.beams", hint="Wanted: 1 (greedy) or more.")
    decoder: Decoder
    if setup.weights is None:
        torch.manual_seed(setup.seed)
        network, decoder = build(size).eval().to(setup.device), NumberedWords()
    else:
        decoder = open_decoder(setup.weights["model"])
        network = load_network(setup.weights["model"], size, dtype=torch.float32, device=setup.device)
    return GitMethod(network, decoder, view, Highlight.from_options(options), beams, options["max_new_tokens"])
