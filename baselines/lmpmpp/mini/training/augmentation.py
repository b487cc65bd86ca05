"""Augmentation of the language stages: mirrored videos and words, shifted scenes, jittered boxes, track dropout.

Axes: b videos, k tracks, s time steps, n sentences, l words.
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
"""Pairs of words that are exchanged in the sentences of a mirrored video."""

BOX_NOISE = 0.006
"""Standard deviation of the noise on boxes, in frame heights: about one pixel at 144 rows."""

SCENE_SHIFT = 0.1
"""Maximum shift of a scene's origin, in frame heights."""

TRACK_DROPOUT = 0.05
"""Probability that a track is marked absent at a time step."""


def mirror_words(words: Tensor, tokenizer: WordTokenizer) -> Tensor:
    """Word ids of the same sentences about the mirrored videos: int64, any shape."""
    table = torch.arange(len(tokenizer), device=words.device)
    for word, mirrored_word in MIRRORED_WORDS.items():
        a, b = (int(tokenizer([w])[0, 0]) for w in (word, mirrored_word))
        table[a], table[b] = b, a
    return table[words]


def mirror_tracks(tracks: TrackFeatures, mirrored: Tensor, aspect: float) -> TrackFeatures:
    """Mirror the videos with bool ``mirrored`` ``(b,)``; ``aspect``: width of a frame in frame heights."""
    boxes, camera = tracks.boxes.clone(), tracks.camera.clone()
    boxes[..., 0] = torch.where(mirrored[:, None, None], aspect - boxes[..., 0], boxes[..., 0])
    camera[..., 0] = torch.where(mirrored[:, None], -camera[..., 0], camera[..., 0])
    return TrackFeatures(tracks.present, boxes, camera, tracks.embeddings, tracks.valid)


def jitter(tracks: TrackFeatures, rng: np.random.Generator) -> TrackFeatures:
    """Shift every scene, add noise to boxes, and mark tracks absent at random time steps."""
    device = tracks.boxes.device
    noise = torch.from_numpy(rng.normal(0, BOX_NOISE, tracks.boxes.shape)).to(device).float()
    shift = torch.from_numpy(rng.uniform(-SCENE_SHIFT, SCENE_SHIFT, (len(tracks.camera), 1, 2))).to(device).float()
    kept = torch.from_numpy(rng.random(tracks.present.shape) >= TRACK_DROPOUT).to(device)
    return TrackFeatures(
        tracks.present * kept, tracks.boxes + noise, tracks.camera + shift, tracks.embeddings, tracks.valid
    )


@dataclass(frozen=True, slots=True)
class AugmentedBatch:
    """Inputs of one step.

    Attributes:
        tracks: Of b videos.
        words: Word ids of n sentences, ``(n, l)``.
        mirrored: bool ``(b,)``.
    """

    tracks: TrackFeatures
    words: Tensor
    mirrored: Tensor


class Augmentation:
    """Augments batches of one split.

    Args:
        tokenizer: Of the words.
        cache: The split.
        words: Word ids of all its sentences, ``(n, l)``.
        aspect: Width of a frame in frame heights.
    """

    def __init__(self, tokenizer: WordTokenizer, cache: TrackCache, words: Tensor, aspect: float) -> None:
        self.cache, self.words, self.aspect = cache, words, aspect
        self.mirrored_words = mirror_words(words, tokenizer)

    def __call__(self, batch: Batch, rng: np.random.Generator, *, mirroring: bool = True) -> AugmentedBatch:
        """Mirror half of the videos of a batch together with their sentences, and jitter the tracks of all.

        ``mirroring=False`` for speech, because a recording cannot exchange "left" and "right".
        """
        mirrored = torch.from_numpy(rng.random(len(batch.videos)) < (0.5 if mirroring else 0)).to(self.words.device)
        tracks = jitter(mirror_tracks(self.cache.tracks.select(batch.videos), mirrored, self.aspect), rng)
        words = torch.where(
            mirrored[batch.video_index][:, None], self.mirrored_words[batch.sentences], self.words[batch.sentences]
        )
        return AugmentedBatch(tracks, words, mirrored)
