"""MUTR's audio reference: VGGish features of a recording, projected.

Yan et al., "Referred by Multi-Modality", AAAI 2024: spectrograms by short-time Fourier transform go through a frozen
VGGish, then a linear projection to the width of the network. The authors never released this branch. VGGish: Hershey
et al., "CNN Architectures for Large-Scale Audio Classification", ICASSP 2017; its published front end and layer names
are kept, so that its published weights load. Axes: e examples of 0.96 s, c channels.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.layers.inputs.text_reference import as_words
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.text_encoder import FeatureResizer

RATE = 16000
"""Sampling rate, in Hz."""
WINDOW = 400
HOP = 160
BANDS = 64
EXAMPLE = 96
"""Spectra of one example."""
LOWEST, HIGHEST = 125.0, 7500.0
"""Edges of the mel bands, in Hz."""
OFFSET = 0.01
EMBEDDING = 128
"""Features per example."""


def mel_filters() -> Tensor:
    """Triangular filters on the (HTK) mel scale: ``(257, 64)``, from FFT bins to bands; the constant bin counts 0."""
    bins = torch.linspace(0, RATE / 2, 257, dtype=torch.float64)
    mel = 1127 * torch.log1p(bins / 700)
    low, high = (1127 * math.log1p(edge / 700) for edge in (LOWEST, HIGHEST))
    edges = torch.linspace(low, high, BANDS + 2, dtype=torch.float64)
    rising = (mel[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel[:, None]) / (edges[2:] - edges[1:-1])
    filters = torch.minimum(rising, falling).clamp(min=0)
    filters[0] = 0
    return filters.float()


def log_mel_examples(waveform: Tensor) -> Tensor:
    """Cut a recording into examples of VGGish.

    VGGish drops an incomplete example; here it is padded with silence, because sentences are short.

    Args:
        waveform: Samples in -1..1 at `RATE`, ``(n,)``; empty input counts as silence.

    Returns:
        ``(e, 96, 64)``, at least one example: log of mel magnitudes, 0.01 added.
    """
    spectra = max(1, -(-len(waveform) // HOP))
    examples = -(-spectra // EXAMPLE)
    samples = (examples * EXAMPLE - 1) * HOP + WINDOW
    waveform = F.pad(waveform, (0, samples - len(waveform)))
    window = torch.hann_window(WINDOW, periodic=True, device=waveform.device)
    magnitudes = torch.fft.rfft(waveform.unfold(0, WINDOW, HOP) * window, n=512).abs()
    return torch.log(magnitudes @ mel_filters().to(waveform.device) + OFFSET).view(examples, EXAMPLE, BANDS)


class Vggish(nn.Module):
    """VGG with four poolings and three linear layers, each followed by ReLU; 128 features per example."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width, depth in ((64, 1), (128, 1), (256, 2), (512, 2)):
            for _ in range(depth):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.embeddings = nn.Sequential(
            nn.Linear(512 * (EXAMPLE // 16) * (BANDS // 16), 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, EMBEDDING),
            nn.ReLU(inplace=True),
        )

    def forward(self, examples: Tensor) -> Tensor:
        """Map ``(e, 96, 64)`` to ``(e, 128)``; channels come last where maps are flattened, as in the original."""
        out: Tensor = self.embeddings(self.features(examples[:, None]).permute(0, 2, 3, 1).flatten(1))
        return out


class AudioReference(nn.Module):
    """Frozen VGGish and a trained projection.

    Examples take the place of words. Their mean comes first, in place of a sentence's begin token: MUTR represents the
    whole reference by the first token, and the paper does not specify it for audio.
    """

    def __init__(self, channels: int = 256) -> None:
        super().__init__()
        self.audio_encoder = Vggish().requires_grad_(False)
        self.resizer = FeatureResizer(EMBEDDING, channels)

    def forward(self, examples: Tensor) -> tuple[Words, Tensor]:
        """Encode the examples ``(e, 96, 64)`` of one recording; see `log_mel_examples`."""
        features = self.audio_encoder(examples)
        words = as_words(self.resizer(torch.cat((features.mean(0, keepdim=True), features))))
        return words, words.features[0]
