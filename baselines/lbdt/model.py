"""LBDT-4's network: from a frame, its difference to an earlier frame and a sentence to a mask.

Ding et al., "Language-Bridged Spatial-Temporal Interaction for Referring Video Object Segmentation", CVPR 2022. Axes:
b batch, l words, c ``channels`` and d ``decoder_channels`` of ``LbdtConfig``, h rows, w columns.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.inputs.word_vectors import VECTOR_SIZE
from baselines.layers.nn.resnet import ResNet
from baselines.lbdt.config import SIZES, LbdtConfig
from baselines.lbdt.decoder import Decoder
from baselines.lbdt.duplex_transfer import DuplexTransfer


class Stream(NamedTuple):
    """Features of a frame in one trunk, independent of text.

    Attributes:
        fine: Decoder input from strides 4 and 8, ``(b, d, H/4, W/4)``.
        stride16: The trunk's map, ``(b, 1024, H/16, W/16)`` of ResNet-50.
    """

    fine: Tensor
    stride16: Tensor


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """Image stream and difference stream of a batch of frames, independent of text."""

    image: Stream
    difference: Stream


class Words(NamedTuple):
    """An encoded batch of sentences.

    Attributes:
        words: ``(l, b, c)``.
        absent: bool ``(b, l)``, ``True`` where there is no word.
        sentence: ``(b, c)``, the sum over all l positions, padding included (the original's rule).
    """

    words: Tensor
    absent: Tensor
    sentence: Tensor


class TextEncoder(nn.Module):
    """One LSTM over the word vectors, padding included."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(VECTOR_SIZE, channels, batch_first=True)

    def forward(self, vectors: Tensor) -> Tensor:
        """``(b, l, 300)`` -> ``(b, l, c)``."""
        out: Tensor = self.lstm(vectors)[0]
        return out


def _projection(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, channels, 1, bias=False), nn.BatchNorm2d(channels))


class Lbdt(nn.Module):
    """Two ResNet trunks that exchange through words at strides 16 and 32, and a shared decoder.

    Args:
        config: Sizes.
    """

    def __init__(self, config: LbdtConfig = SIZES["base"]) -> None:
        super().__init__()
        channels = config.channels
        *_, stride16, stride32 = config.backbone.channels
        self.image_trunk = ResNet(config.backbone, nn.BatchNorm2d)
        self.difference_trunk = ResNet(config.backbone, nn.BatchNorm2d)
        self.text_encoder = TextEncoder(channels)
        self.decoder = Decoder(config)
        self.transformer = nn.ModuleDict({"stage4": DuplexTransfer(config), "stage5": DuplexTransfer(config)})
        self.conv_r4_1_reduce = _projection(stride16, channels)
        self.conv_r4_2_reduce = _projection(stride16, channels)
        self.conv_r4_1_up = _projection(channels, stride16)
        self.conv_r4_2_up = _projection(channels, stride16)
        self.conv_r5_1_reduce = _projection(stride32, channels)
        self.conv_r5_2_reduce = _projection(stride32, channels)
        self.conv_r5_1_up = _projection(channels, stride32)
        self.conv_r5_2_up = _projection(channels, stride32)

    def encode_frames(self, images: Tensor, differences: Tensor) -> FrameFeatures:
        """Encode frames once for all sentences.

        Args:
            images: ``(b, 3, H, W)``, normalized; H and W multiples of 32.
            differences: Absolute differences of normalized frames, same shape.
        """
        return FrameFeatures(
            image=self._stream(self.image_trunk, images, self.decoder.refine_spa),
            difference=self._stream(self.difference_trunk, differences, self.decoder.refine_tem),
        )

    def _stream(self, trunk: ResNet, images: Tensor, refiners: nn.ModuleList) -> Stream:
        x = trunk.maxpool(trunk.relu(trunk.bn1(trunk.conv1(images))))
        stride4 = trunk.layer1(x)
        stride8 = trunk.layer2(stride4)
        return Stream(self.decoder.refine((stride4, stride8), refiners, first=0), trunk.layer3(stride8))

    def encode_words(self, vectors: Tensor, present: Tensor) -> Words:
        """Encode sentences: ``vectors`` ``(b, l, 300)``, ``present`` bool ``(b, l)``."""
        words = self.text_encoder(vectors)
        return Words(words.transpose(0, 1), ~present, words.sum(1))

    def forward(self, frames: FrameFeatures, words: Words) -> Tensor:
        """Segment frames, each with its own sentence.

        Returns:
            Mask logits ``(b, H, W)``.
        """
        image, flow = frames.image.stride16, frames.difference.stride16
        image_update, flow_update = self.transformer["stage4"](
            self.conv_r4_1_reduce(image), self.conv_r4_2_reduce(flow), words.words, words.absent
        )
        image, flow = F.relu(image + self.conv_r4_1_up(image_update)), F.relu(flow + self.conv_r4_2_up(flow_update))
        deep_image, deep_flow = self.image_trunk.layer4(image), self.difference_trunk.layer4(flow)
        image_update, flow_update = self.transformer["stage5"](
            self.conv_r5_1_reduce(deep_image), self.conv_r5_2_reduce(deep_flow), words.words, words.absent
        )
        deep_image = F.relu(deep_image + self.conv_r5_1_up(image_update))
        deep_flow = F.relu(deep_flow + self.conv_r5_2_up(flow_update))
        refine = self.decoder.refine
        out: Tensor = self.decoder(
            frames.image.fine + refine((image, deep_image), self.decoder.refine_spa, first=2),
            frames.difference.fine + refine((flow, deep_flow), self.decoder.refine_tem, first=2),
            words.sentence,
        )
        return out
