"""TransRMOT: referring multi-object tracking, frame by frame.

Wu et al., "Referring Multi-Object Tracking", CVPR 2023.
"""

from baselines.layers.inference.track_streaming import Step, TrackingDetector
from baselines.layers.nn.clip_backbones import Backbone
from baselines.layers.nn.deformable_transformer import EncodedLevels
from baselines.layers.nn.referring_detector import DetectorConfig
from baselines.layers.nn.text_encoder import TextEncoder
from baselines.layers.nn.track_queries import NO_TRACK, LifeCycle, QueryInteraction, TrackQueries


class TransRmot(TrackingDetector):
    """The detector, and the module that makes the next frame's queries of a frame's tracks."""

    def __init__(
        self,
        config: DetectorConfig | None = None,
        *,
        track_attention: bool,
        backbone: str | Backbone = "resnet50",
        text_encoder: TextEncoder | None = None,
    ) -> None:
        super().__init__(config, track_attention=track_attention, backbone=backbone, text_encoder=text_encoder)
        self.track_embed = QueryInteraction(self.config.channels, self.config.feedforward, self.config.heads)

    def step(self, encoded: EncodedLevels, tracks: TrackQueries | None, life: LifeCycle) -> Step:
        """Take one frame: detect, select, and carry the surviving tracks on."""
        queries = self.queries(tracks)
        detections = self.detect(encoded, queries)
        queries = life.update(queries, detections.scores)
        alive = queries.ids != NO_TRACK
        return Step(queries, detections, self.track_embed(queries[alive], detections[alive]))
