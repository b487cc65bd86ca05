"""The language part of LMPM++: trajectories and sentences in, answers out.

Everything after the extractor: object tokens, text-language projection, language model, and the heads on <SEG>.
Axes: b videos, k tracks, n sentences, s <SEG> tokens, a channels of the aligned space, D hidden channels, v tokens.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.lmpmpp.config import ExtractorConfig, LanguageConfig
from baselines.lmpmpp.language_model import Context, LanguageModel, PromptTokens
from baselines.lmpmpp.mini.config import TrajectoryConfig
from baselines.lmpmpp.mini.mask_decoder import LinkedMaskDecoder
from baselines.lmpmpp.mini.object_tokens import TrackObjectTokens
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures, TrajectoryEncoder


@dataclass(frozen=True, slots=True)
class ReadVideos:
    """Videos as the language model knows them, before any question.

    Attributes:
        context: Of b videos, up to <Text>.
        aligned: Whole trajectories in the aligned space, ``(b, k, a)``.
        tracks: Their object tokens, ``(b, k, D)``.
        valid: bool ``(b, k)``.
    """

    context: Context
    aligned: Tensor
    tracks: Tensor
    valid: Tensor


@dataclass(frozen=True, slots=True)
class Answers:
    """What the language model says to n questions.

    Attributes:
        logits: Next-token logits after the question, the numeral and each <SEG>, ``(n, 2 + s, v)``.
        counts: N_o, int64 ``(n,)``; <SEG> tokens from there on mean nothing.
        seg: States of the <SEG> tokens, ``(n, s, D)``.
        shares: How much of each track a <SEG> means, ``(n, s, k)``.
    """

    logits: Tensor
    counts: Tensor
    seg: Tensor
    shares: Tensor


class LanguagePart(nn.Module):
    """Object tokens, projections, language model, and what is read off its <SEG> states."""

    def __init__(self, extractor: ExtractorConfig, language: LanguageConfig, trajectory: TrajectoryConfig) -> None:
        super().__init__()
        self.trajectories = TrajectoryEncoder(trajectory, extractor.channels)
        self.object_tokens = TrackObjectTokens(trajectory, language.hidden)
        self.project = nn.ModuleDict(
            {
                "text": nn.Linear(language.text_channels, language.hidden),
                "audio": nn.Linear(language.audio_channels, language.hidden),
            }
        )
        self.guide = nn.Linear(trajectory.channels, language.hidden) if language.guided_tracks else None
        self.language = LanguageModel(language, PromptTokens.of_words(language.max_objects))
        self.mask_decoder = LinkedMaskDecoder(language.hidden, extractor.channels)
        self.contrast = nn.Linear(language.hidden, language.text_channels)

    def read_videos(self, tracks: TrackFeatures, modality: str = "text") -> ReadVideos:
        """Read what can be read before a question is known."""
        whole, windows = self.trajectories(tracks)
        tokens, valid, last = self.object_tokens(whole, windows, tracks.valid)
        return ReadVideos(self.language.read_objects(tokens, valid, modality), whole, last, tracks.valid)

    def answer(
        self, videos: ReadVideos, rows: Tensor, features: Tensor, counts: Tensor | None = None, modality: str = "text"
    ) -> Answers:
        """Answer questions.

        Args:
            videos: What was read.
            rows: Index of each question's video, int64 ``(n,)``.
            features: Text or audio feature of each question, ``(n, c)``.
            counts: N_o as it is (training); ``None``: decoded greedily. The template leaves one free choice, the
                numeral, and no numeral above the number of tracks is allowed; the <SEG> tokens follow from it.
            modality: ``text`` or ``audio``.
        """
        context = videos.context.branch(rows)
        embedded, valid = self.embed(videos, rows, features, modality)
        question = self.language.read_prompt(context, embedded, valid, modality)
        if counts is None:
            counts = self.decode_counts(question, videos.valid[rows].sum(1))
        slots = max(1, int(counts.max()))
        states = self.language.read_answer(context, counts, slots)
        seg = states[:, 1:]
        logits = self.language.head(torch.cat((question[:, None], states), dim=1))
        return Answers(logits, counts, seg, self.mask_decoder.shares(seg, videos.tracks[rows], videos.valid[rows]))

    def embed(self, videos: ReadVideos, rows: Tensor, features: Tensor, modality: str) -> tuple[Tensor, Tensor]:
        """What stands between <Text> and </Text>: the projected feature and, if so built, tracks conditioned on it.

        Returns:
            ``(n, l, D)``, and which of these tokens count, bool ``(n, l)``.
        """
        embedded = self.project[modality](features)[:, None]
        valid = torch.ones(embedded.shape[:2], dtype=torch.bool, device=embedded.device)
        if self.guide is None:
            return embedded, valid
        guided = self.guide(videos.aligned[rows] * features[:, None]) + self.object_tokens.track.weight
        return torch.cat((embedded, guided), dim=1), torch.cat((valid, videos.valid[rows]), dim=1)

    def decode_counts(self, question: Tensor, most: Tensor) -> Tensor:
        """Greedy N_o from the state after the question ``(n, D)``, at most ``most`` ``(n,)``: int64 ``(n,)``."""
        return self.count_logits(self.language.head(question), most).argmax(-1)

    def count_logits(self, logits: Tensor, most: Tensor) -> Tensor:
        """Keep the numerals 0..most of next-token logits ``(n, v)``: ``(n, N_max + 1)``, the others -inf."""
        numerals = torch.tensor(self.language.prompt.numerals, device=logits.device)
        too_many = torch.arange(len(numerals), device=logits.device) > most[:, None]
        return logits[:, numerals].masked_fill(too_many, float("-inf"))
