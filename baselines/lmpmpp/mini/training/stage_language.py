"""Stages 5 and 6: the language model learns to answer "N_o <SEG> ... <SEG>" (equations 1 and 2 of the paper).

Axes: b videos, k tracks, n sentences, s <SEG> tokens, o objects, p points, a channels of the aligned space.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.lmpmpp.losses import (
    LOSS_WEIGHTS,
    mask_bce,
    mask_dice,
    optimal_assignment,
    pairwise_bce,
    pairwise_dice,
    temporal_contrastive_loss,
    total_loss,
)
from baselines.lmpmpp.mini.language_part import Answers, LanguagePart, ReadVideos
from baselines.lmpmpp.mini.mask_decoder import assign_tracks
from baselines.lmpmpp.mini.training.stage_alignment import Batch, track_targets, trajectory_contrastive_loss
from baselines.lmpmpp.mini.training.track_cache import TrackCache
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures, scene_places

Contrasted = Literal["trajectories", "segments"]
"""What equation 1 sets a sentence against: trajectories as in stage 3, so that they keep what they have learned there
while the language model learns, and <SEG> tokens."""

STILL = 0.25
"""An object whose path in the scene is shorter than this, in frame heights, looks the same in any order of frames."""


@dataclass(frozen=True, slots=True)
class Segments:
    """The <SEG> tokens of a batch that mean something, one row each.

    Attributes:
        sentence: Which of the n sentences, int64 ``(m,)``.
        slot: Which of its <SEG> tokens, int64 ``(m,)``.
        object: The true object matched to it, int64 ``(m,)``, 0-based within its video.
    """

    sentence: Tensor
    slot: Tensor
    object: Tensor


def language_losses(
    part: LanguagePart,
    cache: TrackCache,
    batch: Batch,
    tracks: TrackFeatures,
    text: Tensor,
    rng: np.random.Generator,
    *,
    contrastive: Collection[Contrasted],
    shuffled_videos: int,
    modality: str = "text",
) -> dict[str, Tensor]:
    """Equation 2 on one batch, the answers forced to the true N_o.

    Args:
        part: The language part.
        cache: Of the training split.
        batch: Which videos and sentences.
        tracks: The b videos as they are shown.
        text: Frozen text or audio features of the n sentences, ``(n, a)``.
        rng: Draws the disrupted orders of equation 1.
        contrastive: What L_con is taken over: nothing in row (ii) of Table 4.
        shuffled_videos: The first so many videos of the batch also give disrupted <SEG> tokens.
        modality: ``text`` or ``audio``.
    """
    referred = cache.sentence_objects[batch.sentences]
    counts = referred.sum(1).clamp(max=part.language.size.max_objects)
    read = part.read_videos(tracks, modality)
    said = part.answer(read, batch.rows, text, counts, modality)
    segments, masks = match_segments(said, cache, batch, referred)
    logits, targets = masks
    parts = {
        "txt": text_loss(part, said),
        "bce": mask_bce(logits, targets).sum() / max(1, len(logits)),
        "dice": mask_dice(logits, targets).sum() / max(1, len(logits)),
    }
    if "segments" in contrastive:
        disrupted = disrupted_segments(part, segments, cache, batch, tracks, text, rng, shuffled_videos, modality)
        parts["con"] = contrastive_loss(part, said, segments, cache, batch, text, disrupted)
    if "trajectories" in contrastive:
        shown = track_targets(cache, batch.videos[batch.rows], batch.sentences) > 0
        parts["con_trajectories"] = trajectory_contrastive_loss(read.aligned, tracks.valid, batch.rows, text, shown)
    weights = {**LOSS_WEIGHTS, "con_trajectories": LOSS_WEIGHTS["con"]}
    return {"loss": total_loss(parts, weights), **parts}


def text_loss(part: LanguagePart, said: Answers) -> Tensor:
    """L_txt: autoregressive cross-entropy of N_o, the <SEG> tokens and the end of the answer."""
    prompt = part.language.prompt
    n, steps = said.logits.shape[:2]
    place = torch.arange(steps, device=said.counts.device)[None]
    counts = said.counts[:, None]
    target = torch.full((n, steps), prompt.seg, device=said.counts.device)
    target[:, 0] = torch.tensor(prompt.numerals, device=target.device)[said.counts]
    target = target.masked_fill(place == counts + 1, prompt.end).masked_fill(place > counts + 1, -100)
    return F.cross_entropy(said.logits.flatten(0, 1), target.flatten(), ignore_index=-100)


def match_segments(
    said: Answers, cache: TrackCache, batch: Batch, referred: Tensor
) -> tuple[Segments, tuple[Tensor, Tensor]]:
    """Match each sentence's <SEG> masks to its true objects: the order of <SEG> tokens means nothing.

    Returns:
        The matched <SEG> tokens, and mask logits and true masks of each at the cache's points, ``(m, p)``.
    """
    points = cache.point_logits[batch.videos]
    ground_truth = cache.point_objects[batch.videos]
    none = batch.rows[:0]
    sentences, slots, objects = [none], [none], [none]
    all_logits, all_targets = [points[:0, 0]], [points[:0, 0]]
    for count in said.counts.unique().tolist():
        if count == 0:
            continue
        chosen = (said.counts == count).nonzero()[:, 0]
        rows = batch.rows[chosen]
        logits = said.shares[chosen, :count] @ points[rows]
        things = referred[chosen].float().topk(count, dim=1).indices
        targets = (ground_truth[rows][:, None] == things[..., None] + 1).float()
        with torch.no_grad():
            cost = 2 * pairwise_bce(logits, targets) + 0.5 * pairwise_dice(logits, targets)
            order = optimal_assignment(cost)
        sentences.append(chosen.repeat_interleave(count))
        slots.append(torch.arange(count, device=chosen.device).repeat(len(chosen)))
        objects.append(things.gather(1, order).flatten())
        all_logits.append(logits.flatten(0, 1))
        all_targets.append(targets.gather(1, order[..., None].expand_as(targets)).flatten(0, 1))
    segments = Segments(torch.cat(sentences), torch.cat(slots), torch.cat(objects))
    return segments, (torch.cat(all_logits), torch.cat(all_targets))


def contrastive_loss(
    part: LanguagePart,
    said: Answers,
    segments: Segments,
    cache: TrackCache,
    batch: Batch,
    text: Tensor,
    disrupted: tuple[Tensor, Tensor],
) -> Tensor:
    """L_con, equation 1: sentences against their own <SEG>, those of other objects, and time-shuffled ones.

    Other objects are those of the same video: a <SEG> of another video is told by the sentence that it has read.
    ``disrupted``: of ``disrupted_segments``.
    """
    tokens = said.seg[segments.sentence, segments.slot]
    own = segments.sentence[None] == torch.arange(len(text), device=text.device)[:, None]
    same_video = batch.rows[:, None] == batch.rows[segments.sentence][None]
    referred = cache.sentence_objects[batch.sentences]
    other_object = same_video & ~referred[:, segments.object]
    states, owner = disrupted
    all_tokens = part.contrast(torch.cat((tokens, states)))
    none = torch.zeros(len(text), len(states), dtype=torch.bool, device=text.device)
    shuffled = owner[None] == torch.arange(len(text), device=text.device)[:, None]
    return temporal_contrastive_loss(
        text, all_tokens, torch.cat((own, none), dim=1), torch.cat((other_object, shuffled), dim=1)
    )


def disrupted_segments(
    part: LanguagePart,
    segments: Segments,
    cache: TrackCache,
    batch: Batch,
    tracks: TrackFeatures,
    text: Tensor,
    rng: np.random.Generator,
    shuffled_videos: int,
    modality: str,
) -> tuple[Tensor, Tensor]:
    """Ask the same questions about videos whose object embeddings are shuffled along time.

    Objects that hardly move give no disrupted token: "stays still" is as true of a shuffled video.

    Returns:
        <SEG> states ``(m', D)`` and the sentence of each, int64 ``(m',)``.
    """
    tracks = tracks.of(torch.arange(shuffled_videos, device=text.device))
    steps = tracks.present.shape[2]
    order = torch.from_numpy(rng.permuted(np.tile(np.arange(steps), (len(tracks.valid), 1)), axis=1)).to(text.device)
    inside = (batch.rows < shuffled_videos).nonzero()[:, 0]
    counts = cache.sentence_objects[batch.sentences].sum(1).clamp(max=part.language.size.max_objects)
    shuffled = part.read_videos(tracks.shuffled(order), modality)
    said = part.answer(shuffled, batch.rows[inside], text[inside], counts[inside], modality)
    moving = path_lengths(tracks) > STILL
    shown = cache.track_objects[batch.videos[:shuffled_videos]]
    keep = batch.rows[segments.sentence] < shuffled_videos
    sentence, slot, thing = segments.sentence[keep], segments.slot[keep], segments.object[keep]
    rows = batch.rows[sentence]
    moves = ((shown[rows] == thing[:, None] + 1) & moving[rows]).any(1)
    sentence, slot = sentence[moves], slot[moves]
    place = torch.searchsorted(inside, sentence)
    return said.seg[place, slot], sentence


def path_lengths(tracks: TrackFeatures) -> Tensor:
    """Length of every track's path in the scene, in frame heights: ``(b, k)``."""
    places = scene_places(tracks)
    return (places[:, :, 1:] - places[:, :, :-1]).norm(dim=-1).sum(-1)


@torch.no_grad()
def answer_all(
    part: LanguagePart, cache: TrackCache, features: Tensor, modality: str = "text", chunk: int = 64
) -> tuple[Tensor, Tensor]:
    """Answer every sentence of a split greedily.

    Returns:
        Chosen tracks, bool ``(n, k)``, and N_o ``(n,)``.
    """
    chosen, counts = [], []
    for first in range(0, len(cache.tracks.valid), chunk):
        videos = torch.arange(first, min(first + chunk, len(cache.tracks.valid)), device=features.device)
        sentences = ((cache.sentence_videos >= first) & (cache.sentence_videos <= videos[-1])).nonzero()[:, 0]
        rows = cache.sentence_videos[sentences] - first
        read: ReadVideos = part.read_videos(cache.tracks.of(videos), modality)
        said = part.answer(read, rows, features[sentences], modality=modality)
        picked = torch.zeros_like(read.valid[rows])
        for row, shares, count in zip(picked, said.shares, said.counts.tolist(), strict=True):
            row[assign_tracks(shares, count)] = True
        chosen.append(picked)
        counts.append(said.counts)
    return torch.cat(chosen), torch.cat(counts)
