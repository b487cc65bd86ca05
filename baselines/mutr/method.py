"""MUTR behind the harness's ``predict``: a sentence or a recording in, the best query's mask out."""

from collections.abc import Sequence

import torch
from torch import Tensor

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inference.query_outputs import QueryAnswer, best_query, draw_query
from baselines.layers.inputs.audio_file import read_audio
from baselines.layers.inputs.resize import Size, shortest_edge_truncated
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import ClipFeatures
from baselines.layers.nn.text_encoder import Tokenizer, build_roberta, open_tokenizer
from baselines.mutr.audio import RATE, AudioReference, log_mel_examples
from baselines.mutr.checkpoint import load as load_checkpoint
from baselines.mutr.model import Mutr
from baselines.mutr.options import Options
from mevis_bench.records import MethodConfig, Prompt, SpeechPrompt, TextPrompt


class MutrModel:
    """The authors' protocol around the network.

    Args:
        network: The network, of the text or the audio branch.
        tokenizer: Of the text branch; ``None``: the audio branch.
        choose_once: Choose one query for the whole video (pieces one after the other); else one per clip.
        device: Where the network is.
    """

    def __init__(self, network: Mutr, tokenizer: Tokenizer | None, *, choose_once: bool, device: str) -> None:
        self.network, self.tokenizer = network, tokenizer
        self.choose_once, self.device = choose_once, device

    def input_size(self, height: int, width: int, short: int) -> Size:
        """Short side given, the long one truncated, without a bound."""
        return shortest_edge_truncated(height, width, short)

    def read(self, prompt: Prompt) -> Words:
        """Encode the sentence as it is, or the recording."""
        if self.tokenizer is None and isinstance(prompt, SpeechPrompt):
            waveform = torch.from_numpy(read_audio(prompt.audio, RATE))
            return self.network.read(log_mel_examples(waveform.to(self.device)))
        if self.tokenizer is not None and isinstance(prompt, TextPrompt):
            return self.network.read(torch.tensor([self.tokenizer.encode(prompt.text).ids], device=self.device))
        raise TypeError(f"this variant of MUTR does not read {type(prompt).__name__}")

    def encode(self, frames: Tensor) -> ClipFeatures:
        """Encode a clip."""
        return self.network.encode(frames)

    def answer(self, clip: ClipFeatures, text: Words) -> QueryAnswer:
        """Answer one reference in one clip."""
        segmented = self.network(clip, text)
        return QueryAnswer(segmented.logits, segmented.found.states[-1], segmented.masks)

    def draw(self, answers: Sequence[QueryAnswer], size: Size) -> tuple[list[Tensor], float]:
        """Choose a query per clip; or one for all, after the queries of all clips met once more."""
        if self.choose_once:
            _, logits = self.network.classify(torch.cat([answer.states for answer in answers]))
            chosen = [best_query(logits[None])] * len(answers)
        else:
            chosen = [best_query(answer.logits) for answer in answers]
        masks = [draw_query(answer, query, size) for answer, (query, _) in zip(answers, chosen, strict=True)]
        frames = [len(answer.logits) for answer in answers]
        return masks, sum(score * n for (_, score), n in zip(chosen, frames, strict=True)) / sum(frames)


def load(setup: MethodConfig[Options]) -> ClipSegmenter[Words, ClipFeatures, QueryAnswer]:
    """Build MUTR with weights from a file, or with seeded random ones.

    Raises:
        DataError: The checkpoint or the tokenizer file does not fit.
        UsageError: An option's value can't be used.
    """
    settings = ClipSettings.from_options(setup.options)
    weights = setup.weights
    if weights is None:
        torch.manual_seed(setup.seed)
    tokenizer = None
    if setup.options.reference == "audio":
        reference: TextReference | AudioReference = AudioReference()
    else:
        reference = TextReference(build_roberta())
        tokenizer = open_tokenizer(None if weights is None else weights["tokenizer"])
    network = Mutr(setup.options.backbone, reference)
    if weights is not None:
        network.load_state_dict(load_checkpoint(weights["model"], network))
    network.eval().to(setup.device)
    model = MutrModel(network, tokenizer, choose_once=settings.sampling == "consecutive", device=setup.device)
    return ClipSegmenter(model, settings, setup.device)
