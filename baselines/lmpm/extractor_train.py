"""Training of LMPM's clip module on cached outputs of a frozen extractor (variant ``mini-extractor``).

What LMPM learns in its clip module is learned alike: its losses, with the queries of frames given. The frame losses are
left out, because nothing in the frames learns. All sentences of a video go through the module together. Axes: s
sentences, t frames, q queries of a frame, n objects.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor

from baselines.layers.checkpoints.weights_file import save_weights
from baselines.layers.inference.query_segmenter import QuerySegmenter
from baselines.layers.nn.text_encoder import Tokenizer
from baselines.layers.options import Count, Fraction, Rate
from baselines.layers.training.clip_training import existing_file
from baselines.layers.training.point_sampling import uniform_points
from baselines.layers.training.set_criterion import Pairs, SetOutputs, match_set
from baselines.layers.training.trajectory_criterion import (
    TrajectoryConfig,
    TrajectoryIndices,
    clip_masks,
    set_prediction_losses,
    similarity_loss,
)
from baselines.layers.training.trajectory_outputs import TrajectoryOutputs
from baselines.layers.training.trajectory_recipe import decayed_groups
from baselines.layers.training.trajectory_targets import TrajectoryTargets
from baselines.layers.training.vocabulary import training_tokenizer
from baselines.lmpm.config import SIZES
from baselines.lmpm.extractor_network import ExtractorLmpm
from baselines.lmpm.frame_cache import FrameCache, open_frame_cache
from baselines.lmpm.losses import total_loss
from baselines.lmpm.method import extractor_settings, sentence_ids, text_reader
from baselines.lmpm.options import Options
from baselines.lmpmpp.mini.checkpoint import load_mini
from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.training.training_cache import CachedVideo, TrainingCache, open_cache
from mevis_bench.records import TrainingArguments, UsageError
from mevis_bench.records.schedules import MultiStepSchedule
from mevis_bench.records.training import SamplePosition, TrainingStage

SHIPPED = Path(__file__).parents[1] / "lmpmpp" / "weights" / "mini.safetensors"
"""LMPM++ mini's weights, of which the extractor is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractorTrainOptions:
    """Options of a training (``configs/train/lmpm-mini-extractor.yaml``).

    Attributes:
        steps: Optimizer steps.
        batch_size: Videos per step.
        sentences: Upper bound of a video's sentences that are seen together.
        sampling_frame_num: Frames of a clip, spread over the whole video.
        base_lr: Learning rate.
        weight_decay: Of all parameters but norms and embeddings.
        milestones: Shares of the training, 0..1, after which the rate is divided by ten.
        clip_value: Largest norm of the whole gradient.
        losses: Matching costs, weights and sampling of points.
        extractor: Weights of LMPM++ mini; ``None``: those that are shipped.
        val_videos: Videos of the validation split that are evaluated; 0: no evaluation.
        evaluate_every: Steps between two evaluations.
        log_every: Steps between two points of the loss curve.
        save_every: Steps between two checkpoints.
    """

    steps: Count
    batch_size: Count
    sentences: Count
    sampling_frame_num: Count
    base_lr: Rate
    weight_decay: Rate
    milestones: tuple[Fraction, ...]
    clip_value: Rate
    losses: TrajectoryConfig
    extractor: str | None
    val_videos: Annotated[int, Meta(ge=0)]
    evaluate_every: Count
    log_every: Count
    save_every: Count


@dataclass(frozen=True, slots=True, eq=False)
class CachedClip:
    """A sample.

    Attributes:
        name: Video and expressions, for messages.
        queries: ``(t, q, c)``.
        fine: ``(t, c, h, w)``.
        labels: uint8 ``(t, H, W)``: 0 background, i + 1 the i-th object.
        objects: uint8 ``(t, q)``, object of each query.
        texts: ``s`` sentences.
        referred: Indices of the objects of each sentence; none: no target.
    """

    name: str
    queries: Tensor
    fine: Tensor
    labels: Tensor
    objects: Tensor
    texts: tuple[str, ...]
    referred: tuple[tuple[int, ...], ...]


