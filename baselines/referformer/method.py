"""ReferFormer as a ``Method``: a sentence to the masks of the best query."""

from torch import Tensor

from baselines.layers.inference.clip_segmenter import ClipSegmenter
from baselines.layers.inference.query_outputs import QueryOutputs
from baselines.layers.inference.sentence_model import BestQueryModel, load_segmenter
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES, ClipFeatures
from baselines.layers.nn.text_encoder import build_roberta
from baselines.referformer.checkpoint import load as load_checkpoint
from baselines.referformer.model import ReferFormer
from baselines.referformer.options import Options
from mevis_bench.records import MethodConfig

Text = tuple[Words, Tensor]


class ReferFormerModel(BestQueryModel[ReferFormer, Text, ClipFeatures]):
    """The network with the authors' inference protocol."""

    title = "ReferFormer"


def load(config: MethodConfig[Options]) -> ClipSegmenter[Text, ClipFeatures, QueryOutputs]:
    """Build ReferFormer with the authors' weights, or with seeded random ones; see `load_segmenter`."""
    size = LANGUAGE_QUERIES_SIZES[config.options.size]

    def build() -> ReferFormer:
        return ReferFormer(config.options.backbone, TextReference(build_roberta(size.text), size.channels), size)

    return load_segmenter(config, build, load_checkpoint, ReferFormerModel)
