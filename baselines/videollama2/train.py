"""Training of the mini variant from scratch (``mevis-bench train --method videollama2 --variant mini``).

Published sizes are fine-tuned by ``adapter_train.py``.

1. ``vision``: vision tower and connector learn to localize the highlighted targets (``grounding_pretraining.py``), in
   place of a pretrained CLIP.
2. ``captions``: the whole network learns the targets' grounding scratchpad (``grounding_scratchpad.py``), then the
   sentences about them, by next-token prediction.

A step takes some target sets and, in stage 2, a few sentences of each; half of the videos are mirrored, with left and
right exchanged in their sentences. Axes: b target sets, k sentences of each, l words, p scratchpad tokens.
"""

import json
import operator
from collections.abc import Callable, Mapping
from dataclasses import asdict

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from baselines.layers.checkpoints.weights_file import save_weights
from baselines.layers.inference.caption_view import CaptionView, Highlight, Square
from baselines.layers.inputs.mirror import mirror
from baselines.layers.training.parameter_groups import group_by_shape
from baselines.videollama2.adapter_train import IGNORE_INDEX, AdapterTrainOptions, train_adapters
from baselines.videollama2.grounding_pretraining import GroundingHead, grounding_loss
from baselines.videollama2.grounding_scratchpad import SCRATCHPAD_TOKENS, scratchpad_targets
from baselines.videollama2.model import build, splice, visual_tokens
from baselines.videollama2.prompt import INSTRUCTION, prompt_ids
from baselines.videollama2.sizes import SIZES
from baselines.videollama2.train_options import OPTIONS as OPTIONS
from baselines.videollama2.train_options import CaptionOptions, TrainOptions, VisionOptions
from baselines.videollama2.training_cache import TargetCache, open_cache
from baselines.videollama2.word_tokenizer import build_tokenizer
from mevis_bench.records import TrainingArguments
from mevis_bench.records.schedules import WarmupCosineSchedule
from mevis_bench.records.training import SamplePosition, TrainingStage

LossFn = Callable[[np.random.Generator], Mapping[str, Tensor]]


def train(arguments: TrainingArguments) -> None:
    """Train a variant, resuming if possible, and write its folder of weights to ``arguments.out / variant``.

    Raises:
        DataError: A file of the split is invalid.
        MevisBenchError: See `train_adapters`, for the published sizes.
    """
    if isinstance(arguments.options, AdapterTrainOptions):
        train_adapters(arguments)
        return
    options: TrainOptions = arguments.options
    sizes = SIZES["mini"]
    view = CaptionView(options.frames, Square(sizes.image_size, options.fit, sizes.mean, sizes.std))
    red, green, blue = options.color
    highlight = Highlight((red, green, blue), options.alpha)
    cache = open_cache(arguments.data, arguments.out / "cache", view, highlight)
    tokenizer = build_tokenizer((text for texts in cache.sentences for text in texts), sizes.language().vocab_size)
    torch.manual_seed(arguments.seed)
    network = build(sizes)
    nn.Module.to(network, arguments.device)
    vision = nn.ModuleDict({"tower": network.model.vision_tower, "connector": network.model.mm_projector})
    head = GroundingHead(sizes).to(arguments.device)
    vision["locator"] = head
    before, after = prompt_ids(tokenizer, INSTRUCTION, system_message=sizes.system_message)
    scratchpad_ids = torch.tensor(tokenizer.convert_tokens_to_ids(list(SCRATCHPAD_TOKENS)))

    def encode(frames: NDArray[np.uint8]) -> Tensor:
        return visual_tokens(network, view.square.normalize(frames).to(arguments.device))

    def sample(rng: np.random.Generator, position: SamplePosition) -> np.random.Generator:
        return rng  # all frames are cached in memory: the losses draw the target sets themselves

    def vision_loss(rng: np.random.Generator) -> dict[str, Tensor]:
        rows, mirrored = draw_targets(cache, options.vision.targets, rng)
        frames, coverage = (flipped(array, rows, mirrored) for array in (cache.frames, cache.coverage))
        return {"loss": grounding_loss(head, encode(frames), torch.from_numpy(coverage).to(arguments.device))}

    def caption_loss(rng: np.random.Generator) -> dict[str, Tensor]:
        rows, mirrored = draw_targets(cache, options.captions.targets, rng)
        sentences = draw_sentences(cache, rows, mirrored, options.captions.sentences, rng)
        encoded = label_ids(tokenizer, sentences)
        labels = encoded.view(len(rows), -1, encoded.shape[-1]).to(arguments.device)
        coverage = torch.from_numpy(flipped(cache.coverage, rows, mirrored))
        scratchpad = scratchpad_ids[scratchpad_targets(coverage)].to(arguments.device)
        visual = encode(flipped(cache.frames, rows, mirrored))
        return caption_losses(network, visual, before, after, scratchpad, labels)

    modules: list[tuple[str, VisionOptions | CaptionOptions, nn.Module, LossFn]] = [
        ("vision", options.vision, vision, vision_loss),
        ("captions", options.captions, network, caption_loss),
    ]
    for name, stage_options, module, loss_fn in modules:
        stage = TrainingStage(
            name=name,
            module=module,
            groups=group_by_shape(module, stage_options.learning_rate, 0.05),
            sample=sample,
            collate=operator.itemgetter(0),
            loss_fn=loss_fn,
            steps=stage_options.steps,
            schedule=WarmupCosineSchedule(100),
            betas=(0.9, 0.98),
            max_gradient_norm=1.0,
        )
        arguments.trainer.fit(stage)
    if arguments.trainer.is_main_process:
        save_folder(network, tokenizer, arguments)


