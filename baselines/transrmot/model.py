"""TransRMOT: referring multi-object tracking, frame by frame.

Wu et al., "Referring Multi-Object Tracking", CVPR 2023.
"""

from transformers import RobertaConfig

from baselines.layers.deformable_transformer import EncodedLevels
from baselines.layers.referring_detector import ReferringDetector
from baselines.layers.track_queries import NO_TRACK, LifeCycle, QueryInteraction, TrackQueries
from baselines.layers.track_streaming import Step


class TransRmot(ReferringDetector):
    """The detector, and the module that makes the next frame's queries of a frame's tracks."""

    def __init__(self, *, track_attention: bool, text: RobertaConfig | None = None) -> None:
        super().__init__(track_attention=track_attention, text=text)
        self.track_embed = QueryInteraction()

    def step(self, encoded: EncodedLevels, tracks: TrackQueries | None, life: LifeCycle) -> Step:
        """Take one frame: detect, judge, and carry the surviving tracks on."""
        queries = self.queries(tracks)
        detections = self.detect(encoded, queries)
        queries = life.update(queries, detections.scores)
        alive = queries.ids != NO_TRACK
        return Step(queries, detections, self.track_embed(queries[alive], detections[alive]))
