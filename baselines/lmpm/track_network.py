"""LMPM's clip module on the tracks of the common start of the mini variants.

LMPM itself mixes the words into backbone and frame decoder, so frames are encoded once per sentence. Here a video is
encoded once for all. Axes: t frames, k tracks, s sentences, q trajectory queries, c channels, a channels of the
aligned space.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from torch import Tensor, nn

from baselines.layers.nn.text_encoder import FeatureResizer
from baselines.layers.nn.trajectory_network import Sentence, TrajectoryNetworkConfig
from baselines.lmpm.decoders import ClipModule
from baselines.lmpmpp.mini.common_start import AlignedTokens, CommonStart, TrackedVideo
from baselines.lmpmpp.mini.config import MINI
from mevis_bench.records import Prompt


class TrackLmpm(nn.Module):
    """Clip module, alignment of its tokens, and projection of the sentence; all that LMPM mini learns.

    Args:
        config: Sizes of the clip module; channels and frame queries are the common start's.
    """

    def __init__(self, config: TrajectoryNetworkConfig) -> None:
        super().__init__()
        channels = MINI.extractor.channels
        clip = replace(config.clip, channels=channels, frame_queries=MINI.trajectory.tracks)
        self.vita_module = ClipModule(clip)
        self.alignment = AlignedTokens()
        self.resizer = FeatureResizer(MINI.language.text_channels, channels)

    def read(self, start: CommonStart, prompts: Sequence[Prompt]) -> Tensor:
        """Encode prompts: features ``(s, a)``."""
        return start.encode_prompts(prompts)

    def encode(self, video: TrackedVideo, features: Tensor) -> tuple[Tensor, Sentence]:
        """Encode the tracks for sentences.

        Args:
            video: Its tracks.
            features: Sentences by the common start, ``(s, a)``.

        Returns:
            Tokens ``(s, t, k, c)`` and the sentences as LMPM reads them.
        """
        sentence = Sentence(features[:, :, None], features.new_ones(len(features), 1), self.resizer(features))
        encoded = self.vita_module.encode(video.tokens[None], sentence, shifting=True)
        return self.alignment(encoded, video.aligned, features), sentence

    def layers(self, encoded: Tensor, sentence: Sentence) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield queries ``(s, q, c)``, class logits ``(s, q, 2)`` and mask embeddings ``(s, q, c)`` of every layer."""
        for queries in self.vita_module.layer_queries(encoded, sentence):
            yield queries, self.vita_module.class_logits(queries, sentence), self.vita_module.mask_embed(queries)

    def match(self, video: TrackedVideo, features: Tensor) -> tuple[Tensor, Tensor]:
        """Match a video with sentences: class logits ``(s, q, 2)`` and mask embeddings ``(s, q, c)``."""
        *_, (_, logits, embeddings) = self.layers(*self.encode(video, features))
        return logits, embeddings

    def mask_features(self, fine: Tensor) -> Tensor:
        """Project fine maps ``(n, c, h, w)`` for dot products with mask embeddings, same shape."""
        features: Tensor = self.vita_module.vita_mask_features(fine)
        return features
