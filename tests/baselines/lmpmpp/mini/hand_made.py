"""A track cache of one video, small enough to see the right matching, and doubles of the language model's outputs.

Video: three tracks at four points. Track 0 shows object 1 (label 2), track 1 object 0 (label 1), track 2 is a false
detection. Object 0 covers points 0 and 1, object 1 covers point 2, point 3 is background.
"""

import torch

from baselines.lmpmpp.mini.language_part import MiniOutput
from baselines.lmpmpp.mini.training.stage_alignment import Batch
from baselines.lmpmpp.mini.training.stage_language import PromptedBatch
from baselines.lmpmpp.mini.training.track_cache import MAX_OBJECTS, TrackCache
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures

STEPS, CHANNELS = 4, 3
SURE = 20.0

SENTENCE_OBJECTS = [[0], [1], [0, 1], []]


def track_features(videos=1):
    """Track 0 stays at (0.2, 0.5), track 1 moves from x = 0.1 to 0.7, track 2 stays at (0.9, 0.1)."""
    boxes = torch.full((videos, 3, STEPS, 4), 0.1)
    boxes[:, 0, :, :2] = torch.tensor([0.2, 0.5])
    boxes[:, 1, :, 0] = torch.tensor([0.1, 0.3, 0.5, 0.7])
    boxes[:, 1, :, 1] = 0.4
    boxes[:, 2, :, :2] = torch.tensor([0.9, 0.1])
    return TrackFeatures(
        present=torch.ones(videos, 3, STEPS),
        boxes=boxes,
        camera=torch.zeros(videos, STEPS, 2),
        embeddings=torch.zeros(videos, 3, STEPS, CHANNELS),
        valid=torch.ones(videos, 3, dtype=torch.bool),
    )


def track_cache(videos=1):
    """The video ``videos`` times, each with the sentences of ``SENTENCE_OBJECTS``."""
    logits = torch.full((3, 4), -SURE)
    logits[0, 2] = logits[1, 0] = logits[1, 1] = logits[2, 3] = SURE
    objects = torch.zeros(len(SENTENCE_OBJECTS), MAX_OBJECTS, dtype=torch.bool)
    for row, ids in enumerate(SENTENCE_OBJECTS):
        objects[row, ids] = True
    return TrackCache(
        tracks=track_features(videos),
        point_logits=logits.repeat(videos, 1, 1),
        point_objects=torch.tensor([1, 1, 2, 0]).repeat(videos, 1),
        track_objects=torch.tensor([2, 1, 0]).repeat(videos, 1),
        sentence_videos=torch.arange(videos).repeat_interleave(len(SENTENCE_OBJECTS)),
        sentence_objects=objects.repeat(videos, 1),
        texts=("first", "second", "both", "none") * videos,
    )


def prompted_batch(videos=1, channels=6, seed=0):
    """All sentences of all videos of ``track_cache(videos)``."""
    count = len(SENTENCE_OBJECTS)
    indices = Batch(torch.arange(videos), torch.arange(videos).repeat_interleave(count), torch.arange(videos * count))
    sentences = torch.randn(videos * count, channels, generator=torch.Generator().manual_seed(seed))
    return PromptedBatch(indices, track_features(videos), sentences)


def outputs(tracks_of_sentence, num_objects, logits=None, seg_states=None):
    """Outputs whose <SEG> tokens have weight 1 on the given tracks: list of tracks per sentence."""
    length = max(1, max(num_objects))
    weights = torch.zeros(len(num_objects), length, 3)
    for row, tracks in enumerate(tracks_of_sentence):
        for position, track in enumerate(tracks):
            weights[row, position, track] = 1
    return MiniOutput(logits, torch.tensor(num_objects), seg_states, weights)
