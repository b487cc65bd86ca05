"""TransRMOT as a ``Method``: sentences to tracks."""

from baselines.layers.inference.track_streaming import StreamingTracker, StreamSettings, load_tracker
from baselines.layers.nn.referring_detector import SIZES
from baselines.transrmot.model import TransRmot
from baselines.transrmot.options import Options
from mevis_bench.records import MethodConfig


def load(config: MethodConfig[Options]) -> StreamingTracker:
    """Build TransRMOT with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint is not TransRMOT's, or the tokenizer not RoBERTa's.
        UsageError: An option has an invalid value.
    """
    settings = StreamSettings.from_options(config.options)
    network_config = SIZES[config.options.size]
    return load_tracker(
        config, settings, lambda track_attention: TransRmot(network_config, track_attention=track_attention)
    )
