"""MUTR as a ``Method``: a sentence or a recording to the masks of the best query."""

from collections.abc import Sequence

import torch
from torch import Tensor

from baselines.layers.inference import query_outputs
from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inference.query_outputs import QueryOutputs, best_query, query_masks
from baselines.layers.inputs.audio_file import read_audio
from baselines.layers.inputs.resize import Size
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES, ClipFeatures
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.layers.nn.text_encoder import Tokenizer, build_roberta, open_tokenizer
from baselines.mutr.audio import RATE, AudioReference, log_mel_examples
from baselines.mutr.checkpoint import load as load_checkpoint
from baselines.mutr.model import Mutr
from baselines.mutr.options import Options
from mevis_bench.records import MethodConfig, Prompt, SpeechPrompt, TextPrompt


class MutrModel:
    """The network with the authors' inference protocol.

    Args:
        network: The network, of the text or the audio branch.
        tokenizer: Tokenizer of the text branch; ``None``: the audio branch.
        choose_once: Select one query for the whole video (consecutive clips); else one per clip.
        device: Device of the network.
    """

    input_size = staticmethod(query_outputs.input_size)

    def __init__(self, network: Mutr, tokenizer: Tokenizer | None, *, choose_once: bool, device: str) -> None:
        self.network, self.tokenizer = network, tokenizer
        self.choose_once, self.device = choose_once, device

    def encode_prompt(self, prompt: Prompt) -> Words:
        """Encode the sentence, unchanged, or the recording.

        Raises:
            TypeError: The prompt is not of this variant's type.
        """
        if self.tokenizer is None and isinstance(prompt, SpeechPrompt):
            waveform = torch.from_numpy(read_audio(prompt.audio, RATE))
            return self.network.read(log_mel_examples(waveform.to(self.device)))
        if self.tokenizer is not None and isinstance(prompt, TextPrompt):
            return self.network.read(torch.tensor([self.tokenizer.encode(prompt.text).ids], device=self.device))
        expected = "speech" if self.tokenizer is None else "text"
        raise TypeError(f"this variant of MUTR requires a {expected} prompt, got {type(prompt).__name__}")

    def encode_clip(self, frames: ClipInput) -> ClipFeatures:
        """Encode a clip."""
        return self.network.encode(frames)

    def segment(self, clip: ClipFeatures, text: Words) -> QueryOutputs:
        """Segment the object of one reference in one clip."""
        return QueryOutputs.of(self.network(clip, text))

    def postprocess(self, outputs: Sequence[QueryOutputs], size: Size) -> tuple[list[Tensor], float]:
        """Select a query per clip, or one for all from the joint temporal interaction of all clips' queries."""
        if self.choose_once:
            _, logits = self.network.classify(torch.cat([output.states for output in outputs]))
            selected = [best_query(logits[None])] * len(outputs)
        else:
            selected = [best_query(output.logits) for output in outputs]
        masks = [query_masks(output, query, size) for output, (query, _) in zip(outputs, selected, strict=True)]
        frames = [len(output.logits) for output in outputs]
        return masks, sum(score * n for (_, score), n in zip(selected, frames, strict=True)) / sum(frames)


def load(config: MethodConfig[Options]) -> ClipSegmenter[Words, ClipFeatures, QueryOutputs]:
    """Build MUTR with weights from a file, or with seeded random ones.

    Raises:
        DataError: The checkpoint or the tokenizer file is not this variant's.
        UsageError: An option has an invalid value.
    """
    settings = ClipSettings.from_options(config.options)
    weights = config.weights
    if weights is None:
        torch.manual_seed(config.seed)
    tokenizer = None
    network_config = LANGUAGE_QUERIES_SIZES[config.options.size]
    if config.options.reference == "audio":
        reference: TextReference | AudioReference = AudioReference(network_config.channels)
    else:
        reference = TextReference(build_roberta(network_config.text), network_config.channels)
        tokenizer = open_tokenizer(None if weights is None else weights.get("tokenizer"))
    network = Mutr(config.options.backbone, reference, network_config)
    if weights is not None:
        network.load_state_dict(load_checkpoint(weights["model"], network))
    network.eval().to(config.device)
    model = MutrModel(network, tokenizer, choose_once=settings.sampling == "consecutive", device=config.device)
    return ClipSegmenter(model, settings, config.device)
