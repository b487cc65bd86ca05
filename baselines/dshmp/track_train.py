"""Training of DsHmp's clip module on the common start of the mini variants (variant ``mini``)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from baselines.dshmp.config import SIZES
from baselines.dshmp.decoders import ClipModule
from baselines.dshmp.expression_rows import DsHmpTraining, ExpressionRows
from baselines.dshmp.losses import DsHmpLossConfig, contrastive_loss, total_loss
from baselines.dshmp.memory_bank import MemoryBank
from baselines.dshmp.options import Options
from baselines.dshmp.track_network import TrackDsHmp
from baselines.layers.inputs.word_tagger import open_tagger
from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.training.track_training import (
    ClipPass,
    PromptedClip,
    TrackTrainOptions,
    load_start,
    mean_losses,
    run_clip,
    train_on_tracks,
)
from mevis_bench.records import TrainingArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class DsHmpTrackTrainOptions(TrackTrainOptions):
    """Options of a training (``configs/train/dshmp-mini.yaml``), in addition to those of all on the common start.

    Attributes:
        losses: Matching costs and weights, and the contrastive loss.
    """

    losses: DsHmpLossConfig


def train_track_dshmp(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights of what is learned.

    Raises:
        MissingWeightsError: The file of the common start is missing.
        DataError: It is not LMPM++ mini's, or the videos of the split differ in size.
        MethodError: The variant's tagger is not installed.
        UsageError: The split has no sentence.
    """
    options: DsHmpTrackTrainOptions = arguments.options
    variant: Options = arguments.method_options
    device, config = arguments.device, options.losses
    start = load_start(options, device)
    torch.manual_seed(arguments.seed)
    network = TrackDsHmp(SIZES[variant.size], open_tagger(variant.tagger))
    expressions = ExpressionRows(arguments.data, config.con_samples)
    training = DsHmpTraining(network, len(expressions), MINI.extractor.channels).to(device)

    def loss_fn(clips: list[PromptedClip]) -> dict[str, Tensor]:
        read = network.read(start, [prompt for prompted in clips for prompt in prompted.prompts])
        parts, passes = [], []
        for prompted, own in zip(clips, read.split([len(prompted.prompts) for prompted in clips]), strict=True):
            passes.append(run_clip(network, prompted, own, config, device))
            parts.append({**passes[-1].losses, "loss_vita_sim": passes[-1].similarity})
        contrast = contrast_clips(network.vita_module, training.bank, expressions, clips, passes, config)
        losses = mean_losses(parts) | {"loss_con_sim": contrast}
        total = total_loss(losses, config, int(training.iteration))
        training.iteration += 1
        return {"loss": total, **losses}

    train_on_tracks(arguments, start, network, training, variant.threshold, loss_fn)


def contrast_clips(
    module: ClipModule,
    bank: MemoryBank,
    expressions: ExpressionRows,
    clips: list[PromptedClip],
    passes: list[ClipPass],
    config: DsHmpLossConfig,
) -> Tensor:
    """Update the memory bank with the expressions of some clips, then compare them with its rows.

    An expression's anchor is the mean embedding of its matched queries; without a match it is left out.
    """
    anchors, contrasts = [], []
    for prompted, found in zip(clips, passes, strict=True):
        embeddings = module.contrastive_embed(found.queries)
        for prompt, row, (queries, _) in zip(prompted.prompts, embeddings, found.pairs, strict=True):
            if len(queries):
                anchors.append(row[queries].mean(0))
                contrasts.append(expressions.contrast(prompted.clip.id, prompt.id))
    if not anchors:
        return 0 * passes[0].queries.sum()
    rows = torch.tensor([contrast.refer_id for contrast in contrasts], device=anchors[0].device)
    bank.update(rows, torch.stack(anchors).detach(), config.bank_momentum)
    return torch.stack(
        [contrastive_loss(anchor, contrast, bank.features) for anchor, contrast in zip(anchors, contrasts, strict=True)]
    ).mean()