def train_on_extractor(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write weights and tokenizer.

    Raises:
        MissingWeightsError: The extractor's file is missing.
        DataError: It is not LMPM++ mini's, or the videos of the split differ in size.
        UsageError: The split has no sentence.
    """
    options: ExtractorTrainOptions = arguments.options
    variant: Options = arguments.method_options
    device = arguments.device
    torch.manual_seed(arguments.seed)
    network = ExtractorLmpm(SIZES[variant.size])
    weights = existing_file(options.extractor, "extractor") if options.extractor else SHIPPED
    network.extractor.load_state_dict(load_mini(weights)[0].extractor.state_dict())
    network.to(device)
    tokenizer = training_tokenizer(arguments, None, SIZES[variant.size].text.vocab_size)
    folder = arguments.out / "cache"
    split = open_cache(arguments.data, MINI.extractor, folder)
    identity = f"{arguments.data.fingerprint} {hashlib.sha256(weights.read_bytes()).hexdigest()}"
    frames = open_frame_cache(
        network, split, folder, identity, device, lambda done, all: arguments.progress("frames", done, all, {})
    )
    videos = [video for video in split.videos if video.sentences]
    if not videos:
        raise UsageError("the split has no sentence")

    def sample(rng: np.random.Generator, position: SamplePosition) -> CachedClip:
        return draw_cached_clip(videos[int(rng.integers(len(videos)))], split, frames, options, rng)

    def loss_fn(clips: list[CachedClip]) -> dict[str, Tensor]:
        return clip_losses(network, tokenizer, clips, options.losses, device)

    settings = extractor_settings(variant)
    read = text_reader(network, tokenizer, device)
    stage = TrainingStage(
        name="clip module",
        module=network,
        groups=decayed_groups(network, options.base_lr, options.weight_decay),
        sample=sample,
        sample_name=lambda clip: clip.name,
        loss_fn=loss_fn,
        steps=options.steps,
        batch_size=options.batch_size,
        schedule=MultiStepSchedule(options.milestones),
        max_gradient_norm=options.clip_value,
        log_every=options.log_every,
        save_every=options.save_every,
        evaluate=(
            (lambda: arguments.evaluate(QuerySegmenter(network, read, settings, device), options.val_videos))
            if options.val_videos
            else None
        ),
        evaluate_every=options.evaluate_every,
        best_metric="J&F" if options.val_videos else None,
    )
    arguments.trainer.fit(stage)
    if arguments.trainer.is_main_process:
        metadata = {"data_fingerprint": arguments.data.fingerprint, "seed": str(arguments.seed)}
        save_weights(network.state_dict(), arguments.out / "model.safetensors", metadata)


def draw_cached_clip(
    video: CachedVideo,
    split: TrainingCache,
    frames: FrameCache,
    options: ExtractorTrainOptions,
    rng: np.random.Generator,
) -> CachedClip:
    """Draw some sentences of a video, with frames spread over it; frames of a shorter one repeat."""
    chosen = np.linspace(0, video.length - 1, options.sampling_frame_num).round().astype(int) + video.start
    order = rng.permutation(len(video.sentences))[: options.sentences]
    sentences = [video.sentences[int(number)] for number in order]
    return CachedClip(
        f"{video.id}/{','.join(sentence.id for sentence in sentences)}",
        torch.from_numpy(frames.queries[chosen]).float(),
        torch.from_numpy(frames.fine[chosen]).float(),
        torch.from_numpy(split.labels[chosen]),
        torch.from_numpy(frames.objects[chosen]),
        tuple(sentence.text for sentence in sentences),
        tuple(sentence.objects for sentence in sentences),
    )


def clip_losses(
    network: ExtractorLmpm, tokenizer: Tokenizer, clips: Sequence[CachedClip], config: TrajectoryConfig, device: str
) -> dict[str, Tensor]:
    """Losses of a micro-batch, means over its videos: LMPM's of the clip decoder's layers and the similarity."""
    sums: dict[str, Tensor] = {}
    for clip in clips:
        for name, value in _losses(network, tokenizer, clip, config, device).items():
            sums[name] = sums.get(name, torch.zeros((), device=device)) + value / len(clips)
    return {"loss": total_loss(sums, config), **sums}


def _losses(
    network: ExtractorLmpm, tokenizer: Tokenizer, clip: CachedClip, config: TrajectoryConfig, device: str
) -> dict[str, Tensor]:
    tokens = [sentence_ids(tokenizer, text) for text in clip.texts]
    ids, mask = (torch.cat(rows).to(device) for rows in zip(*tokens, strict=True))
    sentence = network.encode_text(ids, mask)
    module, count = network.vita_module, len(clip.texts)
    encoded = module.encode(clip.queries[None].to(device), sentence, shifting=False).expand(count, -1, -1, -1)
    layers = list(module.layer_queries(encoded, sentence))
    fine = network.mask_features(clip.fine.to(device))
    outputs = TrajectoryOutputs(
        frame=[],
        clip=[
            SetOutputs(module.class_logits(x, sentence), torch.einsum("skc,tchw->skthw", module.mask_embed(x), fine))
            for x in layers
        ],
        frame_embeddings=module.sim_embed_frame(encoded)[None],
        clip_embeddings=module.sim_embed_clip(layers[-1])[None],
    )
    targets = [sentence_targets(clip.labels, referred).to(device) for referred in clip.referred]
    matched = [match_set(layer, clip_masks(targets, 1), config, uniform_points) for layer in outputs.clip]
    losses = set_prediction_losses(outputs, targets, TrajectoryIndices([], matched), config)
    pairs = [
        pair
        for target, referred in zip(targets, clip.referred, strict=True)
        for pair in frame_pairs(clip.objects, clip.labels, target, referred)
    ]
    return losses | {"loss_clip_sim": similarity_loss(outputs, targets, TrajectoryIndices([pairs], matched))}


def sentence_targets(labels: Tensor, referred: Sequence[int]) -> TrajectoryTargets:
    """Objects of a sentence from label maps ``(t, H, W)``; see ``TrajectoryTargets.from_objects``."""
    numbers = torch.tensor(referred, dtype=torch.long)
    masks = (labels[None] == (numbers + 1)[:, None, None, None]).float()
    return TrajectoryTargets.from_objects(masks, numbers)


def frame_pairs(objects: Tensor, labels: Tensor, target: TrajectoryTargets, referred: Sequence[int]) -> list[Pairs]:
    """Queries of each frame that show an object of a sentence, and its row among those that the frame shows."""
    shown = [number for number in referred if bool((labels == number + 1).any())]
    pairs = []
    for frame in range(len(labels)):
        numbers = [shown[int(row)] + 1 for row in target.in_frame(frame)]
        rows = {number: row for row, number in enumerate(numbers)}
        found = [(query, rows[int(number)]) for query, number in enumerate(objects[frame]) if int(number) in rows]
        queries, columns = zip(*found, strict=True) if found else ((), ())
        device = target.ids.device
        pairs.append(
            (
                torch.tensor(queries, dtype=torch.long, device=device),
                torch.tensor(columns, dtype=torch.long, device=device),
            )
        )
    return pairs
