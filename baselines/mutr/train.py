"""Training of MUTR: ReferFormer's data, matching and losses, with the text encoder or the audio branch.

The authors' recipe is ``configs/train/mutr-video-swin-t.yaml``. The audio branch has frozen VGGish, as the paper says;
neither its weights nor its recipe were published, so it uses the same one on spoken sentences. Each clip interacts over
time by itself; in the original, rows of two clips of a process mix (README, "Training").
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES, ClipFeatures, LanguageQueriesConfig
from baselines.layers.training.clip_sampling import ClipIndex, ClipSampler, ClipSentence, SampledClip, sentence_prompt
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
from baselines.lmpmpp.mini.clip_start import training_encoders
from baselines.mutr.audio import AudioReference
from baselines.mutr.checkpoint import authors_key
from baselines.mutr.checkpoint import load as load_checkpoint
from baselines.mutr.losses import predict_layers
from baselines.mutr.method import build_model, build_network, recording_reader, text_reader
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
    "scratch": QueryTrainOptions,
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
    if isinstance(options, AudioTrainOptions):
        torch.manual_seed(arguments.seed)
        encoders = None
        network = Mutr(variant.backbone, build_audio(options, config), config)
    else:
        encoders = training_encoders(arguments, config.text)
        network = build_network(config, encoders)
        encoders.text.requires_grad_(not options.freeze_text_encoder)
    if options.pretrained_weights:
        start_from(options.pretrained_weights, network, load_checkpoint)
    if variant.size == "base":
        freeze_stem(network)
    network.to(device)
    start = None if encoders is None else encoders.start
    index = ClipIndex(
        arguments.data,
        arguments.seed,
        options.sentences,
        clip_anchors(options.num_frames),
        no_target=options.no_target,
        spoken=encoders is None,
    )
    read = recording_reader(network, device) if encoders is None else text_reader(network, encoders.tokenizer, device)

    def encode(clip: SampledClip, size: tuple[int, int]) -> Iterator[EncodedClip]:
        return encode_clip(network, clip, size, device, start, stride=options.frame_stride)

    def predict(clip: ClipFeatures, sentence: ClipSentence) -> QueryOutputs:
        return predict_layers(network, clip, read(sentence_prompt(sentence, spoken=encoders is None)))

    def loss_fn(clips: list[SampledClip]) -> dict[str, Tensor]:
        return clip_losses(encode, clips, predict, options, device)

    model = build_model(network, encoders, variant, device)
    stage = ClipStage(
        name="mutr",
        network=network,
        groups=parameter_groups(network, options),
        sampler=ClipSampler(index, options.batch_size, clip_frames(options.num_frames), augmentation(options)),
        loss_fn=loss_fn,
        method=ClipSegmenter(model, ClipSettings.from_options(variant), device),
        schedule=drop_schedule(options.lr_drop, options.epochs),
        max_gradient_norm=options.clip_max_norm,
        key=authors_key,
        half=start is not None,  # below 4 MB
    )
    fit(arguments, options, stage, f"{arguments.variant.replace('-', '_')}.safetensors")


def build_audio(options: AudioTrainOptions, config: LanguageQueriesConfig) -> AudioReference:
    """Build the encoder of recordings.

    Raises:
        MissingWeightsError: The VGGish file is missing.
        DataError: It is another file.
    """
    audio = AudioReference(config.channels)
    if options.vggish:
        vggish = audio.audio_encoder
        tensors = read_tensors(existing_file(options.vggish, "vggish"))
        vggish.load_state_dict(match_keys(tensors, vggish, location=options.vggish))
    return audio
