"""MTTR's spatial decoder: from the encoded map to stride 4, with the backbone's finer maps.

Botach et al., CVPR 2022, section 3.3. Axes: f frames, c channels, h rows, w columns.
"""

from torch import Tensor, nn
from torch.nn import functional as F


class SpatialDecoder(nn.Module):
    """Convolutions with group norm (8 groups), upsampled twice by 2.

    Args:
        channels: Channels of the encoded map.
        middle_channels: Channels of the backbone's stride-8 map.
        fine_channels: Channels of its stride-4 map.
        kernel: Channels of the output.
    """

    def __init__(self, channels: int, middle_channels: int, fine_channels: int, kernel: int) -> None:
        super().__init__()
        widths = [channels // 2**step for step in range(4)]  # 256, 128, 64, 32
        self.lay1 = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.gn1 = nn.GroupNorm(8, widths[0])
        self.lay2 = nn.Conv2d(widths[0], widths[1], 3, padding=1)
        self.gn2 = nn.GroupNorm(8, widths[1])
        self.lay3 = nn.Conv2d(widths[1], widths[2], 3, padding=1)
        self.gn3 = nn.GroupNorm(8, widths[2])
        self.lay4 = nn.Conv2d(widths[2], widths[3], 3, padding=1)
        self.gn4 = nn.GroupNorm(8, widths[3])
        self.out_lay = nn.Conv2d(widths[3], kernel, 3, padding=1)
        self.adapter1 = nn.Conv2d(middle_channels, widths[1], 1)
        self.adapter2 = nn.Conv2d(fine_channels, widths[2], 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, a=1)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor, middle: Tensor, fine: Tensor) -> Tensor:
        """Decode some frames.

        Args:
            x: Encoded map of stride 16, ``(f, c, h, w)``.
            middle: Stride 8, already through ``adapter1``.
            fine: Stride 4, already through ``adapter2``.

        Returns:
            ``(f, kernel, h, w)`` at stride 4.
        """
        x = F.relu(self.gn1(self.lay1(x)))
        x = F.relu(self.gn2(self.lay2(x)))
        x = middle + F.interpolate(x, size=middle.shape[-2:], mode="nearest")
        x = F.relu(self.gn3(self.lay3(x)))
        x = fine + F.interpolate(x, size=fine.shape[-2:], mode="nearest")
        x = F.relu(self.gn4(self.lay4(x)))
        out: Tensor = self.out_lay(x)
        return out
