"""Variation for the language stages: mirrored videos with mirrored words, imprecise boxes, forgotten moments.

Axes: b videos, k tracks, s moments.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from baselines.lmpmpp.mini.sentence_encoder import WordTokenizer
from baselines.lmpmpp.mini.training.stage_alignment import Batch
from baselines.lmpmpp.mini.training.track_cache import TrackCache
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures

MIRRORED_WORDS = {"left": "right", "leftward": "rightward"}
"""Words that trade places in a mirrored video, here and the other way round."""

BOX_NOISE = 0.006
"""Standard deviation of the noise on boxes, in frame heights: about a pixel at 144 rows."""

FORGOTTEN = 0.05
"""Share of moments at which a track is declared absent."""


def mirror_words(words: Tensor, tokenizer: WordTokenizer) -> Tensor:
    """Say the same of the mirrored video: int64 word numbers, any shape, to the same."""
    table = torch.arange(len(tokenizer), device=words.device)
    for one, other in MIRRORED_WORDS.items():
        a, b = (int(tokenizer([word])[0, 0]) for word in (one, other))
        table[a], table[b] = b, a
    return table[words]


def mirror_tracks(tracks: TrackFeatures, mirrored: Tensor, aspect: float) -> TrackFeatures:
    """Mirror the videos for which bool ``mirrored`` ``(b,)`` is set; ``aspect``: width of a frame in heights."""
    boxes, camera = tracks.boxes.clone(), tracks.camera.clone()
    boxes[..., 0] = torch.where(mirrored[:, None, None], aspect - boxes[..., 0], boxes[..., 0])
    camera[..., 0] = torch.where(mirrored[:, None], -camera[..., 0], camera[..., 0])
    return TrackFeatures(tracks.present, boxes, camera, tracks.embeddings, tracks.valid)


def disturb(tracks: TrackFeatures, rng: np.random.Generator) -> TrackFeatures:
    """Shift every scene, add noise to boxes, forget a track at some moments."""
    device = tracks.boxes.device
    noise = torch.from_numpy(rng.normal(0, BOX_NOISE, tracks.boxes.shape)).to(device).float()
    shift = torch.from_numpy(rng.uniform(-0.1, 0.1, (len(tracks.camera), 1, 2))).to(device).float()
    seen = torch.from_numpy(rng.random(tracks.present.shape) >= FORGOTTEN).to(device)
    return TrackFeatures(
        tracks.present * seen, tracks.boxes + noise, tracks.camera + shift, tracks.embeddings, tracks.valid
    )


@dataclass(frozen=True, slots=True)
class Varied:
    """A batch as it is shown in one step.

    Attributes:
        tracks: Of b videos.
        words: Word numbers of n sentences, ``(n, l)``.
        mirrored: bool ``(b,)``.
    """

    tracks: TrackFeatures
    words: Tensor
    mirrored: Tensor


class Augmentation:
    """Varies batches of one split."""

    def __init__(self, tokenizer: WordTokenizer, cache: TrackCache, words: Tensor, aspect: float) -> None:
        self.cache, self.words, self.aspect = cache, words, aspect
        self.mirrored_words = mirror_words(words, tokenizer)

    def __call__(self, batch: Batch, rng: np.random.Generator, *, mirroring: bool = True) -> Varied:
        """Mirror half of the videos of a batch, sentences included, and disturb the tracks of all.

        ``mirroring``: off where sentences are spoken, because a recording can't be told to say "right" for "left".
        """
        mirrored = torch.from_numpy(rng.random(len(batch.videos)) < (0.5 if mirroring else 0)).to(self.words.device)
        tracks = disturb(mirror_tracks(self.cache.tracks.of(batch.videos), mirrored, self.aspect), rng)
        other = mirrored[batch.rows][:, None]
        words = torch.where(other, self.mirrored_words[batch.sentences], self.words[batch.sentences])
        return Varied(tracks, words, mirrored)
