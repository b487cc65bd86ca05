"""End-to-end training of LMPM++: equation 2 on clips of a MeViS split, in one process or, by torchrun, in many.

    torchrun --nproc-per-node 8 -m mevis_bench train --method lmpmpp --variant paper --data MEVIS --set start.llama=...

All processes draw the same step and each computes its share of the clips; prompts and <SEG> tokens are gathered across
processes for equation 1, as in the paper. Llama is frozen under its adapters and kept in half precision, and its layers
are recomputed in the backward pass (gradient checkpointing). Axes: t frames, o objects, s <SEG> tokens, p points,
c channels, D hidden channels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from baselines.layers.checkpoints.checkpoint_file import read_tensors
from baselines.layers.checkpoints.roberta_checkpoint import load_roberta
from baselines.layers.nn.imagebind_audio import ImageBindAudio
from baselines.layers.nn.text_encoder import build_roberta, open_tokenizer
from baselines.layers.training.distributed import gather_rows, process_rank
from baselines.layers.training.mask_losses import mask_bce, mask_dice
from baselines.layers.training.parameter_groups import group_by_shape
from baselines.lmpmpp.checkpoint import load_imagebind, load_llama, load_mask2former, save_trained
from baselines.lmpmpp.clips import TrainingClip, draw_clip
from baselines.lmpmpp.config import SIZES, LMPMppConfig
from baselines.lmpmpp.encoders import PromptEncoders
from baselines.lmpmpp.losses import mask_matching_cost, temporal_contrastive_loss, total_loss
from baselines.lmpmpp.method import PRECISIONS
from baselines.lmpmpp.mini.training.train_options import TrainOptions
from baselines.lmpmpp.model import LMPMpp, LMPMppOutput
from baselines.lmpmpp.prompt import PromptTokens
from baselines.lmpmpp.train_options import PaperTrainOptions, PretrainedFiles
from mevis_bench.records import MissingWeightsError, TrainingArguments, UsageError
from mevis_bench.records.schedules import WarmupCosineSchedule
from mevis_bench.records.training import SamplePosition, TrainingStage

WEIGHTS_FILE = "lmpmpp-paper.safetensors"

OPTIONS = {"paper": PaperTrainOptions, "mini": TrainOptions}

NUM_POINTS = 12544
"""Points at which the masks of a clip are compared: Mask2Former's number, here over all frames."""


def train(args: TrainingArguments) -> None:
    """Train a variant: the paper's LMPM++ end to end, or the mini stand-in (``mini/training/train.py``).

    Raises:
        UsageError: An option does not fit the data.
    """
    if args.variant == "paper":
        train_paper(args, SIZES[args.method_options.size])
        return
    from baselines.lmpmpp.mini.training.train import train as train_mini

    train_mini(args)


def train_paper(args: TrainingArguments, config: LMPMppConfig) -> None:
    """Train, or resume a training that was stopped, and write the trained weights to ``args.out``.

    Raises:
        UsageError: There are fewer videos than ``samples``.
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from is invalid.
    """
    options: PaperTrainOptions = args.options
    if options.samples > len(args.data.video_ids):
        raise UsageError(
            f"training option samples: a step cannot have {options.samples} clips of different videos, the split has "
            f"{len(args.data.video_ids)}",
            hint="Use at most the number of videos.",
        )
    device = args.device
    torch.manual_seed(args.seed)
    model, encoders = build_pretrained(options.start, PRECISIONS[options.precision], config)
    model.to(device)
    encoders.to(device)
    model.language.llama.gradient_checkpointing_enable({"use_reentrant": False})

    def sample(rng: np.random.Generator, position: SamplePosition) -> SeededClip:
        step_rng = np.random.default_rng((args.seed, position.step))
        videos = step_rng.choice(args.data.video_ids, options.samples, replace=False)
        clip = draw_clip(
            args.data,
            str(videos[position.index]),
            rng,
            config=config.extractor,
            frames=options.frames,
            short_sides=options.short_sides,
            speech=options.speech,
            max_objects=config.language.max_objects,
        )
        return SeededClip(str(videos[position.index]), clip, int(rng.integers(2**62)))

    def loss_fn(clips: list[SeededClip]) -> dict[str, Tensor]:
        outputs = [
            training_step(model, encoders, clip.clip, options.shuffles, np.random.default_rng(clip.seed))
            for clip in clips
        ]
        return compute_loss(outputs, options.temperature if options.contrastive else None)

    stage = TrainingStage(
        name="paper",
        module=model,
        groups=group_by_shape(model, options.learning_rate, 0.05),
        sample=sample,
        sample_name=lambda clip: clip.video_id,
        loss_fn=loss_fn,
        steps=options.steps,
        batch_size=options.samples,
        schedule=WarmupCosineSchedule(100),
        betas=(0.9, 0.98),
        max_gradient_norm=1.0,
        precision=options.precision,
        save_every=options.save_every,
    )
    args.trainer.fit(stage)
    if args.trainer.is_main_process:
        metadata = {"data_fingerprint": args.data.fingerprint, "seed": str(args.seed)}
        save_trained(model, args.out / WEIGHTS_FILE, metadata)


