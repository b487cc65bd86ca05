"""Training of ReferFormer: clips of a few frames near and far, all or some of their sentences.

The authors' recipe for Refer-YouTube-VOS from scratch is ``configs/train/referformer-resnet50.yaml``.
"""

import torch
from torch import Tensor

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES, ClipFeatures
from baselines.layers.nn.language_queries_keys import authors_key
from baselines.layers.nn.text_encoder import build_roberta, open_tokenizer
from baselines.layers.training.clip_sampling import ClipIndex, ClipSampler, ClipSentence, SampledClip
from baselines.layers.training.clip_training import ClipStage, drop_schedule, existing_file, fit
from baselines.layers.training.query_losses import QueryOutputs
from baselines.layers.training.query_training import (
    QueryTrainOptions,
    augmentation,
    clip_anchors,
    clip_frames,
    clip_losses,
    freeze_stem,
    parameter_groups,
    start_from,
)
from baselines.referformer.checkpoint import load as load_checkpoint
from baselines.referformer.losses import predict_layers
from baselines.referformer.method import ReferFormerModel
from baselines.referformer.model import ReferFormer
from baselines.referformer.options import Options
from mevis_bench.records import TrainingArguments

OPTIONS = {"resnet50": QueryTrainOptions, "mini": QueryTrainOptions}


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights.

    Raises:
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from is another one.
        UsageError: The split has no usable sentence.
    """
    options: QueryTrainOptions = arguments.options
    variant: Options = arguments.method_options
    device = arguments.device
    config = LANGUAGE_QUERIES_SIZES[variant.size]
    torch.manual_seed(arguments.seed)
    network = ReferFormer(variant.backbone, TextReference(build_roberta(config.text), config.channels), config)
    if options.pretrained_weights:
        start_from(options.pretrained_weights, network, load_checkpoint)
    network.reference.text_encoder.requires_grad_(not options.freeze_text_encoder)
    if variant.size == "base":
        freeze_stem(network)
    network.to(device)
    tokenizer = open_tokenizer(existing_file(options.tokenizer, "tokenizer") if options.tokenizer else None)
    settings = ClipSettings.from_options(variant)
    index = ClipIndex(
        arguments.data,
        arguments.seed,
        options.sentences,
        clip_anchors(options.num_frames),
        no_target=options.no_target,
    )

    def predict(clip: ClipFeatures, sentence: ClipSentence) -> QueryOutputs:
        ids = torch.tensor([tokenizer.encode(sentence.text).ids], device=device)
        return predict_layers(network, clip, network.read(ids))

    def loss_fn(clips: list[SampledClip]) -> dict[str, Tensor]:
        return clip_losses(network, clips, predict, options, device)

    stage = ClipStage(
        name="referformer",
        network=network,
        groups=parameter_groups(network, options),
        sampler=ClipSampler(index, options.batch_size, clip_frames(options.num_frames), augmentation(options)),
        loss_fn=loss_fn,
        method=ClipSegmenter(ReferFormerModel(network, tokenizer, device), settings, device),
        schedule=drop_schedule(options.lr_drop, options.epochs),
        max_gradient_norm=options.clip_max_norm,
        key=authors_key,
    )
    fit(arguments, options, stage, f"referformer_{arguments.variant.replace('-', '_')}.safetensors")
