"""URVOS, unified referring video object segmentation (Seo, Lee & Han, ECCV 2020): an unofficial re-implementation.

One network predicts a frame's mask from the frame, the sentence and, where there is one, a memory of frames with masks.
What the paper fixes and what is our choice: README.md. Axes: b frames, l words, h rows and w columns of the input,
e ``fused``, k ``keys``, v ``values`` and d ``decoder`` channels of ``UrvosConfig``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.nn.clip_backbones import Backbone
from baselines.layers.nn.prepared_maps import ClipInput, PreparedMaps, select_frames
from baselines.layers.nn.resnet import ResNet, ResNetConfig
from baselines.urvos.config import SIZES, UrvosConfig
from baselines.urvos.cross_attention import CrossModalAttention
from baselines.urvos.words import PADDING, ROWS


@dataclass(frozen=True, slots=True)
class Frames:
    """Encoded frames, independent of sentence and memory.

    Attributes:
        source: The frames themselves, for `Urvos.remember`.
        cells: ``(b, e, h / 32, w / 32)``.
        key: Memory query, ``(b, k, h / 16, w / 16)``.
        value: ``(b, v, h / 16, w / 16)``.
        skips: Decoder inputs at strides 8 and 4, ``(b, d, h / 8, w / 8)`` and ``(b, d, h / 4, w / 4)``.
    """

    source: ClipInput
    cells: Tensor
    key: Tensor
    value: Tensor
    skips: tuple[Tensor, Tensor]

    def __len__(self) -> int:
        return len(self.cells)

    def at(self, which: slice) -> "Frames":
        """Select frames."""
        coarse, fine = self.skips
        source = select_frames(self.source, which)
        return Frames(source, self.cells[which], self.key[which], self.value[which], (coarse[which], fine[which]))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence: words ``(1, l, e)`` and bool ``(1, l)``, ``True`` on padding."""

    words: Tensor
    padding: Tensor


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory cells of past frames: keys ``(k, n)`` and values ``(v, n)``."""

    key: Tensor
    value: Tensor

    @staticmethod
    def concatenate(parts: "Sequence[Memory]") -> "Memory":
        """Concatenate the cells of several frames, at least one."""
        return Memory(torch.cat([part.key for part in parts], dim=1), torch.cat([part.value for part in parts], dim=1))


class ResBlock(nn.Module):
    """``x + conv(relu(conv(relu(x))))``, 3x3, channels kept."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(b, c, h, w)`` to ``(b, c, h, w)``."""
        out: Tensor = x + self.conv2(F.relu(self.conv1(F.relu(x))))
        return out


class MemoryEncoder(nn.Module):
    """ResNet up to stride 16 over a frame and its soft mask, an extra input channel (STM, Oh et al., ICCV 2019).

    Attributes:
        channels: Channels of the result.
    """

    def __init__(self, backbone: ResNetConfig) -> None:
        super().__init__()
        self.channels = backbone.channels[2]
        self.rgb = ResNet(backbone)
        del self.rgb.layer4  # memory has stride 16
        self.mask_stem = nn.Conv2d(1, backbone.width, 7, stride=2, padding=3, bias=False)

    def forward(self, frames: ClipInput, masks: Tensor) -> Tensor:
        """Map normalized ``(b, 3, h, w)`` and ``(b, 1, h, w)`` in 0..1 to the backbone's map of stride 16."""
        rgb = self.rgb
        x = rgb.maxpool(rgb.relu(rgb.bn1(rgb.conv1(frames) + self.mask_stem(masks))))
        out: Tensor = rgb.layer3(rgb.layer2(rgb.layer1(x)))
        return out


class MapMemoryEncoder(nn.Module):
    """Memory encoder of frames that are maps already: their map of stride 16 and the soft mask at stride 4.

    Args:
        maps: Channels of the map.
        channels: Channels of the result.

    Attributes:
        channels: The same.
    """

    def __init__(self, maps: int, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.map_stem = nn.Conv2d(maps, channels, 1)
        self.mask_stem = nn.Conv2d(1, channels, 4, stride=4, bias=False)
        self.block = ResBlock(channels)

    def forward(self, frames: ClipInput, masks: Tensor) -> Tensor:
        """Encode maps of b frames and ``(b, 1, h, w)`` in 0..1 at stride 16: ``(b, channels, h / 16, w / 16)``."""
        assert isinstance(frames, PreparedMaps)
        cells = frames.maps[2]
        rows, columns = cells.shape[-2:]
        masks = F.adaptive_avg_pool2d(masks, (4 * rows, 4 * columns))
        out: Tensor = self.block(self.map_stem(cells) + self.mask_stem(masks))
        return out


class MemoryHeads(nn.Module):
    """3x3 convolutions for keys and values of query frames (q) and memory frames (m)."""

    def __init__(self, query: int, memory: int, config: UrvosConfig) -> None:
        super().__init__()
        self.key_q = nn.Conv2d(query, config.keys, 3, padding=1)
        self.value_q = nn.Conv2d(query, config.values, 3, padding=1)
        self.key_m = nn.Conv2d(memory, config.keys, 3, padding=1)
        self.value_m = nn.Conv2d(memory, config.values, 3, padding=1)


class Skip(nn.Module):
    """Skip connection from a backbone map to the decoder."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 3, padding=1)
        self.block = ResBlock(out)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(b, channels, h, w)`` to ``(b, out, h, w)``."""
        out: Tensor = self.block(self.conv(x))
        return out


class Decoder(nn.Module):
    """Upsampling from stride 16 to 4 with skip connections of maps of stride 4 and 8; two classes."""

    def __init__(self, channels: int, stride4: int, stride8: int) -> None:
        super().__init__()
        self.start = ResBlock(channels)
        self.skip3 = Skip(stride8, channels)
        self.skip2 = Skip(stride4, channels)
        self.refine3 = ResBlock(channels)
        self.refine2 = ResBlock(channels)
        self.pred = nn.Conv2d(channels, 2, 3, padding=1)

    def forward(self, x: Tensor, skips: tuple[Tensor, Tensor]) -> Tensor:
        """Map ``(b, d, h / 16, w / 16)`` to logits of background and target, ``(b, 2, h / 4, w / 4)``."""
        x = self.start(x)
        for skip, refine in zip(skips, (self.refine3, self.refine2), strict=True):
            x = refine(skip + F.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False))
        out: Tensor = self.pred(F.relu(x))
        return out


