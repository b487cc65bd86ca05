"""Common start of other methods' mini variants: LMPM++ mini's frozen extractor, tracker and prompt encoders.

Objects are tracked once per video, whatever the prompts, and each track has an embedding in the space in which LMPM++
mini has aligned trajectories with sentences. Axes: t frames, k tracks, n sentences, l words, c channels, a channels of
the aligned space, h and w rows and columns at stride 4.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.lmpmpp.extractor import ExtractorOutput, resize_frames
from baselines.lmpmpp.mini.checkpoint import build_random, load_mini
from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.model import MiniLMPMpp
from baselines.lmpmpp.mini.prompt_features import prompt_features
from baselines.lmpmpp.mini.sentence_encoder import PADDING, WordTokenizer
from baselines.lmpmpp.mini.tracker import Trajectories, track_objects
from baselines.lmpmpp.mini.trajectory_encoder import resample
from mevis_bench.records import Prompt

SHIPPED = Path(__file__).parents[1] / "weights" / "mini.safetensors"
"""LMPM++ mini's weights."""

STRIDE = 4
"""Of the maps that masks are read from."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackedVideo:
    """A video after everything that does not depend on the prompt.

    Attributes:
        tokens: Object embedding of each track in each frame, ``(t, k, c)``; 0 where it is absent. k is always
            ``MINI.trajectory.tracks``; tracks that the video does not have are absent everywhere.
        fine: Maps that masks are read from, ``(t, c, h, w)``.
        aligned: Embedding of each whole trajectory in the space of the sentences, ``(k, a)``; 0 where there is none.
    """

    tokens: Tensor
    fine: Tensor
    aligned: Tensor

    def to(self, device: torch.device | str) -> "TrackedVideo":
        """Move to a device."""
        return TrackedVideo(self.tokens.to(device), self.fine.to(device), self.aligned.to(device))


class AlignedTokens(nn.Module):
    """The common stage of trajectory methods: each token of a track gets the product of its trajectory and a sentence.

    In the aligned space the sum of this product is LMPM++ mini's matching logit, up to a constant (row (i) of Table 4).
    """

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(MINI.trajectory.channels, MINI.extractor.channels)

    def forward(self, tokens: Tensor, aligned: Tensor, features: Tensor) -> Tensor:
        """Add the projected product to a clip module's encoded tokens.

        Args:
            tokens: ``(s or 1, t, k, c)``.
            aligned: Trajectories ``(k, a)``.
            features: Sentences ``(s, a)``.

        Returns:
            ``(s, t, k, c)``.
        """
        product: Tensor = self.project(aligned * features[:, None])
        return tokens + product[:, None]


class CommonStart(nn.Module):
    """Frozen parts of LMPM++ mini.

    Args:
        model: Whose parts they are.
        tokenizer: Its vocabulary.
    """

    def __init__(self, model: MiniLMPMpp, tokenizer: WordTokenizer) -> None:
        super().__init__()
        self.extractor, self.trajectories = model.extractor, model.matcher.trajectories
        self.sentences, self.speech, self.tokenizer = model.sentences, model.speech, tokenizer
        self.requires_grad_(False).eval()

    @classmethod
    def load(cls, path: Path | None, seed: int = 0) -> "CommonStart":
        """Take the parts from LMPM++ mini's weights, or seeded random ones for ``None``.

        Raises:
            DataError: The file is not LMPM++ mini's.
        """
        return cls(*(build_random(seed) if path is None else load_mini(path)))

    def fingerprint(self) -> str:
        """Return a hash of what tracks are made by: the weights of extractor and trajectories."""
        digest = hashlib.sha256()
        for part in (self.extractor, self.trajectories):
            for tensor in part.state_dict().values():
                digest.update(tensor.cpu().numpy().tobytes())
        return digest.hexdigest()

    @torch.no_grad()
    def encode_video(self, chunks: Iterable[Tensor]) -> TrackedVideo:
        """Track the objects of a video; ``chunks``: consecutive uint8 frames ``(t_i, H, W, 3)`` of any size."""
        resized = [resize_frames(chunk, MINI.extractor) for chunk in chunks]
        return self.track(resized)[0]

    @torch.no_grad()
    def track(self, chunks: Iterable[Tensor]) -> tuple[TrackedVideo, Trajectories]:
        """Track the objects of consecutive resized frames ``(t_i, 3, H', W')``, values 0..255."""
        outputs, fine, frames = [], [], []
        for chunk in chunks:
            encoded = self.extractor.encoder(chunk)
            outputs.append(self.extractor.decoder(encoded)[-1])
            fine.append(F.avg_pool2d(encoded.mask_features, STRIDE // MINI.extractor.mask_stride))
            frames.append(chunk)
        config, maps = MINI.trajectory, torch.cat(fine)
        found = track_objects(ExtractorOutput.concatenate(outputs), torch.cat(frames), config.tracks)
        count = len(found.boxes)
        tokens = maps.new_zeros(len(maps), config.tracks, MINI.extractor.channels)
        aligned = maps.new_zeros(config.tracks, config.channels)
        if count:
            tokens[:, :count] = (found.embeddings * found.present[..., None]).transpose(0, 1)
            embeddings, _ = self.trajectories(resample(found, config.tracks, config.time_steps))
            aligned[:count] = embeddings[0, :count]
        return TrackedVideo(tokens, maps, aligned), found

    @torch.no_grad()
    def encode_words(self, texts: list[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Encode sentences of l words at most.

        Returns:
            States of the words ``(n, l, 2 a)``, bool ``(n, l)``, ``True`` on padding, and features ``(n, a)``.
        """
        words = self.tokenizer(texts).to(self.sentences.embedding.weight.device)
        states, padding = self.sentences.encode_words(words), words == PADDING
        return states, padding, self.sentences.pooling(states, padding)

    def encode_prompts(self, prompts: Sequence[Prompt]) -> Tensor:
        """Encode prompts, all of text or all of speech: features ``(n, a)``; see ``prompt_features``."""
        device = str(self.sentences.embedding.weight.device)
        return prompt_features(prompts, self.tokenizer, self.sentences, self.speech, device)
