"""SgMg as a ``Method``: a sentence to the refined masks of the best query."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from baselines.layers.inference.clip_segmenter import ClipSegmenter
from baselines.layers.inference.encoders import Encoders
from baselines.layers.inference.query_outputs import best_query, query_scores, upsample_masks
from baselines.layers.inference.sentence_model import SentenceModel, load_segmenter
from baselines.layers.inputs.resize import Size
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES, LanguageQueriesConfig
from baselines.lmpmpp.mini.clip_start import inference_encoders
from baselines.sgmg.checkpoint import load as load_checkpoint
from baselines.sgmg.model import ClipFeatures, SgMg
from baselines.sgmg.options import Options
from mevis_bench.records import MethodConfig

Text = tuple[Words, Tensor]


@dataclass(frozen=True, slots=True)
class PatchOutputs:
    """Output for one sentence and one clip, kept until all clips are processed.

    Attributes:
        logits: Logits of being the referred object, ``(t, q)``.
        patches: Mask logits before their refinement, ``(t, q, 16, h, w)``.
        clip: The encoded clip, for the refinement.
    """

    logits: Tensor
    patches: Tensor
    clip: ClipFeatures


class SgMgModel(SentenceModel[SgMg, Text, ClipFeatures]):
    """The network with the authors' inference protocol: the query is chosen first, then its masks are refined."""

    title = "SgMg"

    def segment(self, clip: ClipFeatures, text: Text) -> PatchOutputs:
        """Detect the object of one sentence in one clip."""
        segmented = self.network(clip, text)
        return PatchOutputs(segmented.logits, segmented.patches, clip)

    def postprocess(self, outputs: Sequence[PatchOutputs], size: Size) -> tuple[list[Tensor], float]:
        """Select one query for the whole video, by its mean probability over all frames."""
        query, score = best_query(torch.cat([output.logits for output in outputs]))
        return [self.query_masks(output, query, size) for output in outputs], score

    def candidates(self, outputs: Sequence[PatchOutputs], size: Size) -> Iterator[tuple[list[Tensor], float]]:
        """Yield masks and mean probability over all frames of every query."""
        scores = query_scores(torch.cat([output.logits for output in outputs]))
        for query, score in enumerate(scores.tolist()):
            yield [self.query_masks(output, query, size) for output in outputs], score

    def query_masks(self, outputs: PatchOutputs, query: int, size: Size) -> Tensor:
        """Refine one query's masks, drop their padding and scale them: bool ``(t, *size)``."""
        height, width = outputs.clip.size
        refined = self.network.refine(outputs.clip, outputs.patches[:, query, None])
        return torch.cat([upsample_masks(piece[:, 0, :height, :width], size) for piece in refined])


def load(config: MethodConfig[Options]) -> ClipSegmenter[Text, ClipFeatures, PatchOutputs]:
    """Build SgMg with the authors' weights, or with seeded random ones; see `load_segmenter`."""
    size = LANGUAGE_QUERIES_SIZES[config.options.size]
    encoders = inference_encoders(config, size.text)
    return load_segmenter(config, build_network(size, encoders), encoders, load_checkpoint, SgMgModel)


def build_network(size: LanguageQueriesConfig, encoders: Encoders) -> SgMg:
    """Build the network with random weights."""
    return SgMg(encoders.backbone, TextReference(encoders.text, size.channels, separate=True), size)
