"""ReferFormer as a ``Method``: a sentence to the masks of the best query."""

from torch import Tensor

from baselines.layers.inference.clip_segmenter import ClipSegmenter
from baselines.layers.inference.encoders import Encoders
from baselines.layers.inference.query_outputs import QueryOutputs
from baselines.layers.inference.sentence_model import BestQueryModel, load_segmenter
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES, ClipFeatures, LanguageQueriesConfig
from baselines.lmpmpp.mini.clip_start import inference_encoders
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
    encoders = inference_encoders(config, size.text)
    return load_segmenter(config, build_network(size, encoders), encoders, load_checkpoint, ReferFormerModel)


def build_network(size: LanguageQueriesConfig, encoders: Encoders) -> ReferFormer:
    """Build the network with random weights."""
    return ReferFormer(encoders.backbone, TextReference(encoders.text, size.channels), size)
