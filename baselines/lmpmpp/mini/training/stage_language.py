"""Stages 5 and 6: the language model learns "N_o <SEG> ... <SEG>" (equations 1 and 2 of the paper).

Axes: b videos, k tracks, n sentences, s <SEG> tokens, m matched <SEG> tokens, o objects, p points, a channels of the
aligned space, D hidden channels.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.layers.training.mask_losses import mask_bce, mask_dice
from baselines.lmpmpp.losses import (
    LOSS_WEIGHTS,
    mask_matching_cost,
    optimal_assignment,
    temporal_contrastive_loss,
    total_loss,
)
from baselines.lmpmpp.mini.language_part import LanguagePart, MiniOutput
from baselines.lmpmpp.mini.mask_decoder import assign_tracks
from baselines.lmpmpp.mini.training.stage_alignment import (
    Batch,
    contrastive_loss_across_trajectories,
    track_targets,
)
from baselines.lmpmpp.mini.training.track_cache import TrackCache
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures, scene_positions
from baselines.lmpmpp.prompt import Modality, PromptTokens

ContrastiveTarget = Literal["trajectories", "seg_tokens"]
"""Embeddings that equation 1 compares sentences with: trajectories as in stage 3, so that they keep what they learned
there, and <SEG> tokens."""

MIN_PATH_LENGTH = 0.25
"""An object whose path in the scene is shorter, in frame heights, looks the same in any order of frames."""

IGNORE_INDEX = -100
"""Target of tokens that ``torch.nn.functional.cross_entropy`` ignores."""


@dataclass(frozen=True, slots=True)
class PromptedBatch:
    """Inputs of one step.

    Attributes:
        indices: Videos and sentences in the cache.
        tracks: The b videos, augmented.
        sentences: Frozen text or audio features of the n sentences, ``(n, a)``.
        modality: ``text`` or ``audio``.
    """

    indices: Batch
    tracks: TrackFeatures
    sentences: Tensor
    modality: Modality = "text"


@dataclass(frozen=True, slots=True)
class MatchedSegTokens:
    """<SEG> tokens of a batch, without padding, and their matched objects.

    Attributes:
        sentence: Which of the n sentences, int64 ``(m,)``.
        position: Which of its <SEG> tokens, int64 ``(m,)``.
        object_id: Object matched to it, int64 ``(m,)``, 0-based within its video.
    """

    sentence: Tensor
    position: Tensor
    object_id: Tensor


def language_losses(
    part: LanguagePart,
    cache: TrackCache,
    batch: PromptedBatch,
    rng: np.random.Generator,
    *,
    contrastive: Collection[ContrastiveTarget],
    temperature: float,
    shuffled_videos: int,
) -> dict[str, Tensor]:
    """Equation 2 on one batch, with teacher forcing.

    Args:
        part: The language part.
        cache: Of the training split.
        batch: The batch.
        rng: Draws the disrupted orders of equation 1.
        contrastive: What L_con is computed over; empty in row (ii) of Table 4.
        temperature: tau of equation 1.
        shuffled_videos: The first ``shuffled_videos`` videos of the batch also give disrupted <SEG> tokens.

    Returns:
        The terms by name and their weighted sum ``loss``.
    """
    indices, tracks = batch.indices, batch.tracks
    num_objects = count_objects(part, cache, indices)
    videos = part.prefill_videos(tracks, batch.modality)
    outputs = part(videos, indices.video_index, batch.sentences, num_objects)
    matched, logits, targets = match_seg_tokens(outputs, cache, indices)
    losses = {
        "txt": text_loss(outputs, part.language.prompt),
        "bce": mask_bce(logits, targets).sum() / max(1, len(logits)),
        "dice": mask_dice(logits, targets).sum() / max(1, len(logits)),
    }
    if "seg_tokens" in contrastive:
        disrupted = shuffled_seg_tokens(part, matched, cache, batch, rng, shuffled_videos)
        seg_states = outputs.seg_states[matched.sentence, matched.position]
        losses["con"] = contrastive_loss_within_video(part, seg_states, matched, cache, batch, disrupted, temperature)
    if "trajectories" in contrastive:
        referred = track_targets(cache, indices.videos[indices.video_index], indices.sentences) > 0
        losses["con_trajectories"] = contrastive_loss_across_trajectories(
            videos.track_embeddings, tracks.valid, indices.video_index, batch.sentences, referred, temperature
        )
    weights = {**LOSS_WEIGHTS, "con_trajectories": LOSS_WEIGHTS["con"]}
    return {"loss": total_loss(losses, weights), **losses}


def count_objects(part: LanguagePart, cache: TrackCache, indices: Batch) -> Tensor:
    """Ground-truth N_o of each sentence, at most N_max: int64 ``(n,)``."""
    return cache.sentence_objects[indices.sentences].sum(1).clamp(max=part.language.config.max_objects)


def text_loss(outputs: MiniOutput, prompt: PromptTokens) -> Tensor:
    """L_txt: autoregressive cross-entropy of N_o, the <SEG> tokens and the end of sequence; mean over all tokens."""
    n, length = outputs.logits.shape[:2]
    device = outputs.num_objects.device
    position = torch.arange(length, device=device)[None]
    num_objects = outputs.num_objects[:, None]
    targets = torch.full((n, length), prompt.seg, device=device)
    targets[:, 0] = torch.tensor(prompt.numerals, device=device)[outputs.num_objects]
    targets = targets.masked_fill(position == num_objects + 1, prompt.end)
    targets = targets.masked_fill(position > num_objects + 1, IGNORE_INDEX)
    return F.cross_entropy(outputs.logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE_INDEX)


def match_seg_tokens(outputs: MiniOutput, cache: TrackCache, indices: Batch) -> tuple[MatchedSegTokens, Tensor, Tensor]:
    """Match each sentence's <SEG> masks to its target objects: the order of <SEG> tokens is arbitrary.

    Returns:
        The matched <SEG> tokens, and the mask logits and targets (0 or 1) of each at the cache's points, ``(m, p)``.
    """
    track_logits = cache.point_logits[indices.videos]
    labels = cache.point_objects[indices.videos]
    referred = cache.sentence_objects[indices.sentences]
    empty = indices.video_index[:0]
    sentences, positions, object_ids = [empty], [empty], [empty]
    all_logits, all_targets = [track_logits[:0, 0]], [track_logits[:0, 0]]
    for count in outputs.num_objects.unique().tolist():
        if count == 0:
            continue
        group = (outputs.num_objects == count).nonzero()[:, 0]
        videos = indices.video_index[group]
        logits = outputs.track_weights[group, :count] @ track_logits[videos]
        ids = referred[group].float().topk(count, dim=1).indices
        targets = (labels[videos][:, None] == ids[..., None] + 1).float()
        with torch.no_grad():
            assignment = optimal_assignment(mask_matching_cost(logits, targets))
        sentences.append(group.repeat_interleave(count))
        positions.append(torch.arange(count, device=group.device).repeat(len(group)))
        object_ids.append(ids.gather(1, assignment).flatten())
        all_logits.append(logits.flatten(0, 1))
        all_targets.append(targets.gather(1, assignment[..., None].expand_as(targets)).flatten(0, 1))
    matched = MatchedSegTokens(torch.cat(sentences), torch.cat(positions), torch.cat(object_ids))
    return matched, torch.cat(all_logits), torch.cat(all_targets)


def contrastive_loss_within_video(
    part: LanguagePart,
    seg_states: Tensor,
    matched: MatchedSegTokens,
    cache: TrackCache,
    batch: PromptedBatch,
    disrupted: tuple[Tensor, Tensor],
    temperature: float,
) -> Tensor:
    """L_con, equation 1, between sentences and the <SEG> tokens of their own video.

    P of a sentence are its own <SEG> tokens. N are the <SEG> tokens of other objects of the same video, and the
    sentence's own ones of the shuffled video. <SEG> tokens of other videos are not in N, because the sentence that
    each has read identifies it.

    Args:
        part: The language part.
        seg_states: States of the matched <SEG> tokens, ``(m, D)``.
        matched: The matched <SEG> tokens.
        cache: Of the training split.
        batch: The batch.
        disrupted: Of ``shuffled_seg_tokens``.
        temperature: tau.
    """
    indices, device = batch.indices, batch.sentences.device
    sentence_ids = torch.arange(len(batch.sentences), device=device)[:, None]
    own = matched.sentence[None] == sentence_ids
    same_video = indices.video_index[:, None] == indices.video_index[matched.sentence][None]
    referred = cache.sentence_objects[indices.sentences]
    other_object = same_video & ~referred[:, matched.object_id]
    disrupted_states, owner = disrupted
    own_disrupted = owner[None] == sentence_ids
    return temporal_contrastive_loss(
        batch.sentences,
        part.contrast(torch.cat((seg_states, disrupted_states))),
        torch.cat((own, torch.zeros_like(own_disrupted)), dim=1),
        torch.cat((other_object, own_disrupted), dim=1),
        temperature,
    )


def shuffled_seg_tokens(
    part: LanguagePart,
    matched: MatchedSegTokens,
    cache: TrackCache,
    batch: PromptedBatch,
    rng: np.random.Generator,
    shuffled_videos: int,
) -> tuple[Tensor, Tensor]:
    """Disrupted <SEG> tokens: the same sentences on videos whose object embeddings are shuffled along time.

    Objects that hardly move give none: "stays still" describes the shuffled video as well.

    Returns:
        <SEG> states ``(m', D)`` and the sentence of each, int64 ``(m',)``.
    """
    indices, device = batch.indices, batch.sentences.device
    tracks = batch.tracks.select(torch.arange(shuffled_videos, device=device))
    time_steps = np.arange(tracks.present.shape[2])
    order = torch.from_numpy(rng.permuted(np.tile(time_steps, (len(tracks.valid), 1)), axis=1)).to(device)
    inside = (indices.video_index < shuffled_videos).nonzero()[:, 0]
    num_objects = count_objects(part, cache, indices)
    videos = part.prefill_videos(tracks.shuffled(order), batch.modality)
    outputs = part(videos, indices.video_index[inside], batch.sentences[inside], num_objects[inside])
    moving = path_lengths(tracks) > MIN_PATH_LENGTH
    track_objects = cache.track_objects[indices.videos[:shuffled_videos]]
    kept = indices.video_index[matched.sentence] < shuffled_videos
    sentence, position, object_id = matched.sentence[kept], matched.position[kept], matched.object_id[kept]
    video_index = indices.video_index[sentence]
    moves = ((track_objects[video_index] == object_id[:, None] + 1) & moving[video_index]).any(1)
    sentence, position = sentence[moves], position[moves]
    return outputs.seg_states[torch.searchsorted(inside, sentence), position], sentence


def path_lengths(tracks: TrackFeatures) -> Tensor:
    """Length of every track's path in the scene, in frame heights: ``(b, k)``."""
    positions = scene_positions(tracks)
    return (positions[:, :, 1:] - positions[:, :, :-1]).norm(dim=-1).sum(-1)


