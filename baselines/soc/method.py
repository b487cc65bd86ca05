"""SOC as a ``Method``: a sentence to the masks of the best query."""

from collections.abc import Callable
from functools import partial

from torch import Tensor

from baselines.layers.inference.clip_segmenter import ClipSegmenter
from baselines.layers.inference.encoders import Encoders
from baselines.layers.inference.query_outputs import QueryOutputs
from baselines.layers.inference.sentence_model import BestQueryModel, load_segmenter
from baselines.layers.inputs.resize import Size, shortest_edge_capped
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import ClipLevels, LanguageQueriesConfig
from baselines.layers.nn.text_encoder import Tokenizer
from baselines.lmpmpp.mini.clip_start import inference_encoders
from baselines.soc.checkpoint import load as load_checkpoint
from baselines.soc.config import SIZES
from baselines.soc.model import Soc
from baselines.soc.options import Options
from mevis_bench.records import MethodConfig

Text = tuple[Words, Tensor]


class SocModel(BestQueryModel[Soc, Text, ClipLevels]):
    """The network with the authors' inference protocol.

    Args:
        network: The network.
        tokenizer: Tokenizer of the sentences.
        device: Device of the network.
        longest: Upper bound of the frames' long side.
        frame_by_frame: See `Options`.
    """

    title = "SOC"

    def __init__(self, network: Soc, tokenizer: Tokenizer, device: str, *, longest: int, frame_by_frame: bool) -> None:
        super().__init__(network, tokenizer, device)
        self.longest, self.frame_by_frame = longest, frame_by_frame

    def input_size(self, height: int, width: int, short: int) -> Size:
        """DETR's rule: short side given, reduced if the long side would exceed its bound."""
        return shortest_edge_capped(height, width, short, self.longest)

    def segment(self, clip: ClipLevels, text: Text) -> QueryOutputs:
        """Segment the object of one sentence in one clip."""
        return QueryOutputs.of(self.network(clip, text, frame_by_frame=self.frame_by_frame))


def load(config: MethodConfig[Options]) -> ClipSegmenter[Text, ClipLevels, QueryOutputs]:
    """Build SOC with the authors' weights, or with seeded random ones; see `load_segmenter`."""
    size = SIZES[config.options.size]
    encoders = inference_encoders(config, size.text)
    network = build_network(size, encoders)
    return load_segmenter(config, network, encoders, load_checkpoint, model_with(config.options))


def build_network(size: LanguageQueriesConfig, encoders: Encoders) -> Soc:
    """Build the network with random weights."""
    return Soc(encoders.backbone, TextReference(encoders.text, size.channels), size)


def model_with(options: Options) -> Callable[[Soc, Tokenizer, str], SocModel]:
    """Return the model of a network, its tokenizer and its device, with a variant's options."""
    return partial(SocModel, longest=options.longest, frame_by_frame=options.frame_by_frame)
