"""Addition: a followed object becomes few object tokens: one for its whole trajectory and one for each part of it.

Axes: b videos, k tracks, s moments (a trajectory resampled to S of them), w windows, a channels of the aligned space.
"""

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.lmpmpp.mini.config import TrajectoryConfig
from baselines.lmpmpp.mini.tracker import Trajectories

GEOMETRY = 12
"""Numbers per moment: present, place in scene (2), place in frame (2), size (2), step (2), growth, step's length, way
travelled so far."""

RELATION = 6
"""Numbers per moment of one track seen from another: where it is (2), how far away, how fast it comes nearer, by how
much its step is longer, by how much it has travelled farther."""

DROPOUT = 0.1
"""In training only. Without it, and without varied tracks, 1,500 videos are learned by heart."""

STEP_SCALE = 20.0
"""Steps between moments are some hundredths of a frame height; this brings them near 1."""


@dataclass(frozen=True, slots=True)
class TrackFeatures:
    """Trajectories of a batch of videos, resampled to S moments.

    Attributes:
        present: float ``(b, k, s)``, 0..1.
        boxes: float ``(b, k, s, 4)``: cx, cy, w, h in the frame, in frame heights.
        camera: float ``(b, s, 2)``: the frame's corner in the scene, in frame heights.
        embeddings: float ``(b, k, s, c)``, object embeddings.
        valid: bool ``(b, k)``: the track exists.
    """

    present: Tensor
    boxes: Tensor
    camera: Tensor
    embeddings: Tensor
    valid: Tensor

    def shuffled(self, order: Tensor) -> "TrackFeatures":
        """Disrupt the order of moments: ``order`` int64 ``(b, s)``, a permutation for every video."""
        rows = torch.arange(len(order), device=order.device)[:, None]

        def along(x: Tensor, axis: int) -> Tensor:
            return x.transpose(1, axis)[rows, order].transpose(1, axis)

        return TrackFeatures(
            along(self.present, 2), along(self.boxes, 2), along(self.camera, 1), along(self.embeddings, 2), self.valid
        )

    def of(self, videos: Tensor) -> "TrackFeatures":
        """Pick videos by index."""
        return TrackFeatures(
            self.present[videos], self.boxes[videos], self.camera[videos], self.embeddings[videos], self.valid[videos]
        )


def resample(trajectories: Trajectories, tracks: int, steps: int) -> TrackFeatures:
    """Bring one video's trajectories to K tracks (empty ones at the end) and S moments, interpolating in time.

    Returns:
        A batch of one.
    """
    count, frames = trajectories.present.shape
    device = trajectories.boxes.device
    moment = torch.linspace(0, frames - 1, steps, device=device)
    before = moment.floor().long()
    after = (before + 1).clamp(max=frames - 1)
    share = moment - before

    def along(x: Tensor) -> Tensor:  # (..., t, d) to (..., s, d)
        return x[..., before, :] * (1 - share)[:, None] + x[..., after, :] * share[:, None]

    def padded(x: Tensor) -> Tensor:
        return torch.cat((x, x.new_zeros(tracks - count, *x.shape[1:])))[None]

    valid = torch.arange(tracks, device=device)[None] < count
    return TrackFeatures(
        padded(along(trajectories.present.float()[..., None])[..., 0]),
        padded(along(trajectories.boxes)),
        along(trajectories.camera)[None],
        padded(along(trajectories.embeddings)),
        valid,
    )


def geometry(tracks: TrackFeatures) -> Tensor:
    """Describe every moment of every track by ``GEOMETRY`` numbers: ``(b, k, s, GEOMETRY)``."""
    frame_place, size = tracks.boxes[..., :2], tracks.boxes[..., 2:]
    place = scene_places(tracks)
    step = change(place)
    growth = change(size.mean(-1, keepdim=True).clamp(min=1e-3).log())
    length = step.norm(dim=-1, keepdim=True)
    travelled = length.cumsum(2) / STEP_SCALE
    middle = frame_place - torch.tensor([0.9, 0.5], device=size.device)
    return torch.cat((tracks.present[..., None], place, middle, size * 4, step, growth, length, travelled), dim=-1)