@dataclass(frozen=True, slots=True, eq=False)
class SeededClip:
    """A clip and the seed of the random choices in its losses."""

    video_id: str
    clip: TrainingClip
    seed: int


def build_pretrained(files: PretrainedFiles, dtype: torch.dtype, config: LMPMppConfig) -> tuple[LMPMpp, PromptEncoders]:
    """Build model and frozen encoders from the public files; a part without file is randomly initialized.

    Raises:
        MissingWeightsError: A file is missing.
        DataError: A file is invalid.
    """
    language = config.language
    prompt = None
    if files.llama_tokenizer:
        prompt = PromptTokens.from_llama(
            _existing_path(files.llama_tokenizer), language.vocabulary, language.max_objects
        )
    model = LMPMpp(config, prompt, init_weights=not files.llama, dtype=dtype)
    roberta, imagebind = build_roberta(config.text), ImageBindAudio(config.audio)
    loaders: list[tuple[str, Callable[[Path], None]]] = [
        (files.llama, lambda path: load_llama(model, read_tensors(path), path)),
        (files.mask2former, lambda path: load_mask2former(model, path)),
        (files.roberta, lambda path: load_roberta(roberta, path)),
        (files.imagebind, lambda path: load_imagebind(imagebind, path)),
    ]
    for file, load in loaders:
        if file:
            load(_existing_path(file))
    model.language.llama.to(dtype)
    model.language.llama_head.to(dtype)
    model.language.add_adapters()
    tokenizer = open_tokenizer(_existing_path(files.roberta_tokenizer) if files.roberta_tokenizer else None)
    return model, PromptEncoders(roberta, tokenizer, imagebind)


def _existing_path(file: str) -> Path:
    path = Path(file)
    if not path.is_file():
        raise MissingWeightsError("file to start from not found", location=file, hint="See training options start.*.")
    return path


@dataclass(frozen=True, slots=True)
class ClipOutputs:
    """Contribution of one clip to equation 2.

    Attributes:
        losses: Its ``txt``, ``bce`` and ``dice``.
        anchor: Embedding of the prompt, ``(c,)``: a of equation 1.
        seg: Embeddings of its <SEG> tokens, ``(s, c)``: a+.
        disrupted: Those of its shuffled copies, ``(s', c)``.
    """

    losses: dict[str, Tensor]
    anchor: Tensor
    seg: Tensor
    disrupted: Tensor


def training_step(
    model: LMPMpp, encoders: PromptEncoders, clip: TrainingClip, shuffles: int, rng: np.random.Generator
) -> ClipOutputs:
    """Forward pass of a clip with teacher forcing, and ``shuffles`` more with object embeddings shuffled along time."""
    device = next(model.parameters()).device
    prompt = encoders(clip.prompt)
    masks, num_objects = clip.masks.to(device), len(clip.masks)
    features = model.encode_frames(clip.frames.to(device))
    embeddings = model.extract_objects(features, prompt).embeddings
    outputs = model(features, embeddings, prompt, num_objects)
    disrupted = [outputs.seg_states[:0]]
    for _ in range(shuffles if num_objects else 0):
        order = torch.from_numpy(rng.permutation(len(embeddings))).to(device)
        disrupted.append(model(features, embeddings[order], prompt, num_objects).seg_states)
    losses = {"txt": text_loss(model, outputs), **mask_losses(outputs, masks, rng)}
    return ClipOutputs(
        losses,
        model.anchor(prompt),
        model.contrastive_proj(outputs.seg_states),
        model.contrastive_proj(torch.cat(disrupted)),
    )


