"""ReferFormer as a ``Method``: a sentence to the masks of the best query."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from baselines.layers.inference import query_outputs
from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inference.query_outputs import QueryOutputs, best_query, query_masks
from baselines.layers.inputs.resize import Size
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES, ClipFeatures
from baselines.layers.nn.text_encoder import Tokenizer, build_roberta, open_tokenizer
from baselines.referformer.checkpoint import load as load_checkpoint
from baselines.referformer.model import ReferFormer
from baselines.referformer.options import Options
from mevis_bench.records import MethodConfig, Prompt, TextPrompt

Text = tuple[Words, Tensor]


class ReferFormerModel:
    """The network with the authors' inference protocol."""

    input_size = staticmethod(query_outputs.input_size)

    def __init__(self, network: ReferFormer, tokenizer: Tokenizer, device: str) -> None:
        self.network, self.tokenizer, self.device = network, tokenizer, device

    def encode_prompt(self, prompt: Prompt) -> Text:
        """Encode the sentence unchanged: the authors lower its case in training only.

        Raises:
            TypeError: The prompt is not text.
        """
        if not isinstance(prompt, TextPrompt):
            raise TypeError(f"ReferFormer requires a text prompt, got {type(prompt).__name__}")
        return self.network.read(torch.tensor([self.tokenizer.encode(prompt.text).ids], device=self.device))

    def encode_clip(self, frames: Tensor) -> ClipFeatures:
        """Encode a clip."""
        return self.network.encode(frames)

    def segment(self, clip: ClipFeatures, text: Text) -> QueryOutputs:
        """Segment the object of one sentence in one clip."""
        return query_outputs.segment(self.network, clip, text)

    def postprocess(self, outputs: Sequence[QueryOutputs], size: Size) -> tuple[list[Tensor], float]:
        """Select one query for the whole video, by its mean probability over all frames."""
        query, score = best_query(torch.cat([output.logits for output in outputs]))
        return [query_masks(output, query, size) for output in outputs], score

    def candidates(self, outputs: Sequence[QueryOutputs], size: Size) -> Iterator[tuple[list[Tensor], float]]:
        """Yield masks and mean probability over all frames of every query."""
        return query_outputs.all_queries(outputs, size)


def load(config: MethodConfig[Options]) -> ClipSegmenter[Text, ClipFeatures, QueryOutputs]:
    """Build ReferFormer with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint or the tokenizer file is not this variant's.
        UsageError: An option has an invalid value.
    """
    settings = ClipSettings.from_options(config.options)
    weights = config.weights
    if weights is None:
        torch.manual_seed(config.seed)
    network_config = LANGUAGE_QUERIES_SIZES[config.options.size]
    reference = TextReference(build_roberta(network_config.text), network_config.channels)
    network = ReferFormer(config.options.backbone, reference, network_config)
    if weights is not None:
        network.load_state_dict(load_checkpoint(weights["model"], network))
    network.eval().to(config.device)
    tokenizer = open_tokenizer(None if weights is None else weights.get("tokenizer"))
    return ClipSegmenter(ReferFormerModel(network, tokenizer, config.device), settings, config.device)
