"""Fine-tuning of the published sizes on sentences about highlighted targets, with low-rank adapters.

The authors' recipe for other data, ``scripts/custom/finetune_lora.sh``: adapters on every linear layer of the language
model, the connector trained whole, the vision tower frozen. Axes: b target sets, k sentences of each, l words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from baselines.layers.checkpoints.pretrained import read_tokenizer
from baselines.layers.checkpoints.sharded_checkpoint import SINGLE
from baselines.layers.checkpoints.weights_file import save_weights
from baselines.layers.inference.caption_method import CaptionMethod
from baselines.layers.inference.caption_view import CaptionView, Highlight, Square
from baselines.layers.nn.lora import add_lora, merge_lora
from baselines.layers.options import Count, Rate
from baselines.layers.training.caption_training import (
    CaptionStage,
    CaptionTrainOptions,
    fit_captions,
    training_sentences,
)
from baselines.layers.training.distributed import mean_over_processes
from baselines.layers.training.parameter_groups import GroupRule, every_parameter, group_parameters
from baselines.videollama2.checkpoint import load_network
from baselines.videollama2.method import VideoLlama2
from baselines.videollama2.model import build, splice, visual_tokens
from baselines.videollama2.options import Options
from baselines.videollama2.prompt import INSTRUCTION, prompt_ids
from baselines.videollama2.sizes import SIZES
from baselines.videollama2.word_tokenizer import build_tokenizer
from mevis_bench.records import TrainingArguments
from mevis_bench.records.schedules import WarmupCosineSchedule

ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Linear layers of a block of the language model."""

IGNORE_INDEX = -100
"""Label without loss (transformers' convention)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterTrainOptions(CaptionTrainOptions):
    """Options of a training (``configs/train/videollama2-7b.yaml``); a cosine to 0 follows the warm-up.

    Attributes:
        accumulation: Micro-batches per process and step.
        learning_rate: Peak learning rate of the adapters.
        mm_projector_lr: That of the connector.
        lora_r: Rank of the adapters.
        lora_alpha: Their scale, times the rank.
        bf16: Whether the network runs in bfloat16.
        gradient_checkpointing: Whether the language model's states are computed again in the backward pass.
        start: Folder of published weights; ``None``: seeded random weights, and the words of the training's sentences.
    """

    accumulation: Count
    learning_rate: Rate
    mm_projector_lr: Rate
    lora_r: Count
    lora_alpha: Rate
    bf16: bool
    gradient_checkpointing: bool
    start: str | None

    @property
    def precision(self) -> Literal["float32", "bfloat16"]:
        """Data type of the network."""
        return "bfloat16" if self.bf16 else "float32"


class AutocastCaptioner:
    """A captioner that runs as in training: adapters are float32, what they adapt is not.

    Args:
        captioner: The network with its decoding.
        precision: Data type of the network.
    """

    def __init__(self, captioner: VideoLlama2, precision: Literal["float32", "bfloat16"]) -> None:
        self.captioner, self.precision = captioner, precision
        self.network = captioner.network

    def describe(self, frames: Tensor) -> str:
        """Generate a sentence for normalized frames ``(t, 3, side, side)``."""
        dtype = getattr(torch, self.precision)
        with torch.autocast(self.network.device.type, dtype, enabled=self.precision != "float32"):
            return self.captioner.describe(frames)


def train_adapters(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write a folder of weights, adapters merged.

    Raises:
        UsageError: No sentence of the split has a target.
        DataError: The folder to start from does not fit.
        MevisBenchError: There are evaluations, and no Java.
    """
    options: AdapterTrainOptions = arguments.options
    variant: Options = arguments.method_options
    sizes = SIZES[variant.size]
    torch.manual_seed(arguments.seed)
    tokenizer: PreTrainedTokenizerBase
    if options.start is None:
        network = nn.Module.to(build(sizes), arguments.device)
        tokenizer = build_tokenizer(training_sentences(arguments.data), sizes.language().vocab_size)
    else:
        dtype = getattr(torch, options.precision)
        network = load_network(Path(options.start), sizes, dtype=dtype, device=arguments.device, bits=16)
        tokenizer = read_tokenizer(Path(options.start), chat=True)
    adapt(network, options)
    prompt = prompt_ids(tokenizer, INSTRUCTION, system_message=sizes.system_message and options.start is not None)
    view = CaptionView(variant.frames, Square(sizes.image_size, variant.fit, sizes.mean, sizes.std))
    highlight = Highlight.from_options(variant)
    captioner = AutocastCaptioner(VideoLlama2(network, tokenizer, prompt, variant.max_new_tokens), options.precision)
    rules = [
        GroupRule("connector", lambda name: "mm_projector" in name, options.mm_projector_lr, options.weight_decay),
        GroupRule("adapters", every_parameter, options.learning_rate, options.weight_decay),
    ]
    stage = CaptionStage(
        network=network,
        groups=group_parameters(network, rules),
        view=view,
        highlight=highlight,
        losses=lambda frames, texts: {"loss": sentence_loss(network, tokenizer, prompt, frames, texts)},
        schedule=WarmupCosineSchedule(options.warm_up),
        max_gradient_norm=1.0,
        method=CaptionMethod("VideoLLaMA 2", captioner, view, highlight),
        accumulation=options.accumulation,
        precision=options.precision,
    )
    fit_captions(arguments, options, stage)
    if arguments.trainer.is_main_process:
        merge_lora(network)
        folder = arguments.out / arguments.variant
        folder.mkdir(exist_ok=True)
        metadata = {"data_fingerprint": arguments.data.fingerprint, "seed": str(arguments.seed)}
        tensors = {key: value.detach().cpu().half().contiguous() for key, value in network.state_dict().items()}
        save_weights(tensors, folder / SINGLE, metadata)
        tokenizer.save_pretrained(folder)


def adapt(network: PreTrainedModel, options: AdapterTrainOptions) -> None:
    """Freeze the network but for adapters in its language model and the connector, both float32."""
    network.requires_grad_(False)
    add_lora(network.model.layers, ADAPTED, options.lora_r, options.lora_alpha)
    network.model.mm_projector.float().requires_grad_(True)
    if options.gradient_checkpointing:
        network.gradient_checkpointing_enable({"use_reentrant": False})


def sentence_loss(
    network: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompt: tuple[list[int], list[int]],
    frames: Tensor,
    texts: Sequence[str],
) -> Tensor:
    """Mean cross-entropy of the words of sentences and their ends, over all processes.

    Args:
        network: The network.
        tokenizer: Of the language model.
        prompt: Token ids before and after the video.
        frames: Normalized, ``(b, t, 3, side, side)``.
        texts: ``k * b`` sentences: one about each set, then the next one about each.
    """
    rows = [
        torch.tensor([*tokenizer(text, add_special_tokens=False).input_ids, tokenizer.eos_token_id]) for text in texts
    ]
    labels = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=IGNORE_INDEX).to(frames.device)
    visual = visual_tokens(network, frames).repeat(len(texts) // len(frames), 1, 1)
    before, after = (torch.tensor(ids, device=frames.device).expand(len(texts), -1) for ids in prompt)
    prefix = splice(network, before, visual, after)
    words = network.model.embed_tokens(labels.clamp(min=0))
    states = network.model(inputs_embeds=torch.cat((prefix, words), 1), use_cache=False).last_hidden_state
    logits = network.lm_head(states[:, prefix.shape[1] - 1 : -1]).float()  # padding at the end needs no causal mask
    mean = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORE_INDEX)
    return mean_over_processes(mean, int((labels != IGNORE_INDEX).sum()))
