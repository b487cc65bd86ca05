"""Stage 3: alignment of tracks and sentences in one space, where their dot product is the matching logit.

Equation 1's idea for every pair of a track and a sentence of its video. It trains the trajectory encoder, the text
encoder (frozen afterwards), and row (i) of the paper's Table 4: motion aggregation with a matching threshold. Axes: b
videos, k tracks, n sentences, l words, a channels of the aligned space.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.lmpmpp.losses import LOSS_WEIGHTS, temporal_contrastive_loss, total_loss
from baselines.lmpmpp.mini.matcher import Matcher
from baselines.lmpmpp.mini.sentence_encoder import SentenceEncoder
from baselines.lmpmpp.mini.training.track_cache import TrackCache
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures
from mevis_bench.records import UsageError


class Alignment(nn.Module):
    """Modules that stage 3 trains."""

    def __init__(self, matcher: Matcher, sentences: SentenceEncoder) -> None:
        super().__init__()
        self.matcher, self.sentences = matcher, sentences


@dataclass(frozen=True, slots=True)
class Batch:
    """Some videos and some sentences of each.

    Attributes:
        videos: Index of each video in the cache, int64 ``(b,)``.
        video_index: Which of the b videos a sentence belongs to, int64 ``(n,)``.
        sentences: Index of each sentence in the cache, int64 ``(n,)``.
    """

    videos: Tensor
    video_index: Tensor
    sentences: Tensor


class BatchSampler:
    """Draws videos that have tracks, and up to ``sentences`` sentences of each.

    Args:
        cache: The split.
        videos: Videos per batch; fewer if the split has fewer.
        sentences: Maximum number of sentences per video.
        allowed: Sentences to draw from, bool ``(n,)``; ``None``: all.

    Raises:
        UsageError: No video has a track.
    """

    def __init__(self, cache: TrackCache, videos: int, sentences: int, allowed: Tensor | None = None) -> None:
        owners = cache.sentence_videos.cpu().numpy()
        mask = np.ones(len(owners), bool) if allowed is None else allowed.cpu().numpy()
        self.by_video = [np.flatnonzero((owners == video) & mask) for video in range(len(cache.tracks.valid))]
        tracked = cache.tracks.valid.any(1).cpu().numpy()
        self.eligible = np.array([v for v, own in enumerate(self.by_video) if tracked[v] and len(own)], dtype=np.int64)
        if not len(self.eligible):
            raise UsageError("no training video has a track", hint="Train the extractor for more steps.")
        self.videos, self.sentences = min(videos, len(self.eligible)), sentences
        self.device = cache.sentence_videos.device

    def __call__(self, rng: np.random.Generator) -> Batch:
        """Draw one batch."""
        videos = rng.choice(self.eligible, self.videos, replace=False)
        drawn = [rng.permutation(self.by_video[video])[: self.sentences] for video in videos]
        video_index = np.repeat(np.arange(len(videos)), [len(sentences) for sentences in drawn])
        arrays = (videos, video_index, np.concatenate(drawn))
        return Batch(*(torch.from_numpy(array).to(self.device) for array in arrays))


def track_targets(cache: TrackCache, videos: Tensor, sentences: Tensor) -> Tensor:
    """Whether a sentence refers to the object of a track: float 0 or 1, ``(n, k)``.

    Args:
        cache: The split.
        videos: Index of each sentence's video in the cache, int64 ``(n,)``.
        sentences: Index of each sentence in the cache, int64 ``(n,)``.
    """
    objects = cache.track_objects[videos]
    referred = cache.sentence_objects[sentences].gather(1, (objects - 1).clamp(min=0))
    return (referred & (objects > 0)).float()


def alignment_losses(
    alignment: Alignment,
    cache: TrackCache,
    batch: Batch,
    tracks: TrackFeatures,
    words: Tensor,
    temperature: float | None,
) -> dict[str, Tensor]:
    """Binary cross-entropy over all pairs of a sentence and a track of its video, and equation 1 over all videos.

    Args:
        alignment: The trained modules.
        cache: Of the training split.
        batch: Indices of videos and sentences.
        tracks: The b videos, augmented.
        words: Word ids of the n sentences, augmented, ``(n, l)``.
        temperature: tau of equation 1; ``None``: without L_con.
    """
    sentences = alignment.sentences(words)
    track_embeddings, _ = alignment.matcher.trajectories(tracks)
    logits = alignment.matcher.compare(track_embeddings, tracks.valid, batch.video_index, sentences)
    targets = track_targets(cache, batch.videos[batch.video_index], batch.sentences)
    valid = tracks.valid[batch.video_index]
    losses = {"bce": F.binary_cross_entropy_with_logits(logits[valid], targets[valid])}
    if temperature is not None:
        losses["con"] = contrastive_loss_across_trajectories(
            track_embeddings, tracks.valid, batch.video_index, sentences, targets > 0, temperature
        )
    return {"loss": total_loss(losses, {"bce": 1.0, "con": LOSS_WEIGHTS["con"]}), **losses}


def contrastive_loss_across_trajectories(
    track_embeddings: Tensor,
    valid: Tensor,
    video_index: Tensor,
    sentences: Tensor,
    referred: Tensor,
    temperature: float,
) -> Tensor:
    """L_con, equation 1, with trajectories in place of <SEG> embeddings, which stage 3 does not have yet.

    P of a sentence are the tracks that it refers to, N all other tracks of the batch, as if gathered across devices.
    The tracks of other videos include motions in another order, which a single video rarely has. A few of them are
    false negatives: the sentence describes them, too.

    Args:
        track_embeddings: Whole trajectories ``(b, k, a)``.
        valid: bool ``(b, k)``, ``False`` on padding.
        video_index: Video of each sentence, int64 ``(n,)``.
        sentences: Sentence features ``(n, a)``.
        referred: Whether a sentence refers to a track of its video, bool ``(n, k)``.
        temperature: tau.
    """
    positives = torch.zeros(len(video_index), *valid.shape, dtype=torch.bool, device=valid.device)
    positives[torch.arange(len(video_index), device=valid.device), video_index] = referred
    positives &= valid
    negatives = ~positives & valid
    return temporal_contrastive_loss(
        sentences, track_embeddings.flatten(0, 1), positives.flatten(1), negatives.flatten(1), temperature
    )


@torch.no_grad()
def match_split(matcher: Matcher, cache: TrackCache, sentences: Tensor) -> Tensor:
    """Select tracks for every sentence of a split by threshold: features ``(n, a)`` to bool ``(n, k)``."""
    return matcher(cache.tracks, cache.sentence_videos, sentences) > 0


@torch.no_grad()
def encode_sentences(encoder: SentenceEncoder, words: Tensor) -> Tensor:
    """Encode all sentences of a split without gradient: word ids ``(n, l)`` to ``(n, a)``."""
    return torch.cat([encoder(part) for part in words.split(512)])


def evaluate_selection(selected: Tensor, cache: TrackCache) -> dict[str, float]:
    """Score selected tracks, bool ``(n, k)`` for all n sentences of a split, by the objects of the tracks.

    Returns:
        ``iou`` of selected and target objects, 1 if both are none; ``exact``: fraction of sentences with IoU 1;
        ``N-acc`` and ``T-acc``; all 0..1, undefined (nan) without sentences.
    """
    objects = cache.track_objects[cache.sentence_videos]
    referred = cache.sentence_objects
    hits = torch.zeros_like(referred, dtype=torch.float)
    hits = hits.scatter_add(1, (objects - 1).clamp(min=0), (selected & (objects > 0)).float()) > 0
    false_tracks = (selected & (objects == 0)).sum(1)
    intersection = (hits & referred).sum(1).float()
    union = (hits | referred).sum(1) + false_tracks
    iou = torch.where(union == 0, 1.0, intersection / union.clamp(min=1))
    no_target = ~referred.any(1)
    empty = ~selected.any(1)
    return {
        "iou": float(iou.mean()),
        "exact": float((iou == 1).float().mean()),
        "N-acc": float(empty[no_target].float().mean()),
        "T-acc": float((~empty[~no_target]).float().mean()),
    }