def relation(tracks: TrackFeatures) -> Tensor:
    """Describe every moment of every track as seen from every track: ``(b, k, k, s, RELATION)``.

    All of it follows from the two tracks' geometry, but a perceptron would have to learn to subtract first.
    """
    place = scene_places(tracks)
    length = change(place).norm(dim=-1, keepdim=True)
    away = _from_each(place)
    distance = away.norm(dim=-1, keepdim=True)
    nearer = -change(distance)
    return torch.cat((away, distance, nearer, _from_each(length), _from_each(length.cumsum(2)) / STEP_SCALE), dim=-1)


def scene_places(tracks: TrackFeatures) -> Tensor:
    """Where every track is in the scene, whatever the camera does, in frame heights: ``(b, k, s, 2)``."""
    return tracks.boxes[..., :2] + tracks.camera[:, None]


def change(x: Tensor) -> Tensor:
    """Change since the moment before, times ``STEP_SCALE``, 0 at first: of ``(..., s, d)``."""
    return torch.cat((torch.zeros_like(x[..., :1, :]), x[..., 1:, :] - x[..., :-1, :]), dim=-2) * STEP_SCALE


def _from_each(x: Tensor) -> Tensor:  # (b, k, s, d) to (b, k seen from, k seen, s, d)
    return x[:, None] - x[:, :, None]


class TrajectoryEncoder(nn.Module):
    """Motion aggregation: perceptrons over a trajectory, over each window of it, and over every pair of tracks."""

    def __init__(self, size: TrajectoryConfig, embedding_channels: int) -> None:
        super().__init__()
        self.size = size
        per_moment = GEOMETRY + size.appearance
        self.appearance = nn.Linear(embedding_channels, size.appearance)
        self.whole = _perceptron(size.steps * per_moment, size.hidden, size.hidden)
        self.one = nn.Linear(size.steps * GEOMETRY, size.hidden)
        self.other = nn.Linear(size.steps * GEOMETRY, size.hidden)
        self.relation = nn.Linear(size.steps * RELATION, size.hidden)
        self.pair = nn.Sequential(nn.GELU(), nn.Dropout(DROPOUT), _perceptron(size.hidden, size.hidden, size.hidden))
        self.join = _perceptron(3 * size.hidden, size.hidden, size.channels)
        self.window = _perceptron(size.steps // size.windows * per_moment, size.hidden, size.channels)

    def forward(self, tracks: TrackFeatures) -> tuple[Tensor, Tensor]:
        """Encode.

        Returns:
            Aligned token of each whole trajectory ``(b, k, a)`` and tokens of its windows ``(b, k, w, a)``.
        """
        moments = geometry(tracks)
        described = torch.cat((moments, self.appearance(tracks.embeddings)), dim=-1)
        alone = self.whole(described.flatten(2))
        together = self._among_others(moments.flatten(2), relation(tracks).flatten(3), tracks.valid)
        whole = self.join(torch.cat((alone, together), dim=-1))
        parts = described.unflatten(2, (self.size.windows, -1)).flatten(3)
        return whole, self.window(parts)

    def _among_others(self, moments: Tensor, relations: Tensor, valid: Tensor) -> Tensor:
        """What each track is to the others, ``(b, k, 2 hidden)``: strongest and mean response over all of them.

        The strongest says that there is one such other ("follows the second ..."), the mean that all are such
        ("the fastest"). Both are 0 where a track is alone.
        """
        one, other = self.one(moments)[:, :, None], self.other(moments)[:, None]
        met = self.pair(one + other + self.relation(relations))
        apart = (~torch.eye(met.shape[1], dtype=torch.bool, device=met.device) & valid[:, None, :])[..., None]
        alone = ~apart.any(2)
        strongest = met.masked_fill(~apart, float("-inf")).amax(2).masked_fill(alone, 0.0)
        mean = (met * apart).sum(2) / apart.sum(2).clamp(min=1)
        return torch.cat((strongest, mean), dim=-1)


def _perceptron(channels: int, hidden: int, out: int) -> nn.Sequential:
    widths = [channels, hidden, hidden]
    layers: list[nn.Module] = []
    for i, o in itertools.pairwise(widths):
        layers += [nn.Linear(i, o), nn.GELU(), nn.Dropout(DROPOUT)]
    return nn.Sequential(*layers, nn.Linear(hidden, out))
