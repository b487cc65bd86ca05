"""Training of MUTR's audio branch, which has no published weights (``--variant audio-video-swin-t``).

Frozen VGGish, as the paper says; everything else learns, by ReferFormer's matching and losses at every decoder layer.
A step sees some spoken sentences of a MeViS split, each in a clip of consecutive frames.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.layers.inputs.audio_file import read_audio
from baselines.layers.inputs.resize import IMAGENET_MEAN, IMAGENET_STD, resize, shortest_edge_truncated
from baselines.layers.inputs.truth_masks import object_masks
from baselines.layers.training.parameter_groups import group_by_shape
from baselines.mutr.audio import RATE, AudioReference, log_mel_examples
from baselines.mutr.losses import (
    QueryLossConfig,
    QueryTargets,
    build_targets,
    compute_losses,
    predict_layers,
    total_loss,
)
from baselines.mutr.model import Mutr
from mevis_bench.records import GroundTruth, TrainingArguments, TrainingData, UsageError
from mevis_bench.records.schedules import WarmupCosineSchedule
from mevis_bench.records.training import SamplePosition, TrainingStage

VARIANT, BACKBONE = "audio-video-swin-t", "video-swin-t"
WEIGHTS_FILE = "audio_video_swin_t.safetensors"
LOSSES = QueryLossConfig()


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """A training (``configs/train/mutr-audio-video-swin-t.yaml``).

    Attributes:
        steps: Optimizer steps.
        learning_rate: Peak of the schedule.
        clips: Spoken sentences per step, processed in turn.
        frames: Frames of a clip.
        short: Short side of the frames, in pixels.
        targets: ``union`` or ``per_object``; see `build_targets`, also for sentences without an object.
        vggish: ``vggish-10086976.pth`` of torchvggish; empty: seeded random.
    """

    steps: int
    learning_rate: float
    clips: int
    frames: int
    short: int
    targets: str
    vggish: str


OPTIONS = {VARIANT: TrainOptions}


@dataclass(frozen=True, slots=True, eq=False)
class SpokenClip:
    """A clip with one spoken sentence.

    Attributes:
        name: Video and expression.
        frames: Normalized, ``(t, 3, h, w)``.
        examples: VGGish's examples of the sentence, ``(e, 96, 64)``.
        targets: Its targets.
    """

    name: str
    frames: Tensor
    examples: Tensor
    targets: QueryTargets


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights.

    Raises:
        UsageError: An option is invalid, or the split has no spoken sentence.
        DataError: The VGGish file is not VGGish's.
    """
    options: TrainOptions = arguments.options
    spoken = spoken_sentences(arguments.data)
    device = arguments.device
    torch.manual_seed(arguments.seed)
    reference = AudioReference()
    network = Mutr(BACKBONE, reference)
    if options.vggish:
        vggish = reference.audio_encoder
        vggish.load_state_dict(match_keys(read_tensors(Path(options.vggish)), vggish, location=options.vggish))
    network.to(device)

    def sample(rng: np.random.Generator, position: SamplePosition) -> SpokenClip:
        return draw_clip(arguments.data, *spoken[int(rng.integers(len(spoken)))], options, rng)

    def loss_fn(clips: list[SpokenClip]) -> dict[str, Tensor]:
        totals: dict[str, Tensor] = {}
        for clip in clips:
            frames, examples = clip.frames.to(device), clip.examples.to(device)
            outputs = predict_layers(network, network.encode(frames), network.read(examples))
            for name, value in compute_losses(outputs, [clip.targets.to(device)], LOSSES).items():
                totals[name] = totals.get(name, torch.zeros((), device=device)) + value / len(clips)
        return {"loss": total_loss(totals, LOSSES), **totals}

    stage = TrainingStage(
        name="mutr",
        module=network,
        groups=group_by_shape(network, options.learning_rate, 5e-4),
        sample=sample,
        sample_name=lambda clip: clip.name,
        loss_fn=loss_fn,
        steps=options.steps,
        batch_size=options.clips,
        schedule=WarmupCosineSchedule(100),
        betas=(0.9, 0.98),
        max_gradient_norm=0.1,
    )
    arguments.trainer.fit(stage)
    if arguments.trainer.is_main_process:
        weights = {key: value.contiguous() for key, value in network.state_dict().items()}
        save_file(weights, arguments.out / WEIGHTS_FILE)


def spoken_sentences(data: TrainingData) -> list[tuple[str, GroundTruth, Path]]:
    """List video, ground truth and audio file of every sentence with speech.

    Raises:
        UsageError: There is none.
    """
    sentences = []
    for video_id in data.video_ids:
        for ground_truth in data.ground_truths(video_id):
            sound = data.audio(video_id, ground_truth.expression.id)
            if sound is not None:
                sentences.append((video_id, ground_truth, sound))
    if not sentences:
        raise UsageError("the split has no speech", hint="MeViSv2's splits have speech, MeViS v1's do not.")
    return sentences


def draw_clip(
    data: TrainingData,
    video_id: str,
    ground_truth: GroundTruth,
    sound: Path,
    options: TrainOptions,
    rng: np.random.Generator,
) -> SpokenClip:
    """Draw consecutive frames of a video and the sentence's targets in them; a short video repeats its last frame."""
    video = data.video(video_id)
    first = int(rng.integers(max(1, len(video) - options.frames + 1)))
    selected = [min(first + step, len(video) - 1) for step in range(options.frames)]
    size = shortest_edge_truncated(video.height, video.width, options.short)
    images = torch.from_numpy(np.stack([resize(video.frame(index), size) for index in selected]))
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (IMAGENET_MEAN, IMAGENET_STD))
    return SpokenClip(
        ground_truth.sample,
        (images.permute(0, 3, 1, 2).float() / 255 - mean) / std,
        log_mel_examples(torch.from_numpy(read_audio(sound, RATE))),
        build_targets(torch.from_numpy(object_masks(ground_truth, selected)), size, options.targets),
    )
