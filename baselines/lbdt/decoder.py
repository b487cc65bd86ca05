"""Decoder with bilateral channel activation: both pyramids, gated by each other and by the sentence, to a mask.

Ding et al., LBDT, CVPR 2022, section 3.3; upsampling as in CondInst (Tian et al., ECCV 2020). Axes: b batch,
d ``decoder_channels`` and c ``channels`` of ``LbdtConfig``, h rows, w columns.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.lbdt.config import LbdtConfig


def aligned_upsample(x: Tensor, factor: int) -> Tensor:
    """Bilinear upsampling that aligns cell i of the input with cell ``factor * i + factor // 2`` of the output.

    ``(b, c, h, w)`` -> ``(b, c, factor * h, factor * w)``.
    """
    if factor == 1:
        return x
    height, width = x.shape[-2] * factor, x.shape[-1] * factor
    x = F.pad(x, (0, 1, 0, 1), mode="replicate")
    x = F.interpolate(x, size=(height + 1, width + 1), mode="bilinear", align_corners=True)
    return F.pad(x, (factor // 2, 0, factor // 2, 0), mode="replicate")[..., :height, :width]


def conv_block(in_channels: int, channels: int) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
    )


def _tower(channels: int) -> nn.Sequential:
    return nn.Sequential(*(conv_block(channels, channels) for _ in range(4)), nn.Conv2d(channels, 1, 1))


class ChannelActivation(nn.Module):
    """Gate the channels of each stream by the sentence and by both streams' means, then merge."""

    def __init__(self, config: LbdtConfig) -> None:
        super().__init__()
        channels = config.decoder_channels
        self.img_flo_fc = nn.Sequential(nn.Linear(2 * channels, channels), nn.ReLU(inplace=True))
        self.img_txt_fc = nn.Linear(channels + config.channels, channels)
        self.flo_txt_fc = nn.Linear(channels + config.channels, channels)
        self.img_enhance_fc = nn.Linear(channels, channels)
        self.flo_enhance_fc = nn.Linear(channels, channels)
        self.fusion_cat_conv = conv_block(2 * channels, channels)

    def forward(self, image: Tensor, flow: Tensor, sentence: Tensor) -> Tensor:
        """``image`` and ``flow`` ``(b, d, h, w)``, ``sentence`` ``(b, c)`` -> ``(b, d, h, w)``."""
        image_mean, flow_mean = image.mean((2, 3)), flow.mean((2, 3))
        both = self.img_flo_fc(torch.cat((image_mean, flow_mean), 1))
        image_gate = self.img_txt_fc(torch.cat((image_mean, sentence), 1)).sigmoid()
        flow_gate = self.flo_txt_fc(torch.cat((flow_mean, sentence), 1)).sigmoid()
        image_gate = image_gate * self.img_enhance_fc(both).sigmoid()
        flow_gate = flow_gate * self.flo_enhance_fc(both).sigmoid()
        gated = (image * image_gate[:, :, None, None], flow * flow_gate[:, :, None, None])
        out: Tensor = self.fusion_cat_conv(torch.cat(gated, 1))
        return out


class Decoder(nn.Module):
    """Four levels of both streams to mask logits.

    ``spa_tower``, ``tem_tower`` and ``mask_head`` are not used; the published files contain them.
    """

    def __init__(self, config: LbdtConfig) -> None:
        super().__init__()
        channels, pyramid = config.decoder_channels, config.backbone.channels
        self.refine_spa = nn.ModuleList(conv_block(size, channels) for size in pyramid)
        self.refine_tem = nn.ModuleList(conv_block(size, channels) for size in pyramid)
        self.spa_tower = _tower(channels)
        self.tem_tower = _tower(channels)
        self.fusion = ChannelActivation(config)
        self.fuse_tower = _tower(channels)
        self.mask_head = nn.Conv2d(3, 1, 3, padding=1)

    def refine(self, maps: Sequence[Tensor], refiners: nn.ModuleList, first: int) -> Tensor:
        """Sum consecutive levels of one stream at stride 4.

        Args:
            maps: Levels ``first``, ``first + 1``, ... , each with the backbone's channels of its level.
            refiners: ``refine_spa`` or ``refine_tem``.
            first: Level of the first map; 0 is stride 4.

        Returns:
            ``(b, d, H/4, W/4)``.
        """
        levels = [aligned_upsample(refiners[level](x), 2**level) for level, x in enumerate(maps, first)]
        total = levels[0]
        for level_map in levels[1:]:
            total = total + level_map
        return total

    def forward(self, image: Tensor, flow: Tensor, sentence: Tensor) -> Tensor:
        """Both streams at stride 4, ``(b, d, h, w)``, and ``(b, c)`` -> logits ``(b, 4h, 4w)``."""
        return aligned_upsample(self.fuse_tower(self.fusion(image, flow, sentence)), 4)[:, 0]
