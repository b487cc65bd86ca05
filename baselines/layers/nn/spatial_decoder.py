"""MTTR's spatial decoder: from an encoded map to stride 4, with finer maps.

Botach et al., "End-to-End Referring Video Object Segmentation with Multimodal Transformers", CVPR 2022, section 3.3;
SOC has one level more. Axes: f frames, c channels, h rows, w columns.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

GROUPS = 8


class SpatialDecoder(nn.Module):
    """Convolutions with group norm, upsampled once for every finer map; keys count from coarse (1) to fine.

    Args:
        channels: Channels of the encoded map.
        skips: Channels of the finer maps, coarse to fine.
        out: Channels of the output.
    """

    def __init__(self, channels: int, skips: Sequence[int], out: int) -> None:
        super().__init__()
        widths = [max(GROUPS, channels // 2**step) for step in range(len(skips) + 2)]  # 256, 128, 64, ...
        for number, (before, after) in enumerate(zip([channels, *widths], widths, strict=False), start=1):
            self.add_module(f"lay{number}", nn.Conv2d(before, after, 3, padding=1))
            self.add_module(f"gn{number}", nn.GroupNorm(GROUPS, after))
        self.out_lay = nn.Conv2d(widths[-1], out, 3, padding=1)
        for number, skip in enumerate(skips, start=1):
            self.add_module(f"adapter{number}", nn.Conv2d(skip, widths[number], 1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, a=1)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def adapt(self, number: int, x: Tensor) -> Tensor:
        """Project the finer map ``number``, 1 the coarsest, to the width of the decoder: ``(f, c, h, w)`` both."""
        out: Tensor = self.get_submodule(f"adapter{number}")(x)
        return out

    def forward(self, x: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """Decode some frames.

        Args:
            x: Encoded map, ``(f, c, h, w)``.
            skips: Finer maps, coarse to fine, already through `adapt`.

        Returns:
            ``(f, out, h, w)`` at the stride of the finest map.
        """
        x = self._stage(1, x)
        for number, skip in enumerate(skips, start=1):
            x = skip + F.interpolate(self._stage(number + 1, x), size=skip.shape[-2:], mode="nearest")
        out: Tensor = self.out_lay(self._stage(len(skips) + 2, x))
        return out

    def _stage(self, number: int, x: Tensor) -> Tensor:
        return F.relu(self.get_submodule(f"gn{number}")(self.get_submodule(f"lay{number}")(x)))
