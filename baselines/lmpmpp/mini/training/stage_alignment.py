"""Stage 3: trajectories and sentences meet in one space, so that their dot product says "this one is meant".

The idea of equation 1, tried on every pair of a track and a sentence of its video. What comes out is a trajectory
encoder, the text encoder that is frozen from here on, and row (i) of the paper's Table 4: motion aggregation with a
matching threshold. Axes: b videos, k tracks, n sentences, a channels.
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
    """What stage 3 trains: trajectories on one side, sentences on the other."""

    def __init__(self, matcher: Matcher, sentences: SentenceEncoder) -> None:
        super().__init__()
        self.matcher, self.sentences = matcher, sentences


@dataclass(frozen=True, slots=True)
class Batch:
    """Some videos and some sentences about each.

    Attributes:
        videos: Index of each video in the cache, int64 ``(b,)``.
        rows: Which of the b videos a sentence is about, int64 ``(n,)``.
        sentences: Index of each sentence in the cache, int64 ``(n,)``.
    """

    videos: Tensor
    rows: Tensor
    sentences: Tensor


class BatchSampler:
    """Draws videos in which objects were found, and up to a number of sentences of each.

    ``among``: the sentences to draw from, bool ``(n,)``; ``None``: all.
    """

    def __init__(self, cache: TrackCache, videos: int, sentences: int, among: Tensor | None = None) -> None:
        owners = cache.sentence_videos.cpu().numpy()
        allowed = np.ones(len(owners), bool) if among is None else among.cpu().numpy()
        self.by_video = [np.flatnonzero((owners == video) & allowed) for video in range(len(cache.tracks.valid))]
        seen = cache.tracks.valid.any(1).cpu().numpy()
        self.seen = np.array([v for v, own in enumerate(self.by_video) if seen[v] and len(own)], dtype=np.int64)
        if not len(self.seen):
            raise UsageError("no object was found in any training video", hint="Train the extractor for more steps.")
        self.videos, self.sentences = min(videos, len(self.seen)), sentences
        self.device = cache.sentence_videos.device

    def __call__(self, rng: np.random.Generator) -> Batch:
        """Draw one batch."""
        videos = rng.choice(self.seen, self.videos, replace=False)
        chosen = [rng.permutation(self.by_video[video])[: self.sentences] for video in videos]
        rows = np.repeat(np.arange(len(videos)), [len(part) for part in chosen])
        arrays = (videos, rows, np.concatenate(chosen))
        return Batch(*(torch.from_numpy(array).to(self.device) for array in arrays))


def track_targets(cache: TrackCache, videos: Tensor, sentences: Tensor) -> Tensor:
    """Tell which tracks show an object that a sentence means: float ``(n, k)``; ``videos`` ``(n,)``: theirs."""
    shown = cache.track_objects[videos]
    referred = cache.sentence_objects[sentences].gather(1, (shown - 1).clamp(min=0))
    return (referred & (shown > 0)).float()


def alignment_losses(
    alignment: Alignment, cache: TrackCache, batch: Batch, tracks: TrackFeatures, words: Tensor, *, contrastive: bool
) -> dict[str, Tensor]:
    """Binary cross-entropy over all pairs of a sentence and a track of its video, and equation 1 over all videos.

    Args:
        alignment: Trained here.
        cache: Of the training split.
        batch: Which videos and sentences.
        tracks: Their b videos as they are shown.
        words: Their n sentences as they are said, ``(n, l)``.
        contrastive: Whether L_con is in the sum.
    """
    features = alignment.sentences(words)
    whole, _ = alignment.matcher.trajectories(tracks)
    logits = alignment.matcher.compare(whole, tracks.valid, batch.rows, features)
    targets = track_targets(cache, batch.videos[batch.rows], batch.sentences)
    valid = tracks.valid[batch.rows]
    parts = {"bce": F.binary_cross_entropy_with_logits(logits[valid], targets[valid])}
    if contrastive:
        parts["con"] = trajectory_contrastive_loss(whole, tracks.valid, batch.rows, features, targets > 0)
    return {"loss": total_loss(parts, {"bce": 1.0, "con": LOSS_WEIGHTS["con"]}), **parts}


def trajectory_contrastive_loss(
    whole: Tensor, valid: Tensor, rows: Tensor, features: Tensor, referred: Tensor
) -> Tensor:
    """L_con, equation 1, with trajectories in the place of <SEG> embeddings, which stage 3 has not yet.

    N are all other trajectories of the batch, as if gathered from other devices. Among those of other videos are moves
    in another order, which a video alone seldom holds. A sentence may well be true of one of them: there are few such.

    Args:
        whole: Encoded trajectories ``(b, k, a)``.
        valid: Which of them exist, bool ``(b, k)``.
        rows: Index of each sentence's video, int64 ``(n,)``.
        features: Sentence features ``(n, a)``.
        meant: Which tracks of its video a sentence means, bool ``(n, k)``.
    """
    positives = torch.zeros(len(rows), *valid.shape, dtype=torch.bool, device=valid.device)
    positives[torch.arange(len(rows), device=valid.device), rows] = referred
    positives &= valid
    negatives = ~positives & valid
    return temporal_contrastive_loss(features, whole.flatten(0, 1), positives.flatten(1), negatives.flatten(1))


@torch.no_grad()
def match_all(matcher: Matcher, cache: TrackCache, features: Tensor) -> Tensor:
    """Choose tracks for every sentence of a split by threshold: bool ``(n, k)``."""
    return matcher(cache.tracks, cache.sentence_videos, features) > 0


@torch.no_grad()
def sentence_features(sentences: SentenceEncoder, words: Tensor) -> Tensor:
    """Encode all sentences of a split with the text encoder as it is: ``(n, a)``."""
    return torch.cat([sentences(part) for part in words.split(512)])


def selection_quality(chosen: Tensor, cache: TrackCache) -> dict[str, float]:
    """Score a choice of tracks, bool ``(n, k)`` for all n sentences, by the objects the tracks show.

    Returns:
        ``iou`` of chosen and meant objects, 1 where both are none; ``exact``: share of sentences answered exactly;
        ``N-acc`` and ``T-acc``.
    """
    shown = cache.track_objects[cache.sentence_videos]
    referred = cache.sentence_objects
    picked = torch.zeros_like(referred, dtype=torch.float)
    picked = picked.scatter_add(1, (shown - 1).clamp(min=0), (chosen & (shown > 0)).float()) > 0
    ghosts = (chosen & (shown == 0)).sum(1)
    both = (picked & referred).sum(1).float()
    either = (picked | referred).sum(1) + ghosts
    iou = torch.where(either == 0, 1.0, both / either.clamp(min=1))
    none = ~referred.any(1)
    empty = ~chosen.any(1)
    return {
        "iou": float(iou.mean()),
        "exact": float((iou == 1).float().mean()),
        "N-acc": float(empty[none].float().mean()),
        "T-acc": float((~empty[~none]).float().mean()),
    }
