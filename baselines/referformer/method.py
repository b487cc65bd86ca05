"""ReferFormer behind the harness's ``predict``: the sentence as it is in, the best query's mask out."""

from collections.abc import Sequence

import torch
from torch import Tensor

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inference.query_outputs import QueryAnswer, best_query, draw_query
from baselines.layers.inputs.resize import Size, shortest_edge_truncated
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import ClipFeatures
from baselines.layers.nn.text_encoder import Tokenizer, build_roberta, open_tokenizer
from baselines.referformer.checkpoint import load as load_checkpoint
from baselines.referformer.model import ReferFormer
from baselines.referformer.options import Options
from mevis_bench.records import MethodConfig, Prompt, TextPrompt

Text = tuple[Words, Tensor]


class ReferFormerModel:
    """The authors' protocol around the network."""

    def __init__(self, network: ReferFormer, tokenizer: Tokenizer, device: str) -> None:
        self.network, self.tokenizer, self.device = network, tokenizer, device

    def input_size(self, height: int, width: int, short: int) -> Size:
        """Short side given, the long one truncated, without a bound."""
        return shortest_edge_truncated(height, width, short)

    def read(self, prompt: Prompt) -> Text:
        """Encode the sentence as it is: the authors lower its case in training only."""
        if not isinstance(prompt, TextPrompt):
            raise TypeError(f"ReferFormer reads text, not {type(prompt).__name__}")
        return self.network.read(torch.tensor([self.tokenizer.encode(prompt.text).ids], device=self.device))

    def encode(self, frames: Tensor) -> ClipFeatures:
        """Encode a clip."""
        return self.network.encode(frames)

    def answer(self, clip: ClipFeatures, text: Text) -> QueryAnswer:
        """Answer one sentence in one clip."""
        segmented = self.network(clip, text)
        return QueryAnswer(segmented.logits, segmented.found.states[-1], segmented.masks)

    def draw(self, answers: Sequence[QueryAnswer], size: Size) -> tuple[list[Tensor], float]:
        """One query for the whole video, chosen over all its frames."""
        query, score = best_query(torch.cat([answer.logits for answer in answers]))
        return [draw_query(answer, query, size) for answer in answers], score


def load(setup: MethodConfig[Options]) -> ClipSegmenter[Text, ClipFeatures, QueryAnswer]:
    """Build ReferFormer with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint or the tokenizer file does not fit.
        UsageError: An option's value can't be used.
    """
    settings = ClipSettings.from_options(setup.options)
    weights = setup.weights
    if weights is None:
        torch.manual_seed(setup.seed)
    network = ReferFormer(setup.options.backbone, TextReference(build_roberta()))
    if weights is not None:
        network.load_state_dict(load_checkpoint(weights["model"], network))
    network.eval().to(setup.device)
    tokenizer = open_tokenizer(None if weights is None else weights["tokenizer"])
    return ClipSegmenter(ReferFormerModel(network, tokenizer, setup.device), settings, setup.device)