class Urvos(nn.Module):
    """The whole network.

    Args:
        config: Sizes.
        backbone: Backbone in place of both ResNets, whose maps memory reads together with masks; ``None``: none.
        scaled: Scale the logits of the attention among pairs (not done in the authors' baseline).
        masked: Exclude padding words from it (not done in the authors' baseline).
    """

    encoder_m: MemoryEncoder | MapMemoryEncoder

    def __init__(
        self,
        config: UrvosConfig = SIZES["base"],
        backbone: Backbone | None = None,
        *,
        scaled: bool = False,
        masked: bool = False,
    ) -> None:
        super().__init__()
        self.scaled, self.masked = scaled, masked
        if backbone is None:
            stride4, stride8, stride16, stride32 = config.backbone.channels
            self.encoder_q: nn.Module = ResNet(config.backbone)
            self.encoder_m = MemoryEncoder(config.backbone)
        else:
            stride4, stride8, stride16, stride32 = backbone.channels
            self.encoder_q = backbone
            self.encoder_m = MapMemoryEncoder(stride16, config.values)
        self.word_embed = nn.Embedding(ROWS, config.words, padding_idx=PADDING)
        self.cross = CrossModalAttention(stride32, config.words, config.fused, config.heads)
        self.memory = MemoryHeads(stride16, self.encoder_m.channels, config)
        self.fuse = nn.Conv2d(2 * config.values + config.fused, config.decoder, 3, padding=1)
        self.decoder = Decoder(config.decoder, stride4, stride8)

    def encode(self, frames: ClipInput, size: tuple[int, int] | None = None) -> Frames:
        """Encode frames.

        Args:
            frames: Normalized ``(b, 3, h, w)``, or their maps; h and w are multiples of 4.
            size: Rows and columns that are image: all, for URVOS's frames have no padding.
        """
        res2, res3, res4, res5 = self._maps(frames)
        return Frames(
            source=frames,
            cells=self.cross.see(res5),
            key=self.memory.key_q(res4),
            value=self.memory.value_q(res4),
            skips=(self.decoder.skip3(res3), self.decoder.skip2(res2)),
        )

    def _maps(self, frames: ClipInput) -> list[Tensor]:
        """Maps of strides 4, 8, 16 and 32."""
        if isinstance(self.encoder_q, Backbone):
            (maps,) = self.encoder_q(frames, len(frames))
        else:
            maps = self.encoder_q(frames)
        return list(maps)

    def encode_text(self, rows: Tensor) -> Sentence:
        """Encode rows of the word table ``(1, l)``."""
        return Sentence(self.cross.read(self.word_embed(rows)), rows == PADDING)

    def remember(self, frames: Frames, masks: Tensor) -> Memory:
        """Encode frames with soft masks ``(b, h, w)`` in 0..1 as memory."""
        x = self.encoder_m(frames.source, masks[:, None])
        key, value = (z.transpose(0, 1).flatten(1) for z in (self.memory.key_m(x), self.memory.value_m(x)))
        return Memory(key, value)

    def forward(self, frames: Frames, sentence: Sentence, memory: Memory | None) -> Tensor:
        """Predict masks.

        Args:
            frames: Of b frames.
            sentence: The encoded sentence.
            memory: Memory of past frames; ``None``: the memory features are zero.

        Returns:
            Logits of background and target at input size, ``(b, 2, h, w)``.
        """
        fused = self.cross.pairs(frames.cells, sentence.words, sentence.padding, scaled=self.scaled, masked=self.masked)
        fused = F.interpolate(fused, size=frames.value.shape[-2:], mode="nearest")
        read = torch.zeros_like(frames.value) if memory is None else recall(frames.key, memory)
        logits = self.decoder(self.fuse(torch.cat((frames.value, read, fused), dim=1)), frames.skips)
        return F.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=False)


def recall(query: Tensor, memory: Memory) -> Tensor:
    """Read memory for every cell of ``(b, k, h, w)``: softmax over its cells, no scale (STM): ``(b, v, h, w)``."""
    queries = query.flatten(2).transpose(1, 2)
    key, value = (x.transpose(0, 1)[None].expand(len(query), -1, -1) for x in (memory.key, memory.value))
    read = F.scaled_dot_product_attention(queries, key, value, scale=1.0)
    out: Tensor = read.transpose(1, 2).unflatten(2, query.shape[-2:])
    return out
