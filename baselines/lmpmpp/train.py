"""End-to-end training of the paper variant: equation 2 on clips of a MeViS split, on one device or, by torchrun, many.

    torchrun --nproc-per-node 8 -m mevis_bench train --method lmpmpp --variant paper --data MEVIS --set start.llama=...

Every process draws the same step and computes its part of it; <SEG> tokens and questions are gathered across processes
for equation 1, as the paper says. Llama is frozen under its adapters, kept in half precision, and its layers are
recomputed in the backward pass. Axes: t frames, o objects, s <SEG> tokens, p points, c channels.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from baselines.layers.checkpoints.checkpoint_file import read_tensors
from baselines.layers.nn.imagebind_audio import ImageBindAudio
from baselines.layers.nn.text_encoder import build_roberta, open_tokenizer
from baselines.layers.training.distributed import DistributedContext
from baselines.layers.training.train_options import read_train_options
from baselines.layers.training.trainer import Stage, fit
from baselines.lmpmpp.checkpoint import load_imagebind, load_llama, load_mask2former, load_roberta, save_trained
from baselines.lmpmpp.clips import TrainingClip, draw_clip
from baselines.lmpmpp.config import PAPER, LMPMppConfig
from baselines.lmpmpp.encoders import Encoders
from baselines.lmpmpp.language_model import PromptTokens
from baselines.lmpmpp.losses import (
    mask_bce,
    mask_dice,
    pairwise_bce,
    pairwise_dice,
    temporal_contrastive_loss,
    total_loss,
)
from baselines.lmpmpp.method import PRECISIONS
from baselines.lmpmpp.model import LMPMpp, LMPMppOutput
from baselines.lmpmpp.train_options import PaperTrainOptions, StartFiles
from mevis_bench.records import MissingWeightsError, TrainingArguments, UsageError

WEIGHTS_FILE = "lmpmpp-paper.safetensors"

POINTS = 12544
"""Points a clip's masks are compared at: Mask2Former's number, here over all frames."""


def train(setup: TrainingArguments) -> None:
    """Train a variant: the paper's sizes end to end, or the mini stand-in stage by stage (``mini/training/train.py``).

    Raises:
        UsageError: The variant cannot be trained, or an option is missing, unknown or of the wrong type.
    """
    if setup.variant == "paper":
        train_paper(setup)
        return
    from baselines.lmpmpp.mini.training.train import train as train_mini

    train_mini(setup)


def train_paper(setup: TrainingArguments, size: LMPMppConfig = PAPER) -> None:
    """Train, or go on with a training that was stopped, and write what was trained to ``setup.out``.

    Raises:
        UsageError: An option is missing, unknown or of the wrong kind, or the step can't be shared out evenly.
        MissingWeightsError: A file to start from is not there.
        DataError: A file is not what its name says.
    """
    options = read_train_options(setup.options, PaperTrainOptions)
    if options.precision not in PRECISIONS:
        raise UsageError(f"training option precision can't be {options.precision!r}", hint=" or ".join(PRECISIONS))
    workers = DistributedContext.joined(setup.device)
    if options.samples % workers.count or options.samples > len(setup.data.video_ids):
        raise UsageError(
            f"{options.samples} samples can't be shared out among {workers.count} processes "
            f"and {len(setup.data.video_ids)} videos",
            hint="Choose training option samples: a multiple of the processes, at most one of each video.",
        )
    device = workers.device(setup.device)
    torch.manual_seed(setup.seed)
    model, encoders = start(options.start, PRECISIONS[options.precision], size)
    model.to(device)
    encoders.to(device)
    model.language.llama.gradient_checkpointing_enable({"use_reentrant": False})
    precision = PRECISIONS[options.precision]

    def compute(rng: np.random.Generator) -> dict[str, Tensor]:
        videos = rng.choice(setup.data.video_ids, options.samples, replace=False)
        seeds = rng.integers(2**62, size=options.samples)
        answered = []
        with torch.autocast(torch.device(device).type, precision) if precision != torch.float32 else NOTHING:
            for index in range(workers.rank, options.samples, workers.count):
                sample_rng = np.random.default_rng(seeds[index])
                clip = draw_clip(
                    setup.data,
                    str(videos[index]),
                    sample_rng,
                    size=size.extractor,
                    frames=options.frames,
                    short_sides=options.short_sides,
                    speech=options.speech,
                    most_objects=size.language.max_objects,
                )
                answered.append(answer_clip(model, encoders, clip, options.shuffles, sample_rng))
        return step_losses(answered, workers, contrastive=options.contrastive)

    stage = Stage("paper", options.steps, options.learning_rate, save_every=options.save_every)
    fit(stage, model, compute, setup.out, setup.seed, setup.progress, workers)
    if workers.rank == 0:
        made_from = {"data_fingerprint": setup.data.fingerprint, "seed": str(setup.seed)}
        save_trained(model, setup.out / WEIGHTS_FILE, made_from)


NOTHING: contextlib.AbstractContextManager[None] = contextlib.nullcontext()


def start(files: StartFiles, dtype: torch.dtype, size: LMPMppConfig) -> tuple[LMPMpp, Encoders]:
    """Build model and frozen encoders from the public files; what has no file is random."""
    language = size.language
    prompt = None
    if files.llama_tokenizer:
        prompt = PromptTokens.of_llama(_there(files.llama_tokenizer), language.vocabulary, language.max_objects)
    model = LMPMpp(size, prompt, filled=not files.llama, dtype=dtype)
    roberta, imagebind = build_roberta(), ImageBindAudio()
    loaders: list[tuple[str, Callable[[Path], None]]] = [
        (files.llama, lambda path: load_llama(model, read_tensors(path), path)),
        (files.mask2former, lambda path: load_mask2former(model, path)),
        (files.roberta, lambda path: load_roberta(roberta, path)),
        (files.imagebind, lambda path: load_imagebind(imagebind, path)),
    ]
    for file, load in loaders:
        if file:
            load(_there(file))
    model.language.llama.to(dtype)
    model.language.llama_head.to(dtype)
    model.language.add_adapters()
    tokenizer = open_tokenizer(_there(files.roberta_tokenizer) if files.roberta_tokenizer else None)
    return model, Encoders(roberta, tokenizer, imagebind)


def _there(file: str) -> Path:
    path = Path(file)
    if not path.is_file():
        raise MissingWeightsError("a file to start from is not there", location=file, hint="See training option start.")
    return path


@dataclass(frozen=True, slots=True)
class Answered:
    """What one clip adds to equation 2.

    Attributes:
        parts: Its ``txt``, ``bce`` and ``dice``.
        anchor: The question, ``(c,)``.
        seg: Its <SEG> tokens ``(s, c)``.
        disrupted: Those of the shuffled clip, ``(s', c)``.
    """

    parts: dict[str, Tensor]
    anchor: Tensor
    seg: Tensor
    disrupted: Tensor


def answer_clip(
    model: LMPMpp, encoders: Encoders, clip: TrainingClip, shuffles: int, rng: np.random.Generator
) -> Answered:
    """Answer a clip's question with N_o as it is, and again with its object embeddings shuffled along time."""
    device = next(model.parameters()).device
    question = encoders.encode_speech(clip.asked) if isinstance(clip.asked, Path) else encoders.read(clip.asked)
    features = model.encode_frames(clip.frames.to(device))
    embeddings = model.find_objects(features, question).embeddings
    said = model.forward_teacher_forced(features, embeddings, question, len(clip.masks))
    disrupted = []
    for _ in range(shuffles if len(clip.masks) else 0):
        order = torch.from_numpy(rng.permutation(len(embeddings))).to(device)
        disrupted.append(model.forward_teacher_forced(features, embeddings[order], question, len(clip.masks)).seg)
    parts = {"txt": text_loss(model, said), **mask_losses(said, clip.masks.to(device), rng)}
    return Answered(parts, said.anchor, said.seg, torch.cat(disrupted) if disrupted else said.seg[:0])


def text_loss(model: LMPMpp, said: LMPMppOutput) -> Tensor:
    """L_txt: cross-entropy of the numeral, the <SEG> tokens and the end of the answer."""
    prompt = model.language.prompt
    target = [prompt.numerals[said.count], *[prompt.seg] * said.count, prompt.end]
    return F.cross_entropy(said.logits[: len(target)].float(), torch.tensor(target, device=said.logits.device))


def mask_losses(said: LMPMppOutput, masks: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
    """L_bce and L_dice of the <SEG> masks and the objects ``(o, t, H, W)`` matched to them, at random points."""
    if said.count == 0:
        nothing = said.mask_logits.float().sum()  # of no mask: 0
        return {"bce": nothing, "dice": nothing}
    frames = masks.shape[1]
    places = torch.from_numpy(rng.random((frames, -(-POINTS // frames), 1, 2), dtype=np.float32)).to(masks.device)
    logits, ground_truth = (sample_points(x.float(), places) for x in (said.mask_logits, masks))
    with torch.no_grad():
        cost = 2 * pairwise_bce(logits, ground_truth) + 0.5 * pairwise_dice(logits, ground_truth)
        segs, objects = linear_sum_assignment(cost.cpu().numpy())
    return {
        "bce": mask_bce(logits[segs], ground_truth[objects]).mean(),
        "dice": mask_dice(logits[segs], ground_truth[objects]).mean(),
    }


def sample_points(maps: Tensor, places: Tensor) -> Tensor:
    """Read maps ``(n, t, h, w)`` at places ``(t, p, 1, 2)``, x and y in 0..1, bilinear: ``(n, t * p)``."""
    read = F.grid_sample(maps.transpose(0, 1), 2 * places - 1, mode="bilinear", align_corners=False)
    return read[..., 0].transpose(0, 1).flatten(1)


def step_losses(answered: list[Answered], workers: DistributedContext, *, contrastive: bool) -> dict[str, Tensor]:
    """Equation 2 over all clips of a step, of which this process answered some."""
    parts = {name: torch.stack([one.parts[name] for one in answered]).mean() for name in ("txt", "bce", "dice")}
    if contrastive:
        parts["con"] = contrastive_loss(answered, workers)
    return {"loss": total_loss(parts), **parts}


def contrastive_loss(answered: list[Answered], workers: DistributedContext) -> Tensor:
    """L_con, equation 1, over the clips of all processes.

    Each question is held against its own <SEG> tokens, those of all other clips, and those of its own shuffled clip.
    """
    device = answered[0].anchor.device
    first = workers.rank * len(answered)
    owners = {
        kind: torch.cat(
            [torch.full((len(getattr(one, kind)),), first + index, device=device) for index, one in enumerate(answered)]
        )
        for kind in ("seg", "disrupted")
    }
    anchors = workers.gather(torch.stack([one.anchor.float() for one in answered]))
    tokens, shuffled = (workers.gather(torch.cat([getattr(one, k).float() for one in answered])) for k in owners)
    token_owner, shuffled_owner = (workers.gather(owner) for owner in owners.values())
    me = torch.arange(len(anchors), device=device)[:, None]
    own, own_shuffled = me == token_owner, me == shuffled_owner
    return temporal_contrastive_loss(
        anchors,
        torch.cat((tokens, shuffled)),
        torch.cat((own, torch.zeros_like(own_shuffled)), dim=1),
        torch.cat((~own, own_shuffled), dim=1),
    )
