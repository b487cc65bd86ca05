"""TransRMOT as a ``Method``: sentences to tracks."""

from baselines.layers.inference.track_streaming import StreamingTracker, StreamSettings, load_tracker
from baselines.layers.nn.referring_detector import SIZES
from baselines.transrmot.model import TransRmot
from baselines.transrmot.options import Options
from mevis_bench.records import MethodConfig


def load(setup: MethodConfig[Options]) -> StreamingTracker:
    """Build TransRMOT with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint is not TransRMOT's, or the tokenizer not RoBERTa's.
        UsageError: An option has an invalid value.
    """
    settings = StreamSettings.from_options(setup.options)
    config = SIZES[setup.options.size]
    return load_tracker(setup, settings, lambda track_attention: TransRmot(config, track_attention=track_attention))
