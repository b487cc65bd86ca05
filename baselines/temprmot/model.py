"""TempRMOT: TransRMOT with a memory of each query's past.

Zhang et al., "Bootstrapping Referring Multi-Object Tracking" (2024). The authors' code carries no license and was not
opened; this is written from its published shapes and figures.
"""

from dataclasses import dataclass, replace

import torch

from baselines.layers.inference.track_streaming import Step, TrackingDetector
from baselines.layers.nn.clip_backbones import Backbone
from baselines.layers.nn.deformable_transformer import EncodedLevels
from baselines.layers.nn.referring_detector import DetectorConfig
from baselines.layers.nn.text_encoder import TextEncoder
from baselines.layers.nn.track_queries import NO_TRACK, Detections, LifeCycle, QueryInteraction, TrackQueries
from baselines.temprmot.temporal import History, SpatialTemporalReasoner

_UPDATE_SCORE = 0.5
"""Above this score a track's queries follow the frame; below, they stay as they were. No option of the original."""


@dataclass(frozen=True, slots=True, eq=False)
class RememberedTracks:
    """Tracks that enter a frame, and their history; rows belong together."""

    queries: TrackQueries
    history: History


class TempRmot(TrackingDetector):
    """The detector, the temporal reasoner, and the module that makes the next frame's queries.

    Args:
        config: Sizes; ``None``: the authors'.
        history: Frames of history.
        track_attention: With attention among the tracks in every decoder layer.
        backbone: See `ReferringDetector`.
        text_encoder: See `ReferringDetector`.
    """

    def __init__(
        self,
        config: DetectorConfig | None = None,
        *,
        history: int,
        track_attention: bool,
        backbone: str | Backbone = "resnet50",
        text_encoder: TextEncoder | None = None,
    ) -> None:
        super().__init__(config, track_attention=track_attention, backbone=backbone, text_encoder=text_encoder)
        c, heads, feedforward = self.config.channels, self.config.heads, self.config.feedforward
        self.track_embed = QueryInteraction(c, feedforward, heads)
        self.STReasoner = SpatialTemporalReasoner(history, c, feedforward, heads)

    def step(self, encoded: EncodedLevels, tracks: RememberedTracks | None, life: LifeCycle) -> Step:
        """Take one frame: detect, correct from the past, select, and carry the surviving tracks on."""
        queries = self.queries(None if tracks is None else tracks.queries)
        detections = self.detect(encoded, queries)
        detections, history = self.look_back(detections, queries, tracks)
        queries = life.update(queries, detections.scores)
        alive = queries.ids != NO_TRACK
        return Step(
            queries, detections, RememberedTracks(self.follow(queries[alive], detections[alive]), history[alive])
        )

    def look_back(
        self, detections: Detections, queries: TrackQueries, tracks: RememberedTracks | None
    ) -> tuple[Detections, History]:
        """Correct the detections of all queries, fresh ones before ``tracks``; the history then holds this frame."""
        position = queries.embedding[:, : self.config.channels]
        history = History.empty(self.config.detect_queries, self.STReasoner.length, position)
        if tracks is not None:
            history = history.followed_by(tracks.history)
        refined: tuple[Detections, History] = self.STReasoner(detections, history, position)
        return refined

    def follow(self, tracks: TrackQueries, detections: Detections) -> TrackQueries:
        """Update the queries of tracks for the next frame where the frame is sure of them; same rows."""
        updated = self.track_embed(tracks, detections)
        sure = (detections.scores > _UPDATE_SCORE)[:, None]
        return replace(
            tracks,
            reference=torch.where(sure, updated.reference, tracks.reference),
            embedding=torch.where(sure, updated.embedding, tracks.embedding),
        )
