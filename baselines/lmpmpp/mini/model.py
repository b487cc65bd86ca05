"""LMPM++ mini (paper section 4, figure 7): a video is encoded once, then prompted with many sentences.

Axes: t frames, k tracks, n sentences, s <SEG> tokens, h and w at the mask features' stride, H and W of the video.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.lmpmpp.extractor import ExtractorOutput, LanguageGuidedExtractor, resize_frames
from baselines.lmpmpp.mini.config import MiniConfig
from baselines.lmpmpp.mini.detection_head import DetectionHead, normalize_boxes
from baselines.lmpmpp.mini.language_part import LanguagePart, PrefilledVideos
from baselines.lmpmpp.mini.mask_decoder import assign_tracks
from baselines.lmpmpp.mini.matcher import Matcher
from baselines.lmpmpp.mini.sentence_encoder import SentenceEncoder
from baselines.lmpmpp.mini.speech_encoder import SpeechEncoder
from baselines.lmpmpp.mini.tracker import Trajectories, track_objects
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures, resample
from baselines.lmpmpp.postprocess import target_score
from baselines.lmpmpp.prompt import Modality


@dataclass(frozen=True, slots=True)
class EncodedVideo:
    """A video after everything that does not depend on the sentence.

    Attributes:
        trajectories: Tracks of its objects.
        tracks: The same, resampled: a batch of one.
        prefilled: The language model's input up to the sentence; ``None`` if the video has no track.
    """

    trajectories: Trajectories
    tracks: TrackFeatures
    prefilled: PrefilledVideos | None


@dataclass(frozen=True, slots=True)
class TrackSelection:
    """Target tracks of one sentence.

    Attributes:
        tracks: Indices of the target tracks, int64 ``(N_o,)``; none: no target.
        target_score: Probability that there is a target, 0..1.
    """

    tracks: Tensor
    target_score: float


class MiniLMPMpp(nn.Module):
    """Extractor, frozen text and speech encoders, language part, and the matcher that initialized the language part.

    Attributes:
        supports_speech: Whether the speech encoder is trained, or the whole model is randomly initialized.
    """

    supports_speech: bool

    def __init__(self, config: MiniConfig, words: int) -> None:
        """Build for a vocabulary of ``words`` words, padding and unknown included."""
        super().__init__()
        language, channels = config.language, config.extractor.channels
        self.config = config
        self.extractor = LanguageGuidedExtractor.from_config(config.extractor, language.text_channels)
        self.language = LanguagePart(config)
        self.matcher = Matcher(config.trajectory, channels)
        self.sentences = SentenceEncoder(words, language.text_channels)
        self.speech = SpeechEncoder(language.audio_channels)
        self.detection = DetectionHead(channels)
        self.supports_speech = True

    @torch.inference_mode()
    def encode_video(self, chunks: Iterable[Tensor], modality: Modality = "text") -> EncodedVideo:
        """Encode a video.

        Args:
            chunks: Consecutive uint8 frames ``(t_i, H, W, 3)``; only one chunk is held at full size.
            modality: Of the prompts: ``text`` or ``audio``.
        """
        config = self.config.trajectory
        trajectories = self.track(chunks)
        tracks = resample(trajectories, config.tracks, config.time_steps)
        prefilled = self.language.prefill_videos(tracks, modality) if len(trajectories.boxes) else None
        return EncodedVideo(trajectories, tracks, prefilled)

    @torch.inference_mode()
    def track(self, chunks: Iterable[Tensor]) -> Trajectories:
        """Extract and track the objects of a video, whatever the prompts (``chunks``: ``encode_video``)."""
        outputs: list[ExtractorOutput] = []
        resized: list[Tensor] = []
        for chunk in chunks:
            frames = resize_frames(chunk, self.config.extractor)
            outputs.append(self.extractor(frames)[-1])
            resized.append(frames)
        max_tracks = self.config.trajectory.tracks
        return track_objects(ExtractorOutput.concatenate(outputs), torch.cat(resized), max_tracks)

    @torch.inference_mode()
    def generate(self, video: EncodedVideo, sentences: Tensor) -> list[TrackSelection]:
        """Select tracks by the language model: greedy N_o, then one track per <SEG>.

        Args:
            video: The video.
            sentences: Text or audio features ``(n, c)``.
        """
        if video.prefilled is None:
            return self._no_targets(sentences)
        video_index = torch.zeros(len(sentences), dtype=torch.long, device=sentences.device)
        outputs = self.language(video.prefilled, video_index, sentences)
        max_objects = video.prefilled.valid.sum(1)[video_index]
        scores = target_score(self.language.numeral_logits(outputs.logits[:, 0], max_objects))
        num_tracks = len(video.trajectories.boxes)
        rows = zip(outputs.track_weights, outputs.num_objects.tolist(), scores.tolist(), strict=True)
        return [TrackSelection(assign_tracks(weights[:, :num_tracks], n), score) for weights, n, score in rows]

    @torch.inference_mode()
    def match(self, video: EncodedVideo, sentences: Tensor) -> list[TrackSelection]:
        """Select tracks without the language model, by a matching threshold (row (i) of Table 4).

        Args:
            video: The video.
            sentences: Text or audio features ``(n, c)``.
        """
        if video.prefilled is None:
            return self._no_targets(sentences)
        video_index = torch.zeros(len(sentences), dtype=torch.long, device=sentences.device)
        logits = self.matcher(video.tracks, video_index, sentences)[:, : len(video.trajectories.boxes)]
        return [TrackSelection((row > 0).nonzero()[:, 0], float(row.max().sigmoid())) for row in logits]

    @torch.inference_mode()
    def detect(self, trajectories: Trajectories, track: int) -> Tensor:
        """Boxes of one track by the detection head, ``(t, 4)``: x0, y0, x1, y1, normalized by width and height."""
        boxes = normalize_boxes(trajectories.boxes[track], trajectories.mask_logits.shape[-2:])
        return self.detection(trajectories.embeddings[track], boxes)

    def _no_targets(self, sentences: Tensor) -> list[TrackSelection]:
        none = torch.zeros(0, dtype=torch.long, device=sentences.device)
        return [TrackSelection(none, 0.0) for _ in sentences]
