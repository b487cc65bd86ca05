"""The wavelet transform: lossless with db2, right about axes and order, and a no-op where there is no detail."""

import pytest
import torch
from torch import Tensor

from baselines.wnet.wavelet import THRESHOLD, Analysis, Synthesis, denoise


@pytest.mark.parametrize("tokens", [4, 7, 140])
@pytest.mark.parametrize("channels", [6, 384])
def test_db2_loses_nothing(tokens: int, channels: int) -> None:
    image = torch.randn(1, 1, tokens, channels, generator=torch.Generator().manual_seed(0))
    low, details = Analysis()(image)
    assert {band.shape[2:] for band in (low, *details)} == {((tokens + 3) // 2, (channels + 3) // 2)}
    assert torch.allclose(Synthesis()(low, details)[..., :tokens, :], image, atol=1e-5)


def slow_split(signal: Tensor, taps: Tensor) -> Tensor:
    """One axis by its definition: zeros outside, correlate, keep every second value."""
    size = len(signal)
    count = (size + 3) // 2
    before = (2 * (count - 1) - size + 4) // 2
    padded = torch.cat((torch.zeros(before), signal, torch.zeros(4)))
    return torch.stack([(padded[2 * i : 2 * i + 4] * taps).sum() for i in range(count)])


def test_columns_filter_the_channels_and_rows_the_tokens() -> None:
    analysis = Analysis()
    for index, name in enumerate(("h0_col", "h1_col", "h0_row", "h1_row")):
        buffer = analysis.get_buffer(name)
        buffer.copy_(torch.randn(buffer.shape, generator=torch.Generator().manual_seed(index)))
    image = torch.randn(5, 6, generator=torch.Generator().manual_seed(9))

    def by_definition(channel_filter: Tensor, token_filter: Tensor) -> Tensor:
        along_channels = torch.stack([slow_split(row, channel_filter.flatten()) for row in image])
        return torch.stack([slow_split(column, token_filter.flatten()) for column in along_channels.T]).T

    low, (low_high, high_low, high_high) = analysis(image[None, None])
    assert torch.allclose(low[0, 0], by_definition(analysis.h0_col, analysis.h0_row), atol=1e-5)
    assert torch.allclose(low_high[0, 0], by_definition(analysis.h0_col, analysis.h1_row), atol=1e-5)
    assert torch.allclose(high_low[0, 0], by_definition(analysis.h1_col, analysis.h0_row), atol=1e-5)
    assert torch.allclose(high_high[0, 0], by_definition(analysis.h1_col, analysis.h1_row), atol=1e-5)


@pytest.mark.parametrize("tokens", [8, 9])
def test_denoising_moves_each_detail_by_at_most_the_threshold(tokens: int) -> None:
    sequence = torch.randn(tokens, 1, 8, generator=torch.Generator().manual_seed(1))
    analysis, synthesis = Analysis(), Synthesis()
    _, details = analysis(sequence.transpose(0, 1)[:, None])
    quiet = denoise(sequence, analysis, synthesis)
    assert quiet.shape == sequence.shape
    largest = max(float(band.abs().max()) for band in details)
    # The inverse is orthonormal: a value of the image collects at most four taps per axis and band.
    assert 0 < float((quiet - sequence).abs().max()) < 16 * THRESHOLD * largest
