"""Training of MUTR's audio branch, of which nobody has published weights (``--variant audio-video-swin-t``).

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
from baselines.layers.training.train_options import read_train_options
from baselines.layers.training.trainer import TrainingStage, fit
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

VARIANT, BACKBONE = "audio-video-swin-t", "video-swin-t"
WEIGHTS_FILE = "audio_video_swin_t.safetensors"
LOSSES = QueryLossConfig()


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """A training (``configs/train/mutr-audio-video-swin-t.yaml``).

    Attributes:
        steps: Optimizer steps.
        learning_rate: Peak of the schedule.
        clips: Spoken sentences a step, one after the other.
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


@dataclass(frozen=True, slots=True, eq=False)
class SpokenClip:
    """Normalized frames ``(t, 3, h, w)``, VGGish's examples ``(e, 96, 64)`` of the sentence, and its targets."""

    frames: Tensor
    examples: Tensor
    targets: QueryTargets


def train(setup: TrainingArguments) -> None:
    """Train, or go on with a training that was stopped, and write the weights.

    Raises:
        UsageError: The variant is not trained here, an option can't be used, or the split does not speak.
        DataError: The VGGish file is another one.
    """
    if setup.variant != VARIANT:
        raise UsageError(f"variant {setup.variant} of mutr is not trained here", hint=f"Use --variant {VARIANT}.")
    options = read_train_options(setup.options, TrainOptions)
    spoken = spoken_sentences(setup.data)
    torch.manual_seed(setup.seed)
    reference = AudioReference()
    network = Mutr(BACKBONE, reference)
    if options.vggish:
        vggish = reference.audio_encoder
        vggish.load_state_dict(match_keys(read_tensors(Path(options.vggish)), vggish, location=options.vggish))
    network.to(setup.device)

    def loss_fn(rng: np.random.Generator) -> dict[str, Tensor]:
        totals: dict[str, Tensor] = {}
        for _ in range(options.clips):
            clip = draw_clip(setup.data, *spoken[int(rng.integers(len(spoken)))], options, rng)
            outputs = predict_layers(
                network,
                network.encode(clip.frames.to(setup.device)),
                network.read(clip.examples.to(setup.device)),
            )
            for name, value in compute_losses(outputs, [clip.targets.to(setup.device)], LOSSES).items():
                totals[name] = totals.get(name, torch.zeros((), device=setup.device)) + value / options.clips
        return {"loss": total_loss(totals, LOSSES), **totals}

    stage = TrainingStage("mutr", options.steps, options.learning_rate, weight_decay=5e-4, clip=0.1)
    fit(stage, network, loss_fn, setup.out, setup.seed, setup.progress)
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, setup.out / WEIGHTS_FILE)


def spoken_sentences(data: TrainingData) -> list[tuple[str, GroundTruth, Path]]:
    """Return video, truth and sound file of every sentence that is spoken.

    Raises:
        UsageError: None is.
    """
    found = []
    for video_id in data.video_ids:
        for ground_truth in data.ground_truths(video_id):
            sound = data.audio(video_id, ground_truth.expression.id)
            if sound is not None:
                found.append((video_id, ground_truth, sound))
    if not found:
        raise UsageError("no sentence of the split is spoken", hint="MeViSv2's splits are, MeViS v1's are not.")
    return found


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
    chosen = [min(first + step, len(video) - 1) for step in range(options.frames)]
    size = shortest_edge_truncated(video.height, video.width, options.short)
    images = torch.from_numpy(np.stack([resize(video.frame(index), size) for index in chosen]))
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (IMAGENET_MEAN, IMAGENET_STD))
    return SpokenClip(
        (images.permute(0, 3, 1, 2).float() / 255 - mean) / std,
        log_mel_examples(torch.from_numpy(read_audio(sound, RATE))),
        build_targets(torch.from_numpy(object_masks(ground_truth, chosen)), size, options.targets),
    )
