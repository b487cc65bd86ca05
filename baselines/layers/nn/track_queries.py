"""Track queries: the state of an online tracker between frames, and the rules by which tracks start and end.

Zeng et al., "MOTR: End-to-End Multiple-Object Tracking with Transformer", ECCV 2022, sections 3.3 and 3.4; the rules
are those of TransRMOT and TempRMOT, which share them. Axis: q queries. Boxes are (cx, cy, w, h), 0..1.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.nn.deformable_transformer import inverse_sigmoid

NO_TRACK = -1
"""Identity of a query without a track."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackQueries:
    """Queries of one frame, or the tracks passed to the next one.

    Attributes:
        reference: Initial reference points, logits of x and y, ``(q, 2)``.
        embedding: Position embedding, then content, ``(q, 2c)``.
        ids: int64 ``(q,)``, identity of the track or ``NO_TRACK``.
        missed: int64 ``(q,)``, frames with a low score since the track was last seen.
    """

    reference: Tensor
    embedding: Tensor
    ids: Tensor
    missed: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: Tensor) -> "TrackQueries":
        return TrackQueries(self.reference[rows], self.embedding[rows], self.ids[rows], self.missed[rows])

    def followed_by(self, other: "TrackQueries") -> "TrackQueries":
        """Append another set of queries."""
        return TrackQueries(
            torch.cat((self.reference, other.reference)),
            torch.cat((self.embedding, other.embedding)),
            torch.cat((self.ids, other.ids)),
            torch.cat((self.missed, other.missed)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Predictions of one frame for each query.

    Attributes:
        logits: Logit of an object, ``(q,)``.
        refers: Logit of being referred to by the sentence, ``(q,)``.
        boxes: ``(q, 4)``.
        output: Last decoder state, ``(q, c)``.
    """

    logits: Tensor
    refers: Tensor
    boxes: Tensor
    output: Tensor

    @property
    def scores(self) -> Tensor:
        """Probability of an object, ``(q,)``."""
        return self.logits.sigmoid()

    def __getitem__(self, rows: Tensor) -> "Detections":
        return Detections(self.logits[rows], self.refers[rows], self.boxes[rows], self.output[rows])


@dataclass(frozen=True, slots=True)
class TrackRules:
    """Thresholds of a variant; scores are 0..1.

    Attributes:
        birth_score: Minimum score at which a query starts a track, or a track counts as seen.
        keep_score: A track with a lower score misses the frame.
        miss_tolerance: A track ends when it has missed this many frames since it was last seen.
        max_tracks: Upper bound of simultaneous tracks, so that weights that detect an object in every query cannot
            exhaust the memory; of new tracks beyond it those with the highest scores start.
        show_score: A track is output above this score ...
        show_area: ... above this box area in square pixels of the original frame ...
        show_refer: ... and above this probability of being referred to.
    """

    birth_score: float
    keep_score: float
    miss_tolerance: int
    max_tracks: int
    show_score: float
    show_area: float
    show_refer: float


class LifeCycle:
    """Assigns identities within one sequence."""

    def __init__(self, rules: TrackRules) -> None:
        self.rules = rules
        self._next_id = 0

    def update(self, queries: TrackQueries, scores: Tensor) -> TrackQueries:
        """Update every query by its score in this frame, ``(q,)``: start, seen, missed, end.

        Identities are assigned in row order. A track that ends gets ``NO_TRACK`` and keeps its count of misses.
        """
        seen = scores >= self.rules.birth_score
        tracked = queries.ids != NO_TRACK
        missed_now = tracked & (scores < self.rules.keep_score)
        missed = torch.where(seen, 0, queries.missed) + missed_now
        ended = missed_now & (missed >= self.rules.miss_tolerance)
        ids = torch.where(ended, NO_TRACK, queries.ids)
        born = self._room(seen & ~tracked, scores, int((ids != NO_TRACK).sum()))
        count = int(born.sum())
        ids[born] = torch.arange(self._next_id, self._next_id + count, device=ids.device)
        self._next_id += count
        return replace(queries, ids=ids, missed=missed)

    def _room(self, born: Tensor, scores: Tensor, alive: int) -> Tensor:
        """Select the new tracks with the highest scores, given ``alive`` existing tracks."""
        room = max(self.rules.max_tracks - alive, 0)
        if int(born.sum()) <= room:
            return born
        best = torch.where(born, scores, -torch.inf).topk(room).indices
        return torch.zeros_like(born).index_fill(0, best, True)


class QueryInteraction(nn.Module):
    """Update of the live tracks' queries by the frame's predictions (MOTR's query interaction module).

    ``norm3`` is in the authors' files and is not applied.
    """

    def __init__(self, channels: int = 256, feedforward: int = 1024, heads: int = 8) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.linear1 = nn.Linear(channels, feedforward)
        self.linear2 = nn.Linear(feedforward, channels)
        self.linear_pos1 = nn.Linear(channels, feedforward)
        self.linear_pos2 = nn.Linear(feedforward, channels)
        self.norm_pos = nn.LayerNorm(channels)
        self.linear_feat1 = nn.Linear(channels, feedforward)
        self.linear_feat2 = nn.Linear(feedforward, channels)
        self.norm_feat = nn.LayerNorm(channels)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.norm3 = nn.LayerNorm(channels)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, tracks: TrackQueries, detections: Detections) -> TrackQueries:
        """Return the queries of the same tracks for the next frame; both arguments have the same rows."""
        if len(tracks) == 0:
            return tracks
        position, content = tracks.embedding.chunk(2, dim=-1)
        query = (position + detections.output)[None]
        attended, _ = self.self_attn(query, query, detections.output[None], need_weights=False)
        x = self.norm1(detections.output + attended[0])
        x = self.norm2(x + self.linear2(F.relu(self.linear1(x))))
        position = self.norm_pos(position + self.linear_pos2(F.relu(self.linear_pos1(x))))
        content = self.norm_feat(content + self.linear_feat2(F.relu(self.linear_feat1(x))))
        return replace(
            tracks,
            reference=inverse_sigmoid(detections.boxes[:, :2]),
            embedding=torch.cat((position, content), dim=-1),
        )