@torch.no_grad()
def predict_split(
    part: LanguagePart, cache: TrackCache, sentences: Tensor, modality: Modality = "text", chunk: int = 64
) -> Tensor:
    """Select tracks for every sentence of a split, with greedy decoding.

    Args:
        part: The language part.
        cache: The split; sentences are ordered by video.
        sentences: Text or audio features, ``(n, a)``.
        modality: ``text`` or ``audio``.
        chunk: Videos per forward pass.

    Returns:
        bool ``(n, k)``.
    """
    selected = []
    for first in range(0, len(cache.tracks.valid), chunk):
        last = min(first + chunk, len(cache.tracks.valid)) - 1
        chunk_sentences = ((cache.sentence_videos >= first) & (cache.sentence_videos <= last)).nonzero()[:, 0]
        video_index = cache.sentence_videos[chunk_sentences] - first
        tracks = cache.tracks.select(torch.arange(first, last + 1, device=sentences.device))
        videos = part.prefill_videos(tracks, modality)
        outputs = part(videos, video_index, sentences[chunk_sentences])
        tracks_of_sentence = torch.zeros_like(videos.valid[video_index])
        rows = zip(tracks_of_sentence, outputs.track_weights, outputs.num_objects.tolist(), strict=True)
        for row, track_weights, num_objects in rows:
            row[assign_tracks(track_weights, num_objects)] = True
        selected.append(tracks_of_sentence)
    return torch.cat(selected)
