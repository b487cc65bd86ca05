"""The common start as the vision encoder of captioners: tokens of the targets' trajectories in place of pixels.

Axes: t parts of a video, o target objects, k tracks, w windows, a channels of the aligned space, h and w rows and
columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

from baselines.layers.inference.video_chunks import video_chunks
from baselines.lmpmpp.extractor import resize_frames
from baselines.lmpmpp.mini.common_start import CommonStart
from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.trajectory_encoder import resample
from mevis_bench.records import CaptionPrediction, MethodConfig, Prompt, Rle, TargetMasks, Video

OBJECTS = 4
"""Target objects that a captioner sees, in the order of the target set; more are left out."""

TOKEN_CHANNELS = 2 * MINI.trajectory.channels
"""Channels of a token: the whole trajectory, and its part."""

LEAST_IOU = 0.1
"""A target that overlaps with no track by more than this is not seen."""


def inference_start(config: MethodConfig[Any]) -> CommonStart:
    """Load the common start of a variant, weights ``start``, on its device; an untrained one's is seeded.

    Raises:
        DataError: The file is not LMPM++ mini's.
    """
    file = None if config.weights is None else config.weights["start"]
    return CommonStart.load(file, config.seed).to(config.device)


@dataclass(frozen=True, slots=True, eq=False)
class EncodedTracks:
    """Tracks of a video.

    Attributes:
        masks: bool ``(k, t, h, w)``, on every frame.
        whole: Whole trajectories in the space of the sentences, ``(k, a)``.
        windows: Their equal parts, ``(k, w, a)``.
    """

    masks: Tensor
    whole: Tensor
    windows: Tensor


@torch.no_grad()
def encode_tracks(start: CommonStart, video: Video, device: str) -> EncodedTracks:
    """Track the objects of a video."""
    _, found = start.track(resize_frames(chunk, MINI.extractor) for chunk in video_chunks(video, device))
    config, count = MINI.trajectory, len(found.boxes)
    if not count:
        empty = found.mask_logits.new_zeros(0, config.channels)
        return EncodedTracks(found.mask_logits > 0, empty, empty[:, None].expand(-1, config.windows, -1))
    whole, windows = start.trajectories(resample(found, config.tracks, config.time_steps))
    return EncodedTracks(found.mask_logits > 0, whole[0, :count], windows[0, :count])


def target_tokens(tracks: EncodedTracks, target: TargetMasks, parts: int) -> Tensor:
    """Tokens of a target set: every target is the track that it overlaps with most.

    Args:
        tracks: Of the video.
        target: At least one object.
        parts: t, number of equal parts of the video.

    Returns:
        ``(t, OBJECTS, TOKEN_CHANNELS)``; 0 for what is not there or not seen.
    """
    tokens = tracks.whole.new_zeros(parts, OBJECTS, TOKEN_CHANNELS)
    windows = tracks.windows.shape[1]
    seen = [part * windows // parts for part in range(parts)]
    for place, masks in enumerate(target.objects[:OBJECTS]):
        track = best_track(tracks.masks, masks)
        if track is not None:
            whole = tracks.whole[track].expand(parts, -1)
            tokens[:, place] = torch.cat((whole, tracks.windows[track, seen]), dim=-1)
    return tokens


def best_track(tracks: Tensor, masks: Sequence[Rle | None]) -> int | None:
    """Index of the track that overlaps most with an object over all frames; ``None``: none by more than `LEAST_IOU`.

    Args:
        tracks: bool ``(k, t, h, w)``.
        masks: Of the object in each frame, ``None`` where it is absent.
    """
    if not len(tracks):
        return None
    height, width = tracks.shape[-2:]
    truth = tracks.new_zeros(tracks.shape[1:])
    for frame, rle in enumerate(masks):
        if rle is not None:
            full = torch.from_numpy(rle.decode(f"frame {frame}")).bool()
            rows, columns = (
                ((torch.arange(count) + 0.5) * size / count).long()
                for count, size in zip((height, width), full.shape, strict=True)
            )
            truth[frame] = full[rows][:, columns].to(tracks.device)
    shared = (tracks & truth).flatten(1).sum(1)
    overlaps = shared / (tracks | truth).flatten(1).sum(1).clamp(min=1)
    best = int(overlaps.argmax())
    return best if float(overlaps[best]) > LEAST_IOU else None


class TokenEncoder(nn.Module):
    """Stands in for the image encoder of a captioner, where targets are tokens already: a linear layer.

    Args:
        hidden: Channels of its output.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.project = nn.Linear(TOKEN_CHANNELS, hidden)

    def forward(self, pixel_values: Tensor, interpolate_pos_encoding: bool = False) -> BaseModelOutput:
        """Project tokens ``(b, 1, o, c)``; arguments and output are those of transformers' image encoders."""
        return BaseModelOutput(last_hidden_state=self.project(pixel_values[:, 0]))


@dataclass(frozen=True, slots=True, eq=False)
class EncodedFrames:
    """Output of `FrameTokenEncoder`, with the name of transformers' CLIP.

    Attributes:
        image_embeds: ``(b, f)``.
    """

    image_embeds: Tensor


class FrameTokenEncoder(nn.Module):
    """Stands in for CLIP's image encoder: the tokens of a part, one after another, through a linear layer.

    Args:
        size: f, of a frame's vector.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.project = nn.Linear(OBJECTS * TOKEN_CHANNELS, size)

    def forward(self, pixel_values: Tensor) -> EncodedFrames:
        """Project tokens ``(b, 1, o, c)``."""
        return EncodedFrames(self.project(pixel_values.flatten(1)))


class Describer(Protocol):
    """A captioner's network with its decoding protocol."""

    @property
    def network(self) -> nn.Module:
        """The network, in evaluation mode."""
        ...

    def describe(self, frames: Tensor) -> str:
        """Generate a sentence for the tokens of a target set, as an image of one channel per part, ``(t, 1, o, c)``."""
        ...


class TrackCaptioner:
    """``Method`` of captioners on the common start; a video is tracked once for all of its target sets.

    Args:
        name: Of the method, for errors.
        captioner: The network.
        start: The common start, on ``device``.
        parts: Parts of a video.
        device: A torch device string.
    """

    def __init__(self, name: str, captioner: Describer, start: CommonStart, parts: int, device: str) -> None:
        self.name, self.captioner, self.start, self.parts, self.device = name, captioner, start, parts, device
        self.network = captioner.network  # the harness counts the parameters of this attribute

    @torch.inference_mode()
    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[CaptionPrediction]:
        """Yield one sentence per target set.

        Raises:
            TypeError: A prompt is not a target set.
        """
        tracks = encode_tracks(self.start, video, self.device)
        for prompt in prompts:
            if not isinstance(prompt, TargetMasks):
                raise TypeError(f"{self.name} requires target masks, got {type(prompt).__name__}")
            tokens = target_tokens(tracks, prompt, self.parts)
            yield CaptionPrediction(self.captioner.describe(tokens[:, None]).strip(), None)

    def close(self) -> None:
        """No-op."""
