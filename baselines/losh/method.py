"""LoSh as a ``Method``: MTTR's network on the full expression; the shortened form is used in training only."""

from baselines.layers.inference.clip_segmenter import ClipSegmenter
from baselines.losh.options import Options
from baselines.mttr.method import MttrModel, load_as
from baselines.mttr.model import ClipFeatures, SegmentedClip, Words
from mevis_bench.records import MethodConfig


class LoshModel(MttrModel):
    """MTTR's network and inference protocol."""

    title = "LoSh"


def load(config: MethodConfig[Options]) -> ClipSegmenter[Words, ClipFeatures, SegmentedClip]:
    """Build LoSh with weights from a file, of LoSh or MTTR, or with seeded random ones; see `load_segmenter`."""
    return load_as(config, LoshModel)
