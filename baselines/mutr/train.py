"""Training of MUTR: ReferFormer's data, matching and losses, with the text encoder or the audio branch.

The authors' recipe is ``configs/train/mutr-video-swin-t.yaml``. The audio branch has frozen VGGish, as the paper says;
neither its weights nor its recipe were published, so it uses the same one on spoken sentences. Each clip interacts over
time by itself; in the original, rows of two clips of a process mix (README, "Training").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inputs.audio_file import read_audio
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES, ClipFeatures, LanguageQueriesConfig
from baselines.layers.nn.text_encoder import Tokenizer, build_roberta, open_tokenizer
from baselines.layers.training.clip_sampling import ClipIndex, ClipSampler, ClipSentence, SampledClip
from baselines.layers.training.clip_training import ClipStage, drop_schedule, existing_file, fit
from baselines.layers.training.prompted_clips import EncodedClip, encode_clip
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
from baselines.mutr.audio import RATE, AudioReference, log_mel_examples
from baselines.mutr.checkpoint import authors_key
from baselines.mutr.checkpoint import load as load_checkpoint
from baselines.mutr.losses import predict_layers
from baselines.mutr.method import MutrModel
from baselines.mutr.model import Mutr
from baselines.mutr.options import Options
from mevis_bench.records import TrainingArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTrainOptions(QueryTrainOptions):
    """A training of the audio branch.

    Attributes:
        vggish: ``vggish-10086976.pth`` of torchvggish; ``None``: seeded random.
    """

    vggish: str | None


OPTIONS = {
    "video-swin-t": QueryTrainOptions,
    "mini": QueryTrainOptions,
    "audio-video-swin-t": AudioTrainOptions,
}


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights.

    Raises:
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from is another one.
        UsageError: The split has no usable sentence, or no speech for the audio branch.
    """
    options: QueryTrainOptions = arguments.options
    variant: Options = arguments.method_options
    device = arguments.device
    config = LANGUAGE_QUERIES_SIZES[variant.size]
    torch.manual_seed(arguments.seed)
    network = Mutr(variant.backbone, build_reference(options, config), config)
    if options.pretrained_weights:
        start_from(options.pretrained_weights, network, load_checkpoint)
    if variant.size == "base":
        freeze_stem(network)
    network.to(device)
    tokenizer = None
    if variant.reference == "text":
        tokenizer = open_tokenizer(existing_file(options.tokenizer, "tokenizer") if options.tokenizer else None)
    settings = ClipSettings.from_options(variant)
    index = ClipIndex(
        arguments.data,
        arguments.seed,
        options.sentences,
        clip_anchors(options.num_frames),
        no_target=options.no_target,
        spoken=variant.reference == "audio",
    )

    def encode(clip: SampledClip, size: tuple[int, int]) -> Iterator[EncodedClip]:
        return encode_clip(network, clip, size, device)

    def predict(clip: ClipFeatures, sentence: ClipSentence) -> QueryOutputs:
        return predict_layers(network, clip, read_reference(network, sentence, tokenizer, device))

    def loss_fn(clips: list[SampledClip]) -> dict[str, Tensor]:
        return clip_losses(encode, clips, predict, options, device)

    model = MutrModel(network, tokenizer, choose_once=settings.sampling == "consecutive", device=device)
    stage = ClipStage(
        name="mutr",
        network=network,
        groups=parameter_groups(network, options),
        sampler=ClipSampler(index, options.batch_size, clip_frames(options.num_frames), augmentation(options)),
        loss_fn=loss_fn,
        method=ClipSegmenter(model, settings, device),
        schedule=drop_schedule(options.lr_drop, options.epochs),
        max_gradient_norm=options.clip_max_norm,
        key=authors_key,
    )
    fit(arguments, options, stage, f"{arguments.variant.replace('-', '_')}.safetensors")


def build_reference(options: QueryTrainOptions, config: LanguageQueriesConfig) -> TextReference | AudioReference:
    """Build the encoder of the prompts.

    Raises:
        MissingWeightsError: The VGGish file is missing.
        DataError: It is another file.
    """
    if not isinstance(options, AudioTrainOptions):
        text = TextReference(build_roberta(config.text), config.channels)
        text.text_encoder.requires_grad_(not options.freeze_text_encoder)
        return text
    audio = AudioReference(config.channels)
    if options.vggish:
        vggish = audio.audio_encoder
        tensors = read_tensors(existing_file(options.vggish, "vggish"))
        vggish.load_state_dict(match_keys(tensors, vggish, location=options.vggish))
    return audio


def read_reference(network: Mutr, sentence: ClipSentence, tokenizer: Tokenizer | None, device: str) -> Words:
    """Encode a sentence, or its recording where there is no tokenizer."""
    if tokenizer is not None:
        return network.read(torch.tensor([tokenizer.encode(sentence.text).ids], device=device))
    assert isinstance(sentence.audio, Path)  # only spoken sentences are drawn
    return network.read(log_mel_examples(torch.from_numpy(read_audio(sentence.audio, RATE))).to(device))