def text_loss(model: LMPMpp, outputs: LMPMppOutput) -> Tensor:
    """L_txt: autoregressive cross-entropy of the numeral, the <SEG> tokens and the end of sequence."""
    prompt = model.language.prompt
    targets = [prompt.numerals[outputs.num_objects], *[prompt.seg] * outputs.num_objects, prompt.end]
    return F.cross_entropy(outputs.logits[: len(targets)].float(), torch.tensor(targets, device=outputs.logits.device))


def mask_losses(outputs: LMPMppOutput, targets: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
    """L_bce and L_dice of the <SEG> masks and the objects matched to them, at random points; 0 without objects.

    Args:
        outputs: Of one clip, with as many <SEG> tokens as objects.
        targets: Ground truth 0..1, ``(o, t, H, W)``.
        rng: Draws the points.
    """
    if outputs.num_objects == 0:
        zero = outputs.mask_logits.float().sum()  # of an empty tensor, so that the loss keeps its graph
        return {"bce": zero, "dice": zero}
    frames = targets.shape[1]
    points = torch.from_numpy(rng.random((frames, -(-NUM_POINTS // frames), 1, 2), dtype=np.float32))
    logits, labels = (sample_points(x.float(), points.to(targets.device)) for x in (outputs.mask_logits, targets))
    with torch.no_grad():
        segs, objects = linear_sum_assignment(mask_matching_cost(logits, labels).cpu().numpy())
    return {
        "bce": mask_bce(logits[segs], labels[objects]).mean(),
        "dice": mask_dice(logits[segs], labels[objects]).mean(),
    }


def sample_points(maps: Tensor, points: Tensor) -> Tensor:
    """Sample maps ``(n, t, h, w)`` at points ``(t, p, 1, 2)``, x and y in 0..1, bilinear: ``(n, t * p)``."""
    sampled = F.grid_sample(maps.transpose(0, 1), 2 * points - 1, mode="bilinear", align_corners=False)
    return sampled[..., 0].transpose(0, 1).flatten(1)


def compute_loss(clips: Sequence[ClipOutputs], temperature: float | None) -> dict[str, Tensor]:
    """Equation 2 over the clips of a step.

    Args:
        clips: The clips of this process; only L_con is computed over those of all processes.
        temperature: tau of equation 1; ``None``: without L_con (row (ii) of Table 4).

    Returns:
        The terms by name and their weighted sum ``loss``.
    """
    losses = {name: torch.stack([clip.losses[name] for clip in clips]).mean() for name in ("txt", "bce", "dice")}
    if temperature is not None:
        losses["con"] = contrastive_loss_across_clips(clips, temperature)
    return {"loss": total_loss(losses), **losses}


def contrastive_loss_across_clips(clips: Sequence[ClipOutputs], temperature: float) -> Tensor:
    """L_con, equation 1, over the clips of all processes.

    P of a prompt are its own <SEG> tokens. N are those of all other clips, each of a different video, and those of its
    own shuffled copies. Other objects of the same video are not in N, because a step has one prompt per video.
    """
    device = clips[0].anchor.device
    first = process_rank() * len(clips)
    clip_index = range(first, first + len(clips))
    anchors = gather_rows(torch.stack([clip.anchor.float() for clip in clips]))
    seg, seg_clip = _gather_tokens([clip.seg for clip in clips], clip_index)
    disrupted, disrupted_clip = _gather_tokens([clip.disrupted for clip in clips], clip_index)
    prompt_clip = torch.arange(len(anchors), device=device)[:, None]
    own, own_disrupted = prompt_clip == seg_clip, prompt_clip == disrupted_clip
    return temporal_contrastive_loss(
        anchors,
        torch.cat((seg, disrupted)),
        torch.cat((own, torch.zeros_like(own_disrupted)), dim=1),
        torch.cat((~own, own_disrupted), dim=1),
        temperature,
    )


def _gather_tokens(tokens: Sequence[Tensor], clip_index: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Tokens of the clips of all processes, ``(s, c)``, and the index of each token's clip, int64 ``(s,)``."""
    owners = [torch.full((len(own),), index, device=own.device) for own, index in zip(tokens, clip_index, strict=True)]
    return gather_rows(torch.cat([own.float() for own in tokens])), gather_rows(torch.cat(owners))
