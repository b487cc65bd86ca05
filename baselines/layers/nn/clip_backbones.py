"""Visual backbones by name: from the frames of a clip to maps of strides 4, 8, 16 and 32.

Image backbones (He et al., CVPR 2016; Liu et al., ICCV 2021) process a few frames at a time, Video Swin (Liu et al.,
CVPR 2022) the whole clip.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor, nn

from baselines.layers.nn.prepared_maps import ClipInput, PreparedMaps
from baselines.layers.nn.resnet import RESNETS, ResNet
from baselines.layers.nn.swin import SWIN_B, SWIN_L, SWIN_MINI, SWIN_S, SWIN_T, Swin
from baselines.layers.nn.video_swin import VIDEO_SWIN_B, VIDEO_SWIN_MINI, VIDEO_SWIN_S, VIDEO_SWIN_T, VideoSwin
from mevis_bench.records import UsageError
from mevis_bench.records.suggestion import did_you_mean

SWINS = {
    "swin-t": replace(SWIN_T, drop_path=0.2),
    "swin-s": replace(SWIN_S, drop_path=0.3),
    "swin-b": replace(SWIN_B, drop_path=0.3),
    "swin-l": replace(SWIN_L, drop_path=0.3),
    "swin-mini": SWIN_MINI,
}
VIDEO_SWINS = {
    "video-swin-t": replace(VIDEO_SWIN_T, drop_path=0.2),
    "video-swin-s": replace(VIDEO_SWIN_S, drop_path=0.2),
    "video-swin-b": replace(VIDEO_SWIN_B, drop_path=0.2),
    "video-swin-mini": VIDEO_SWIN_MINI,
}
BACKBONES = (*RESNETS, *SWINS, *VIDEO_SWINS)


class Backbone(nn.Module):
    """Base of the backbones of clips.

    Attributes:
        channels: Channels of the four maps.
    """

    channels: tuple[int, ...]

    @abstractmethod
    def forward(self, frames: ClipInput, frames_at_once: int) -> Iterator[list[Tensor]]:
        """Encode one clip.

        Args:
            frames: Normalized RGB, ``(t, 3, H, W)``, or its maps.
            frames_at_once: Upper bound of the frames per step.

        Yields:
            Four maps of the next frames, in order: ``(f, c, ceil(H / s), ceil(W / s))``.
        """


class ClipBackbone(Backbone):
    """One of ``BACKBONES``.

    Raises:
        UsageError: The name is unknown.

    Attributes:
        body: The network.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        if name not in BACKBONES:
            raise UsageError(
                f"unknown backbone '{name}'", location="method.backbone", hint=did_you_mean(str(name), BACKBONES)
            )
        if name in RESNETS:
            self.body: nn.Module = ResNet(RESNETS[name])
            self.channels = RESNETS[name].channels
        elif name in SWINS:
            self.body = Swin(SWINS[name])
            self.channels = SWINS[name].widths
        else:
            self.body = VideoSwin(VIDEO_SWINS[name])
            self.channels = self.body.channels

    def forward(self, frames: ClipInput, frames_at_once: int) -> Iterator[list[Tensor]]:
        """Encode one clip; see `Backbone.forward`."""
        assert isinstance(frames, Tensor)
        if isinstance(self.body, VideoSwin):
            maps = [level[0].split(frames_at_once) for level in self.body(frames[None])]
            yield from (list(levels) for levels in zip(*maps, strict=True))
        else:
            yield from (self.body(chunk) for chunk in frames.split(frames_at_once))


class PreparedBackbone(Backbone):
    """Stands in for a backbone where clips are `PreparedMaps`.

    Args:
        channels: Channels of each map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = (channels,) * 4

    def forward(self, frames: ClipInput, frames_at_once: int) -> Iterator[list[Tensor]]:
        """Yield the maps of the next frames."""
        assert isinstance(frames, PreparedMaps)
        pieces = (level.split(frames_at_once) for level in frames.maps)
        yield from (list(levels) for levels in zip(*pieces, strict=True))
