"""Language part of the mini variant: tracks and sentences in, number of objects and track weights out.

Everything after the extractor: object tokens, text-language projection, language model, and the heads on <SEG>.
Axes: b videos, k tracks, n sentences, s <SEG> tokens, a channels of the aligned space, D hidden channels, v tokens of
the vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.lmpmpp.language_model import LanguageModel, PrefixCache
from baselines.lmpmpp.mini.config import MiniConfig
from baselines.lmpmpp.mini.mask_decoder import TrackMaskDecoder
from baselines.lmpmpp.mini.object_tokens import TrackObjectTokens
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures, TrajectoryEncoder
from baselines.lmpmpp.prompt import Modality, PromptTokens


@dataclass(frozen=True, slots=True)
class PrefilledVideos:
    """Videos after the part of the language model's input that does not depend on the sentence.

    Attributes:
        cache: Of b videos, up to <Text> or <Audio>.
        track_embeddings: Whole trajectories in the aligned space, ``(b, k, a)``.
        track_tokens: Their object tokens, ``(b, k, D)``.
        valid: bool ``(b, k)``, ``False`` on padding.
        modality: Of the prompts: ``text`` or ``audio``.
    """

    cache: PrefixCache
    track_embeddings: Tensor
    track_tokens: Tensor
    valid: Tensor
    modality: Modality


@dataclass(frozen=True, slots=True)
class MiniOutput:
    """Output for n sentences; ``LMPMppOutput`` with a batch axis and with track weights in place of mask logits.

    Attributes:
        logits: Next-token logits after the question mark, the numeral and each <SEG>, ``(n, 2 + s, v)``.
        num_objects: N_o, int64 ``(n,)``; <SEG> tokens from N_o on are padding.
        seg_states: States of the <SEG> tokens, ``(n, s, D)``.
        track_weights: Softmax over the tracks, ``(n, s, k)``; the mask of a <SEG> is that of its track.
    """

    logits: Tensor
    num_objects: Tensor
    seg_states: Tensor
    track_weights: Tensor


class LanguagePart(nn.Module):
    """Object tokens, projections, language model, mask decoder and projection of equation 1.

    Attribute names are keys of weights/mini.safetensors.
    """

    def __init__(self, config: MiniConfig) -> None:
        super().__init__()
        language, trajectory, channels = config.language, config.trajectory, config.extractor.channels
        self.trajectories = TrajectoryEncoder(trajectory, channels)
        self.object_tokens = TrackObjectTokens(trajectory, language.hidden)
        self.project = nn.ModuleDict(
            {
                "text": nn.Linear(language.text_channels, language.hidden),
                "audio": nn.Linear(language.audio_channels, language.hidden),
            }
        )
        self.guide = nn.Linear(trajectory.channels, language.hidden) if language.text_conditioned_tracks else None
        self.language = LanguageModel(language, PromptTokens.from_words(language.max_objects))
        self.mask_decoder = TrackMaskDecoder(language.hidden, channels)
        self.contrast = nn.Linear(language.hidden, language.text_channels)

    def prefill_videos(self, tracks: TrackFeatures, modality: Modality = "text") -> PrefilledVideos:
        """Run the part of the input that does not depend on the sentence."""
        track_embeddings, window_embeddings = self.trajectories(tracks)
        tokens, valid, track_tokens = self.object_tokens(track_embeddings, window_embeddings, tracks.valid)
        cache = self.language.prefill_objects(tokens, valid, modality)
        return PrefilledVideos(cache, track_embeddings, track_tokens, tracks.valid, modality)

    def forward(
        self, videos: PrefilledVideos, video_index: Tensor, sentences: Tensor, num_objects: Tensor | None = None
    ) -> MiniOutput:
        """Run sentences.

        Args:
            videos: Of ``prefill_videos``.
            video_index: Video of each sentence, int64 ``(n,)``.
            sentences: Text or audio features ``(n, c)``.
            num_objects: Ground-truth N_o, int64 ``(n,)`` (teacher forcing); ``None``: decoded greedily. The template
                leaves the numeral as the only choice, and numerals above the number of tracks are excluded.
        """
        cache = videos.cache.batch_select_indices(video_index)
        text, valid = self.embed_prompt(videos, video_index, sentences)
        prompt_state = self.language.prefill_prompt(cache, text, valid, videos.modality)
        if num_objects is None:
            num_objects = self.decode_num_objects(prompt_state, videos.valid[video_index].sum(1))
        states = self.language.decode_answer(cache, num_objects, max(1, int(num_objects.max())))
        seg_states = states[:, 1:]
        logits = self.language.head(torch.cat((prompt_state[:, None], states), dim=1))
        weights = self.mask_decoder(seg_states, videos.track_tokens[video_index], videos.valid[video_index])
        return MiniOutput(logits, num_objects, seg_states, weights)

    def embed_prompt(self, videos: PrefilledVideos, video_index: Tensor, sentences: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens between <Text> and </Text>: the projected sentence and, if configured, text-conditioned tracks.

        Returns:
            ``(n, l, D)``, and bool ``(n, l)``, ``False`` on padding.
        """
        text = self.project[videos.modality](sentences)[:, None]
        valid = torch.ones(text.shape[:2], dtype=torch.bool, device=text.device)
        if self.guide is None:
            return text, valid
        conditioned = self.guide(videos.track_embeddings[video_index] * sentences[:, None])
        conditioned = conditioned + self.object_tokens.track.weight
        return torch.cat((text, conditioned), dim=1), torch.cat((valid, videos.valid[video_index]), dim=1)

    def decode_num_objects(self, prompt_state: Tensor, max_objects: Tensor) -> Tensor:
        """Greedy N_o from the state after the prompt ``(n, D)``, at most ``max_objects`` ``(n,)``: int64 ``(n,)``."""
        return self.numeral_logits(self.language.head(prompt_state), max_objects).argmax(-1)

    def numeral_logits(self, logits: Tensor, max_objects: Tensor) -> Tensor:
        """Logits of the numerals, ``(n, N_max + 1)``, -inf above ``max_objects`` ``(n,)``.

        Args:
            logits: Next-token logits ``(n, v)``.
            max_objects: int64 ``(n,)``.
        """
        numerals = self.language.numeral_logits(logits)
        excluded = torch.arange(numerals.shape[-1], device=logits.device) > max_objects[:, None]
        return numerals.masked_fill(excluded, float("-inf"))
