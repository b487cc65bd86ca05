"""The training of ReferFormer and its successors, from a method's network and predictions to its weights file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import torch
from torch import Tensor

from baselines.layers.inference.clip_segmenter import ClipModel, ClipSegmenter, ClipSettings
from baselines.layers.inference.encoders import Encoders
from baselines.layers.nn.text_encoder import Tokenizer
from baselines.layers.training.clip_sampling import Augmentation, ClipIndex, ClipSampler, ClipSentence, SampledClip
from baselines.layers.training.clip_training import ClipStage, drop_schedule, fit
from baselines.layers.training.prompted_clips import EncodedClip, encode_clip
from baselines.layers.training.query_training import (
    NetworkT,
    Objective,
    QueryTrainOptions,
    clip_anchors,
    clip_frames,
    clip_losses,
    freeze_stem,
    parameter_groups,
    query_objective,
    start_from,
)
from mevis_bench.records import TrainingArguments


@dataclass(frozen=True, slots=True)
class SentenceRecipe(Generic[NetworkT]):
    """Contributions of a method.

    Attributes:
        name: Name of the method, of its stage and of its weights file.
        network: With random weights.
        encoders: On which it is built.
        load_checkpoint: Reads the weights of the network from a file.
        key: The authors' key of a key of the network.
        predict_layers: Predicts for an encoded sentence in an encoded clip with every decoder layer.
        model: Makes the model of the network, its tokenizer and its device, for evaluations.
        augmentation: The transforms of a clip.
        objective: Losses of what ``predict_layers`` returns.
    """

    name: str
    network: NetworkT
    encoders: Encoders
    load_checkpoint: Callable[[Path, NetworkT], dict[str, Tensor]]
    key: Callable[[str], str]
    predict_layers: Callable[[NetworkT, Any, Any], Any]
    model: Callable[[NetworkT, Tokenizer, str], ClipModel[Any, Any, Any]]
    augmentation: Augmentation
    objective: Objective = query_objective


def train_sentences(arguments: TrainingArguments, recipe: SentenceRecipe[NetworkT]) -> None:
    """Train, or continue a training that was stopped, and write the weights.

    Args:
        arguments: Of the trainer: ``QueryTrainOptions``, and the method's options, ``ClipOptions`` with ``size``.
        recipe: Contributions of the method.

    Raises:
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from is another one.
        UsageError: The split has no usable sentence.
    """
    options: QueryTrainOptions = arguments.options
    variant, device = arguments.method_options, arguments.device
    network: Any = recipe.network
    if options.pretrained_weights:
        start_from(options.pretrained_weights, network, recipe.load_checkpoint)
    network.reference.text_encoder.requires_grad_(not options.freeze_text_encoder)
    if variant.size != "mini":
        freeze_stem(network)
    network.to(device)
    index = ClipIndex(
        arguments.data,
        arguments.seed,
        options.sentences,
        clip_anchors(options.num_frames),
        no_target=options.no_target,
    )

    encoders = recipe.encoders

    def encode(clip: SampledClip, size: tuple[int, int]) -> Iterator[EncodedClip]:
        return encode_clip(network, clip, size, device, encoders.start, stride=options.frame_stride)

    def predict(clip: Any, sentence: ClipSentence) -> Any:
        ids = torch.tensor([encoders.tokenizer.encode(sentence.text).ids], device=device)
        return recipe.predict_layers(network, clip, network.read(ids))

    def loss_fn(clips: list[SampledClip]) -> dict[str, Tensor]:
        return clip_losses(encode, clips, predict, options, device, recipe.objective)

    model = encoders.wrap(recipe.model(network, encoders.tokenizer, device))
    stage = ClipStage(
        name=recipe.name,
        network=network,
        groups=parameter_groups(network, options),
        sampler=ClipSampler(index, options.batch_size, clip_frames(options.num_frames), recipe.augmentation),
        loss_fn=loss_fn,
        method=ClipSegmenter(model, ClipSettings.from_options(variant), device),
        schedule=drop_schedule(options.lr_drop, options.epochs),
        max_gradient_norm=options.clip_max_norm,
        key=recipe.key,
        half=encoders.start is not None,  # shipped
    )
    fit(arguments, options, stage, f"{recipe.name}_{arguments.variant.replace('-', '_')}.safetensors")
