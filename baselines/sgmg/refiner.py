"""SgMg's mask refinement: patches of masks to full resolution with the backbone's raw maps.

Miao et al., ICCV 2023, section 3.4 (multi-granularity segmentation optimizer). Axes: n masks, c channels, h rows,
w columns.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 4
"""Rows and columns of the patch of full resolution that a cell of stride 4 becomes."""


class MaskRefiner(nn.Module):
    """Two residual steps, at strides 8 and 4; keys are the authors'.

    Args:
        middle: Channels of the backbone's stride-8 map.
        fine: Channels of its stride-4 map.
    """

    def __init__(self, middle: int, fine: int) -> None:
        super().__init__()
        width = PATCH**2
        self.conv1_1div8 = nn.Conv2d(width + middle, width, 3, padding=1)
        self.conv2_1div8 = nn.Conv2d(width, width, 3, padding=1)
        self.conv1_1div4 = nn.Conv2d(width + fine, width, 3, padding=1)
        self.conv2_1div4 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, patches: Tensor, middle: Tensor, fine: Tensor) -> Tensor:
        """Refine patches ``(n, 16, h, w)`` of stride 8 to ``(n, 16, h, w)`` of stride 4.

        Args:
            patches: One patch per cell.
            middle: The backbone's stride-8 map, ``(n, c, h, w)``.
            fine: Its stride-4 map.
        """
        x = patches + self.conv2_1div8(F.relu(self.conv1_1div8(F.relu(torch.cat((patches, middle), dim=1)))))
        x = F.interpolate(x, size=fine.shape[-2:], mode="bilinear", align_corners=False)
        out: Tensor = x + self.conv2_1div4(F.relu(self.conv1_1div4(F.relu(torch.cat((x, fine), dim=1)))))
        return out
