"""TempRMOT as a ``Method``: sentences to tracks."""

from baselines.layers.inference.track_streaming import StreamingTracker, StreamSettings, load_tracker
from baselines.layers.nn.referring_detector import SIZES
from baselines.lmpmpp.mini.clip_start import inference_encoders
from baselines.temprmot.model import TempRmot
from baselines.temprmot.options import Options
from mevis_bench.records import MethodConfig


def load(config: MethodConfig[Options]) -> StreamingTracker:
    """Build TempRMOT with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint is not TempRMOT's, or the tokenizer not RoBERTa's.
        UsageError: An option has an invalid value.
    """
    size = SIZES[config.options.size]
    encoders = inference_encoders(config, size.text)

    def build(track_attention: bool) -> TempRmot:
        return TempRmot(
            size,
            history=config.options.history,
            track_attention=track_attention,
            backbone=encoders.backbone,
            text_encoder=encoders.text,
        )

    return load_tracker(config, StreamSettings.from_options(config.options), encoders, build)
