"""SgMg's filter of the spectrum of a map, before and after the fusion with the words.

Miao et al., "Spectrum-guided Multi-granularity Referring Video Object Segmentation", ICCV 2023, section 3.2
(spectrum-guided cross-modal fusion). Axes: f frames, c channels, h rows, w columns.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIGMA = 7.0
"""Standard deviation of the first level's Gaussian, in cells."""


def gaussians(sizes: Sequence[tuple[int, int]], device: torch.device) -> list[Tensor]:
    """Return the Gaussian of every level, ``(h, w)`` each, values 0..1.

    That of the first level is centered on the cell ``(h // 2, w // 2)``. Each next level has the one before, scaled
    bilinearly, whatever its own size.

    Args:
        sizes: Rows and columns of every level, fine to coarse.
        device: Of the result.
    """
    height, width = sizes[0]
    rows = torch.arange(height, device=device, dtype=torch.float32) - height // 2
    columns = torch.arange(width, device=device, dtype=torch.float32) - width // 2
    levels = [torch.exp(-(rows[:, None] ** 2 + columns**2) / (2 * SIGMA**2))]
    for size in sizes[1:]:
        levels.append(F.interpolate(levels[-1][None, None], size=size, mode="bilinear", align_corners=False)[0, 0])
    return levels


class SpectrumFilter(nn.Module):
    """Weaken high frequencies by a share that every frame predicts, mix the spectrum's channels, add the result.

    The authors' names: ``laplace``, ``fc``, ``conv1``, ``conv2``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.laplace = nn.Conv2d(channels, channels, 3)
        self.fc = nn.Sequential(
            nn.Linear(channels, channels, bias=False), nn.ReLU(), nn.Linear(channels, 1, bias=False), nn.Sigmoid()
        )
        self.conv1 = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.conv2 = nn.Conv2d(2 * channels, 2 * channels, 1)

    def forward(self, x: Tensor, gaussian: Tensor) -> Tensor:
        """Filter maps ``(f, c, h, w)``, h and w at least 3, in float32.

        The Gaussian ``(h, w)`` is centered although the spectrum is not shifted, so it lies on the high frequencies.
        """
        with torch.autocast(x.device.type, enabled=False):
            x = x.float()
            share = self.fc(self.laplace(x).mean((2, 3)))[..., None, None]
            spectrum = torch.fft.fft2(x) * (1 - share * gaussian)
            mixed = self.conv2(F.relu(self.conv1(torch.cat((spectrum.real, spectrum.imag), dim=1))))
            real, imaginary = mixed.chunk(2, dim=1)
            out: Tensor = x + torch.fft.ifft2(torch.complex(real, imaginary)).real
        return out
