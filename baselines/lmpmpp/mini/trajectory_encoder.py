"""Trajectory encoder: a track becomes one embedding for its whole trajectory and one for each window of it (mini).

Axes: b videos, k tracks, s time steps (a trajectory resampled to S of them), w windows, c channels of an object
embedding, a channels of the aligned space.
"""

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.lmpmpp.mini.config import TrajectoryConfig
from baselines.lmpmpp.mini.tracker import Trajectories

GEOMETRY = 12
"""Features per time step: present, position in the scene (2), position in the frame (2), size (2), displacement (2),
growth, length of the displacement, distance traveled so far."""

RELATION = 6
"""Features per time step of a track relative to another: offset (2), distance, approach, difference of displacement
lengths, difference of distances traveled."""

DROPOUT = 0.1
"""Without dropout and augmentation, 1,500 training videos are overfit."""

STEP_SCALE = 20.0
"""Scales displacements per time step, some hundredths of a frame height, to about 1."""


@dataclass(frozen=True, slots=True)
class TrackFeatures:
    """Trajectories of a batch of videos, resampled to S time steps.

    Attributes:
        present: float ``(b, k, s)``, 0..1.
        boxes: float ``(b, k, s, 4)``: cx, cy, w, h in the frame, in frame heights.
        camera: float ``(b, s, 2)``: the frame's corner in the scene, in frame heights.
        embeddings: float ``(b, k, s, c)``, object embeddings.
        valid: bool ``(b, k)``, ``False`` on padding.
    """

    present: Tensor
    boxes: Tensor
    camera: Tensor
    embeddings: Tensor
    valid: Tensor

    def shuffled(self, order: Tensor) -> "TrackFeatures":
        """Permute the time steps; ``order``: int64 ``(b, s)``, a permutation for every video."""
        video_index = torch.arange(len(order), device=order.device)[:, None]

        def permute(x: Tensor, axis: int) -> Tensor:
            return x.transpose(1, axis)[video_index, order].transpose(1, axis)

        return TrackFeatures(
            permute(self.present, 2),
            permute(self.boxes, 2),
            permute(self.camera, 1),
            permute(self.embeddings, 2),
            self.valid,
        )

    def select(self, videos: Tensor) -> "TrackFeatures":
        """Select videos by index, int64 ``(m,)``."""
        return TrackFeatures(
            self.present[videos], self.boxes[videos], self.camera[videos], self.embeddings[videos], self.valid[videos]
        )


def resample(trajectories: Trajectories, tracks: int, time_steps: int) -> TrackFeatures:
    """Resample the trajectories of one video to S time steps by linear interpolation, and pad them to K tracks.

    Returns:
        A batch of one.
    """
    count, frames = trajectories.present.shape
    device = trajectories.boxes.device
    time = torch.linspace(0, frames - 1, time_steps, device=device)
    before = time.floor().long()
    after = (before + 1).clamp(max=frames - 1)
    fraction = time - before

    def interpolate(x: Tensor) -> Tensor:  # (..., t, d) to (..., s, d)
        return x[..., before, :] * (1 - fraction)[:, None] + x[..., after, :] * fraction[:, None]

    def pad(x: Tensor) -> Tensor:
        return torch.cat((x, x.new_zeros(tracks - count, *x.shape[1:])))[None]

    valid = torch.arange(tracks, device=device)[None] < count
    return TrackFeatures(
        pad(interpolate(trajectories.present.float()[..., None])[..., 0]),
        pad(interpolate(trajectories.boxes)),
        interpolate(trajectories.camera)[None],
        pad(interpolate(trajectories.embeddings)),
        valid,
    )


def geometry(tracks: TrackFeatures) -> Tensor:
    """Geometric features of every track at every time step: ``(b, k, s, GEOMETRY)``."""
    frame_position, size = tracks.boxes[..., :2], tracks.boxes[..., 2:]
    position = scene_positions(tracks)
    displacement = scaled_difference(position)
    growth = scaled_difference(size.mean(-1, keepdim=True).clamp(min=1e-3).log())
    length = displacement.norm(dim=-1, keepdim=True)
    traveled = length.cumsum(2) / STEP_SCALE
    centered = frame_position - torch.tensor([0.9, 0.5], device=size.device)
    features = (tracks.present[..., None], position, centered, size * 4, displacement, growth, length, traveled)
    return torch.cat(features, dim=-1)


