"""LMPM++ as a whole (paper section 4, figure 7): a video is encoded once and answers many sentences.

Axes: t frames, k tracks, n sentences, s <SEG> tokens, h and w at the mask features' stride, H and W of the video.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.lmpmpp.extractor import FrameObjects, LanguageGuidedExtractor, resize_frames
from baselines.lmpmpp.mini.config import MiniConfig
from baselines.lmpmpp.mini.detection_head import DetectionHead, in_shares
from baselines.lmpmpp.mini.language_part import Answers, LanguagePart, ReadVideos
from baselines.lmpmpp.mini.mask_decoder import assign_tracks
from baselines.lmpmpp.mini.matcher import Matcher
from baselines.lmpmpp.mini.sentence_encoder import SentenceEncoder
from baselines.lmpmpp.mini.speech_encoder import SpeechEncoder
from baselines.lmpmpp.mini.tracker import Trajectories, follow
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures, resample


@dataclass(frozen=True, slots=True)
class EncodedVideo:
    """All that is needed of a video to answer any sentence about it.

    Attributes:
        trajectories: Its objects, followed.
        tracks: The same, resampled: a batch of one.
        read: What the language model has read of it; ``None`` where no object was found.
        modality: How it is asked: ``text`` or ``audio``.
    """

    trajectories: Trajectories
    tracks: TrackFeatures
    read: ReadVideos | None
    modality: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one sentence.

    Attributes:
        mask_logits: One per <SEG>, ``(N_o, t, h, w)``; none where N_o = 0.
        tracks: Index of each among the video's trajectories, int64 ``(N_o,)``.
        target_score: 1 - p(N_o = 0).
    """

    mask_logits: Tensor
    tracks: Tensor
    target_score: float


class MiniLMPMpp(nn.Module):
    """Extractor, frozen encoders of text and speech, language part; and the matcher the language part started from."""

    supports_speech: bool
    """Whether the speech encoder has learned anything, or nothing here has."""

    def __init__(
        self,
        size: MiniConfig,
        extractor: LanguageGuidedExtractor,
        sentences: SentenceEncoder,
        speech: SpeechEncoder,
        language: LanguagePart,
        matcher: Matcher,
    ) -> None:
        super().__init__()
        self.size = size
        self.extractor, self.sentences, self.speech = extractor, sentences, speech
        self.language, self.matcher = language, matcher
        self.detection = DetectionHead(size.extractor.channels)
        self.supports_speech = True

    @torch.inference_mode()
    def encode_video(self, chunks: Iterable[Tensor], modality: str = "text") -> EncodedVideo:
        """Look at a video once.

        Args:
            chunks: Consecutive uint8 frames ``(t_i, H, W, 3)``; one chunk is held at a time.
            modality: How it will be asked: ``text`` or ``audio``.
        """
        found: list[FrameObjects] = []
        small: list[Tensor] = []
        for chunk in chunks:
            frames = resize_frames(chunk, self.size.extractor)
            found.append(self.extractor(frames)[-1])
            small.append(frames)
        objects = FrameObjects(
            *(torch.cat([getattr(f, name) for f in found]) for name in ("embeddings", "class_logits", "mask_logits"))
        )
        trajectories = follow(objects, torch.cat(small), self.size.trajectory.tracks)
        tracks = resample(trajectories, self.size.trajectory.tracks, self.size.trajectory.steps)
        read = self.language.read_videos(tracks, modality) if len(trajectories.boxes) else None
        return EncodedVideo(trajectories, tracks, read, modality)

    @torch.inference_mode()
    def answer(self, video: EncodedVideo, features: Tensor) -> list[Reply]:
        """Answer sentences or utterances, given by their features ``(n, c)``."""
        if video.read is None:
            return [self._reply(video, [], 0.0) for _ in features]
        rows = torch.zeros(len(features), dtype=torch.long, device=features.device)
        said: Answers = self.language.answer(video.read, rows, features, modality=video.modality)
        most = video.read.valid.sum(1)[rows]
        none = self.language.count_logits(said.logits[:, 0], most).softmax(-1)[:, 0]
        count = len(video.trajectories.boxes)
        replies = []
        for shares, n, p in zip(said.shares, said.counts.tolist(), none.tolist(), strict=True):
            replies.append(self._reply(video, assign_tracks(shares[:, :count], n), 1 - p))
        return replies

    @torch.inference_mode()
    def match(self, video: EncodedVideo, features: Tensor) -> list[Reply]:
        """Answer sentences without the language model (row (i) of Table 4), one mask per track above the threshold."""
        if video.read is None:
            return [self._reply(video, [], 0.0) for _ in features]
        rows = torch.zeros(len(features), dtype=torch.long, device=features.device)
        logits = self.matcher(video.tracks, rows, features)[:, : len(video.trajectories.boxes)]
        return [self._reply(video, (own > 0).nonzero()[:, 0], float(own.max().sigmoid())) for own in logits]

    @torch.inference_mode()
    def detect(self, video: EncodedVideo, track: int) -> Tensor:
        """Boxes of one trajectory by the detection head, ``(t, 4)``: corners in shares of width and height."""
        found = video.trajectories
        return self.detection(found.embeddings[track], in_shares(found.boxes[track], found.mask_logits.shape[-2:]))

    def _reply(self, video: EncodedVideo, tracks: Sequence[int] | Tensor, score: float) -> Reply:
        index = torch.as_tensor(tracks, dtype=torch.long, device=video.trajectories.mask_logits.device)
        return Reply(video.trajectories.mask_logits[index], index, score)
