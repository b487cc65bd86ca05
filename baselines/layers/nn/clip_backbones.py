"""Visual backbones by name, behind one call: the frames of a clip in, maps of strides 4, 8, 16 and 32 out.

Image backbones see every frame by itself, so they take a few frames at a time; Video Swin needs the clip whole.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from baselines.layers.nn.resnet import BLOCKS, CHANNELS, ResNet
from baselines.layers.nn.swin import SWIN_B, SWIN_L, SWIN_S, SWIN_T, Swin
from baselines.layers.nn.video_swin import VIDEO_SWIN_B, VIDEO_SWIN_S, VIDEO_SWIN_T, VideoSwin
from mevis_bench.records import UsageError
from mevis_bench.records.suggestion import did_you_mean

SWINS = {"swin-t": SWIN_T, "swin-s": SWIN_S, "swin-b": SWIN_B, "swin-l": SWIN_L}
VIDEO_SWINS = {"video-swin-t": VIDEO_SWIN_T, "video-swin-s": VIDEO_SWIN_S, "video-swin-b": VIDEO_SWIN_B}
BACKBONES = (*BLOCKS, *SWINS, *VIDEO_SWINS)


class ClipBackbone(nn.Module):
    """One of ``BACKBONES``.

    Raises:
        UsageError: The name is none of them.

    Attributes:
        body: The network itself.
        channels: Channels of the four maps.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        if name not in BACKBONES:
            raise UsageError(
                f"no backbone '{name}'", location="method.backbone", hint=did_you_mean(str(name), BACKBONES)
            )
        if name in BLOCKS:
            self.body: nn.Module = ResNet(BLOCKS[name])
            self.channels: tuple[int, ...] = CHANNELS
        elif name in SWINS:
            self.body = Swin(SWINS[name])
            self.channels = SWINS[name].widths
        else:
            self.body = VideoSwin(VIDEO_SWINS[name])
            self.channels = self.body.channels

    def forward(self, frames: Tensor, frames_at_once: int) -> Iterator[list[Tensor]]:
        """Encode one clip.

        Args:
            frames: Normalized RGB, ``(t, 3, H, W)``.
            frames_at_once: How many frames the maps of one step cover at most.

        Yields:
            For the next frames, in order: four maps ``(f, c, ceil(H / s), ceil(W / s))``.
        """
        if isinstance(self.body, VideoSwin):
            maps = [level[0].split(frames_at_once) for level in self.body(frames[None])]
            yield from (list(levels) for levels in zip(*maps, strict=True))
        else:
            yield from (self.body(some) for some in frames.split(frames_at_once))
