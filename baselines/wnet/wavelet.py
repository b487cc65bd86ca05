"""Wavelet denoising of a token sequence: one-level 2-D transform, soft threshold of the details, inverse.

Pan et al., Wnet, CVPR 2022, section 3.3, with Daubechies' db2 filters. The filters are float buffers, because a
published file carries them. Filters named ``*_col`` act along the channels and ``*_row`` along the tokens.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

THRESHOLD = 0.008
"""Share of a band's largest magnitude below which a detail is noise."""

TAPS = 4
# Daubechies, Ten Lectures on Wavelets, 1992, table 6.1 for N = 2, reconstruction low pass.
_SQRT3 = 3.0**0.5
DB2 = tuple(value / (4 * 2**0.5) for value in (1 + _SQRT3, 3 + _SQRT3, 3 - _SQRT3, 1 - _SQRT3))


class Analysis(nn.Module):
    """Forward transform: an image to its low band and three detail bands of half the size (plus one)."""

    h0_col: Tensor
    h1_col: Tensor
    h0_row: Tensor
    h1_row: Tensor

    def __init__(self) -> None:
        super().__init__()
        low = torch.tensor(DB2)
        high = torch.tensor([DB2[3], -DB2[2], DB2[1], -DB2[0]])
        _register(self, "h", low, high)

    def forward(self, image: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """Transform ``(b, 1, n, c)``, tokens n by channels c.

        Returns:
            The low band and the details (low channel, high token), (high channel, low token), (high, high), each
            ``(b, 1, (n + 3) // 2, (c + 3) // 2)``.
        """
        low, high = _split(image, self.h0_col, self.h1_col, axis=3)
        low_low, low_high = _split(low, self.h0_row, self.h1_row, axis=2)
        high_low, high_high = _split(high, self.h0_row, self.h1_row, axis=2)
        return low_low, (low_high, high_low, high_high)


class Synthesis(nn.Module):
    """Inverse transform."""

    g0_col: Tensor
    g1_col: Tensor
    g0_row: Tensor
    g1_row: Tensor

    def __init__(self) -> None:
        super().__init__()
        low = torch.tensor(DB2)
        high = torch.tensor([DB2[3], -DB2[2], DB2[1], -DB2[0]])
        _register(self, "g", low, high)

    def forward(self, low: Tensor, details: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Four bands ``(b, 1, n', c')`` to ``(b, 1, 2n' - 2, 2c' - 2)``."""
        low_high, high_low, high_high = details
        low_channels = _join(low, low_high, self.g0_row, self.g1_row, axis=2)
        high_channels = _join(high_low, high_high, self.g0_row, self.g1_row, axis=2)
        return _join(low_channels, high_channels, self.g0_col, self.g1_col, axis=3)


def denoise(tokens: Tensor, analysis: Analysis, synthesis: Synthesis) -> Tensor:
    """Soften the details of a token sequence.

    Args:
        tokens: ``(n, b, c)``; the threshold is taken over the whole batch, so b is 1 wherever results must not mix.
        analysis: Forward transform.
        synthesis: Inverse transform.

    Returns:
        ``(n, b, c)``. An odd n comes back one longer from the transform and is cut; the original fails there.
    """
    low, details = analysis(tokens.transpose(0, 1)[:, None])
    first, second, third = (_soften(band) for band in details)
    image = synthesis(low, (first, second, third))
    out: Tensor = image[:, 0, : tokens.shape[0], : tokens.shape[2]].transpose(0, 1)
    return out


def _soften(band: Tensor) -> Tensor:
    """Move every value towards 0 by ``THRESHOLD`` times the largest magnitude, at most to 0."""
    return F.softshrink(band, THRESHOLD * float(band.detach().abs().max()))


def _register(module: nn.Module, letter: str, low: Tensor, high: Tensor) -> None:
    """Store a low and a high pass as ``<letter>0_*`` and ``<letter>1_*`` in the shapes of the published file."""
    for index, taps in enumerate((low, high)):
        module.register_buffer(f"{letter}{index}_col", taps.reshape(1, 1, TAPS, 1).clone())
        module.register_buffer(f"{letter}{index}_row", taps.reshape(1, 1, 1, TAPS).clone())


def _kernel(taps: Tensor, axis: int) -> Tensor:
    """Lay four taps along an axis of ``(b, 1, n, c)``."""
    return taps.reshape((1, 1, TAPS, 1) if axis == 2 else (1, 1, 1, TAPS))


def _split(image: Tensor, low: Tensor, high: Tensor, *, axis: int) -> tuple[Tensor, Tensor]:
    """Correlate with both filters at every second place of ``axis``, zeros outside."""
    size = image.shape[axis]
    padding = 2 * ((size + 3) // 2 - 1) - size + TAPS
    before, after = padding // 2, padding - padding // 2
    image = F.pad(image, (0, 0, before, after) if axis == 2 else (before, after, 0, 0))
    stride = (2, 1) if axis == 2 else (1, 2)
    return F.conv2d(image, _kernel(low, axis), stride=stride), F.conv2d(image, _kernel(high, axis), stride=stride)


def _join(low: Tensor, high: Tensor, low_filter: Tensor, high_filter: Tensor, *, axis: int) -> Tensor:
    """Undo ``_split``: ``size`` entries along ``axis`` become ``2 * size - 2``."""
    stride = (2, 1) if axis == 2 else (1, 2)
    padding = (2, 0) if axis == 2 else (0, 2)
    lows = F.conv_transpose2d(low, _kernel(low_filter, axis), stride=stride, padding=padding)
    return lows + F.conv_transpose2d(high, _kernel(high_filter, axis), stride=stride, padding=padding)