def draw_targets(
    cache: TargetCache, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Draw rows of ``count`` target sets, int64 ``(b,)``, and which to mirror, bool ``(b,)``."""
    rows = np.sort(rng.choice(len(cache.sentences), min(count, len(cache.sentences)), replace=False))
    return rows, rng.random(len(rows)) < 0.5


def flipped(array: NDArray[np.uint8], rows: NDArray[np.int64], mirrored: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Select ``rows`` of ``(n, t, height, width, ...)`` and flip the mirrored ones horizontally."""
    return np.stack([array[row][:, :, ::-1] if flip else array[row] for row, flip in zip(rows, mirrored, strict=True)])


def draw_sentences(
    cache: TargetCache,
    rows: NDArray[np.int64],
    mirrored: NDArray[np.bool_],
    count: int,
    rng: np.random.Generator,
) -> list[str]:
    """Draw ``count`` sentences of every target set, with repetition, set by set."""
    sentences = []
    for row, flip in zip(rows, mirrored, strict=True):
        for sentence in rng.choice(cache.sentences[row], count):
            sentences.append(mirror(sentence) if flip else str(sentence))
    return sentences


def label_ids(tokenizer: PreTrainedTokenizerBase, sentences: list[str]) -> Tensor:
    """Token ids of sentences with their end token: int64 ``(n, l)``, padded with ``IGNORE_INDEX``."""
    ids = [[*tokenizer(sentence).input_ids, tokenizer.eos_token_id] for sentence in sentences]
    longest = max(len(sentence) for sentence in ids)
    return torch.tensor([sentence + [IGNORE_INDEX] * (longest - len(sentence)) for sentence in ids])


def caption_losses(
    network: PreTrainedModel, visual: Tensor, before: list[int], after: list[int], scratchpad: Tensor, labels: Tensor
) -> dict[str, Tensor]:
    """Mean cross-entropy of next tokens; the sentences of a target set share prompt, video and scratchpad.

    Args:
        network: The model.
        visual: Visual tokens of the videos, ``(b, m, d)``.
        before: Token ids before the video.
        after: Token ids after the video.
        scratchpad: Token ids of the grounding scratchpad, ``(b, p)``.
        labels: int64 ``(b, k, l)``, ``IGNORE_INDEX`` on padding.

    Returns:
        ``scratchpad``, ``words``, and their sum ``loss``.
    """
    b, k, length = labels.shape
    embed = network.model.embed_tokens
    first, second = (torch.tensor(ids, device=labels.device).expand(b, -1) for ids in (before, after))
    prefix = torch.cat((splice(network, first, visual, second), embed(scratchpad)), 1)
    shared = prefix.shape[1]
    states = network.model(
        inputs_embeds=torch.cat((prefix, embed(labels.clamp(min=0).flatten(1))), 1),
        attention_mask=shared_prefix_mask(shared, k, length, prefix.device)[None, None],
        position_ids=torch.cat((torch.arange(shared), shared + torch.arange(length).repeat(k))).to(labels.device)[None],
        use_cache=False,
    ).last_hidden_state
    scratchpad_logits = network.lm_head(states[:, shared - 1 - scratchpad.shape[1] : shared - 1])
    inner = states[:, shared:].reshape(b, k, length, -1)[:, :, :-1]
    start = states[:, None, shared - 1 : shared].expand(-1, k, -1, -1)
    logits = network.lm_head(torch.cat((start, inner), 2))
    parts = {
        "scratchpad": F.cross_entropy(scratchpad_logits.flatten(0, 1), scratchpad.flatten()),
        "words": F.cross_entropy(logits.flatten(0, 2), labels.flatten(), ignore_index=IGNORE_INDEX),
    }
    return {"loss": parts["scratchpad"] + parts["words"], **parts}


def shared_prefix_mask(shared: int, sentences: int, length: int, device: torch.device) -> Tensor:
    """Causal attention mask of several sentences after one prefix: bool ``(tokens, tokens)``, ``True`` = attend.

    A word attends to the prefix and to earlier words of its sentence, not to other sentences.

    Args:
        shared: Tokens of the prefix.
        sentences: Number of sentences.
        length: Tokens of each.
        device: Device of the mask.
    """
    same_sentence = torch.eye(sentences).repeat_interleave(length, 0).repeat_interleave(length, 1)
    mask = torch.ones(shared + len(same_sentence), shared + len(same_sentence))
    mask[shared:, shared:] = same_sentence
    return mask.tril().bool().to(device)


def save_folder(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, arguments: TrainingArguments) -> None:
    """Write a folder for ``--weights`` and the package: tensors in half precision, and the tokenizer."""
    folder = arguments.out / "mini"
    folder.mkdir(exist_ok=True)
    tensors = {key: value.detach().cpu().half().contiguous() for key, value in network.state_dict().items()}
    metadata = {
        "fingerprint": arguments.data.fingerprint,
        "seed": str(arguments.seed),
        "options": json.dumps(asdict(arguments.options)),
    }
    save_weights(tensors, folder / "model.safetensors", metadata)
    tokenizer.save_pretrained(folder)
