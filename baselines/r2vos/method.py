"""R2-VOS as a ``Method``: a sentence to the masks of the best query, or to empty ones if the video disagrees."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from baselines.layers.inference import query_outputs
from baselines.layers.inference.clip_segmenter import ClipSegmenter
from baselines.layers.inference.encoders import Encoders
from baselines.layers.inference.query_outputs import QueryOutputs, best_query, query_masks
from baselines.layers.inference.sentence_model import SentenceModel, load_segmenter
from baselines.layers.inputs.resize import Size
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import ClipLevels, LanguageQueriesConfig
from baselines.layers.nn.text_encoder import Tokenizer
from baselines.lmpmpp.mini.clip_start import inference_encoders
from baselines.r2vos.checkpoint import load as load_checkpoint
from baselines.r2vos.config import SIZES
from baselines.r2vos.model import R2Vos
from baselines.r2vos.options import Options
from mevis_bench.records import MethodConfig

Text = tuple[Words, Tensor]


@dataclass(frozen=True, slots=True)
class ClipAnswer:
    """Output for one sentence and one clip, kept until all clips are processed.

    Attributes:
        queries: Output of all queries.
        disagreement: Probability, a scalar, of sentence and clip not being about the same.
    """

    queries: QueryOutputs
    disagreement: Tensor


class R2VosModel(SentenceModel[R2Vos, Text, ClipLevels]):
    """The network with the authors' inference protocol.

    Args:
        network: The network.
        tokenizer: Tokenizer of the sentences.
        device: Device of the network.
        agreement: See `Options`.
    """

    title = "R2-VOS"

    def __init__(self, network: R2Vos, tokenizer: Tokenizer, device: str, *, agreement: float | None) -> None:
        super().__init__(network, tokenizer, device)
        self.agreement = agreement

    def segment(self, clip: ClipLevels, text: Text) -> ClipAnswer:
        """Segment the object of one sentence in one clip."""
        answer = self.network(clip, text)
        return ClipAnswer(QueryOutputs.of(answer.segmented), answer.disagreement.float().sigmoid())

    def postprocess(self, outputs: Sequence[ClipAnswer], size: Size) -> tuple[list[Tensor], float]:
        """Select one query for the whole video, by its mean probability over all frames.

        The target score is the probability of agreement, its mean over the clips. Below ``1 - agreement`` the masks
        are empty.
        """
        query, _ = best_query(torch.cat([output.queries.logits for output in outputs]))
        masks = [query_masks(output.queries, query, size) for output in outputs]
        disagreement = float(torch.stack([output.disagreement for output in outputs]).mean())
        if self.agreement is not None and disagreement >= self.agreement:
            masks = [torch.zeros_like(part) for part in masks]
        return masks, 1 - disagreement

    def candidates(self, outputs: Sequence[ClipAnswer], size: Size) -> Iterator[tuple[list[Tensor], float]]:
        """Yield masks and mean probability over all frames of every query, whether the video agrees or not."""
        return query_outputs.all_queries([output.queries for output in outputs], size)


def load(config: MethodConfig[Options]) -> ClipSegmenter[Text, ClipLevels, ClipAnswer]:
    """Build R2-VOS with the authors' weights, or with seeded random ones; see `load_segmenter`."""
    size = SIZES[config.options.size]
    encoders = inference_encoders(config, size.text)
    network = build_network(size, encoders)
    return load_segmenter(config, network, encoders, load_checkpoint, model_with(config.options))


def build_network(size: LanguageQueriesConfig, encoders: Encoders) -> R2Vos:
    """Build the network with random weights."""
    return R2Vos(encoders.backbone, TextReference(encoders.text, size.channels), size)


def model_with(options: Options) -> Callable[[R2Vos, Tokenizer, str], R2VosModel]:
    """Return the model of a network, its tokenizer and its device, with a variant's options."""
    return partial(R2VosModel, agreement=options.agreement)