def relation(tracks: TrackFeatures) -> Tensor:
    """Features of every track relative to every track at every time step: ``(b, k, k, s, RELATION)``.

    They follow from the geometry of the two tracks, but a perceptron would have to learn the differences.
    """
    position = scene_positions(tracks)
    length = scaled_difference(position).norm(dim=-1, keepdim=True)
    offset = _pairwise_difference(position)
    distance = offset.norm(dim=-1, keepdim=True)
    approach = -scaled_difference(distance)
    traveled = _pairwise_difference(length.cumsum(2)) / STEP_SCALE
    return torch.cat((offset, distance, approach, _pairwise_difference(length), traveled), dim=-1)


def scene_positions(tracks: TrackFeatures) -> Tensor:
    """Position of every track in the scene, without the camera's motion, in frame heights: ``(b, k, s, 2)``."""
    return tracks.boxes[..., :2] + tracks.camera[:, None]


def scaled_difference(x: Tensor) -> Tensor:
    """Difference to the previous time step times ``STEP_SCALE``, 0 at the first: ``(..., s, d)`` to the same."""
    return torch.cat((torch.zeros_like(x[..., :1, :]), x[..., 1:, :] - x[..., :-1, :]), dim=-2) * STEP_SCALE


def _pairwise_difference(x: Tensor) -> Tensor:  # (b, k, s, d) to (b, k reference, k, s, d)
    return x[:, None] - x[:, :, None]


class TrajectoryEncoder(nn.Module):
    """Motion aggregation: perceptrons over whole trajectories, their windows, and all pairs of tracks.

    Attribute names are keys of weights/mini.safetensors.
    """

    def __init__(self, config: TrajectoryConfig, embedding_channels: int) -> None:
        super().__init__()
        self.config = config
        per_step = GEOMETRY + config.appearance
        steps, hidden = config.time_steps, config.hidden
        self.appearance = nn.Linear(embedding_channels, config.appearance)
        self.whole = _perceptron(steps * per_step, hidden, hidden)
        self.one = nn.Linear(steps * GEOMETRY, hidden)
        self.other = nn.Linear(steps * GEOMETRY, hidden)
        self.relation = nn.Linear(steps * RELATION, hidden)
        self.pair = nn.Sequential(nn.GELU(), nn.Dropout(DROPOUT), _perceptron(hidden, hidden, hidden))
        self.join = _perceptron(3 * hidden, hidden, config.channels)
        self.window = _perceptron(steps // config.windows * per_step, hidden, config.channels)

    def forward(self, tracks: TrackFeatures) -> tuple[Tensor, Tensor]:
        """Encode tracks.

        Returns:
            Track embeddings of whole trajectories ``(b, k, a)`` and window embeddings ``(b, k, w, a)``.
        """
        geometric = geometry(tracks)
        features = torch.cat((geometric, self.appearance(tracks.embeddings)), dim=-1)
        own = self.whole(features.flatten(2))
        relative = self._relative_features(geometric.flatten(2), relation(tracks).flatten(3), tracks.valid)
        windows = features.unflatten(2, (self.config.windows, -1)).flatten(3)
        return self.join(torch.cat((own, relative), dim=-1)), self.window(windows)

    def _relative_features(self, geometric: Tensor, relations: Tensor, valid: Tensor) -> Tensor:
        """Maximum and mean over all other tracks of a pair feature, ``(b, k, 2 hidden)``; 0 for a single track.

        The maximum finds one other track with a property ("follows the second ..."), the mean needs it of all others
        ("the fastest").
        """
        pairs = self.one(geometric)[:, :, None] + self.other(geometric)[:, None] + self.relation(relations)
        pairs = self.pair(pairs)
        is_other = (~torch.eye(pairs.shape[1], dtype=torch.bool, device=pairs.device) & valid[:, None, :])[..., None]
        maximum = pairs.masked_fill(~is_other, float("-inf")).amax(2).masked_fill(~is_other.any(2), 0.0)
        mean = (pairs * is_other).sum(2) / is_other.sum(2).clamp(min=1)
        return torch.cat((maximum, mean), dim=-1)


def _perceptron(channels: int, hidden: int, out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise([channels, hidden, hidden]):
        layers += [nn.Linear(inputs, outputs), nn.GELU(), nn.Dropout(DROPOUT)]
    return nn.Sequential(*layers, nn.Linear(hidden, out))
