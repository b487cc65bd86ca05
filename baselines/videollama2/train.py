"""Training of the mini variant (``mevis-bench train --method videollama2 --variant mini``).

One stage, from nothing: the whole network learns to say, word by word, the sentences of the training split about
highlighted targets. Every step takes some target sets and a few sentences of each; half of the videos are mirrored,
left and right exchanged in their sentences.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from baselines.layers.caption_view import CaptionView, Highlight
from baselines.layers.fitting import Stage, fit
from baselines.videollama2.model import build, splice, visual_tokens
from baselines.videollama2.prompt import INSTRUCTION, prompt_ids
from baselines.videollama2.sizes import SIZES
from baselines.videollama2.training_cache import TargetCache, open_cache
from baselines.videollama2.word_tokenizer import build_tokenizer
from mevis_bench.records import TrainSetup, UsageError

MIRRORED = {"left": "right", "right": "left", "leftward": "rightward", "rightward": "leftward"}
NO_LOSS = -100


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """The training configuration (``configs/train/videollama2-mini.yaml``).

    Attributes:
        steps: Optimiser steps.
        learning_rate: Its peak.
        targets: Target sets in a step.
        sentences: Sentences of each, drawn with repetition.
        frames: Frames of a video; the variant's ``frames``.
        fit: How a frame becomes a square; the variant's ``fit``.
        colour: Of the targets; the variant's ``colour``.
        alpha: Its opacity; the variant's ``alpha``.
    """

    steps: int
    learning_rate: float
    targets: int
    sentences: int
    frames: int
    fit: str
    colour: list
    alpha: float

    @classmethod
    def read(cls, options: Mapping[str, object]) -> "TrainOptions":
        """Check a configuration.

        Raises:
            UsageError: An option is missing, unknown or of the wrong kind.
        """
        wanted = {field.name: field.type for field in fields(cls)}
        if options.keys() != wanted.keys():
            wrong = sorted(options.keys() ^ wanted.keys())
            raise UsageError(f"missing or unknown: {', '.join(wrong)}", where="videollama2's training options")
        for name, kind in wanted.items():
            if type(options[name]) is not kind:
                raise UsageError(f"{name} can't be {options[name]!r}", where="videollama2's training options")
        return cls(**options)


def train(setup: TrainSetup) -> None:
    """Train the mini variant, or go on with it, and write its folder of weights to ``setup.out / "mini"``.

    Raises:
        UsageError: The variant is not trained here, or an option can't be used.
    """
    if setup.variant != "mini":
        raise UsageError(f"variant {setup.variant} of videollama2 is not trained here", hint="Use --variant mini.")
    options = TrainOptions.read(setup.options)
    sizes = SIZES["mini"]
    view = CaptionView.from_options(setup.options, sizes.vision().image_size, sizes.mean, sizes.std)
    cache = open_cache(setup.data, setup.out / "cache", view, Highlight.from_options(setup.options))
    said = (sentence for sentences in cache.sentences for sentence in sentences)
    tokenizer = build_tokenizer(said, sizes.language().vocab_size)
    torch.manual_seed(setup.seed)
    network = build(sizes).to(setup.device)
    before, after = prompt_ids(tokenizer, INSTRUCTION, system_message=sizes.system_message)

    def compute(rng: np.random.Generator) -> dict[str, Tensor]:
        frames, sentences = draw_batch(cache, options, rng)
        labels = label_ids(tokenizer, sentences).to(setup.device)
        return {"loss": caption_loss(network, view.square.normalise(frames).to(setup.device), before, after, labels)}

    stage = Stage("captions", options.steps, options.learning_rate, warm_up=30, log_every=25)
    fit(stage, network, compute, setup.out, setup.seed, setup.progress)
    save_weights(network, tokenizer, setup)


def draw_batch(cache: TargetCache, options: TrainOptions, rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """Draw target sets and ``options.sentences`` sentences of each, target by target; half of them mirrored."""
    rows = np.sort(rng.choice(len(cache.sentences), options.targets, replace=False))
    frames, sentences = [], []
    for row in rows:
        mirrored = rng.random() < 0.5
        frames.append(cache.frames[row, :, :, ::-1] if mirrored else cache.frames[row])
        for said in rng.choice(cache.sentences[row], options.sentences):
            sentences.append(mirror(said) if mirrored else str(said))
    return np.stack(frames), sentences


def mirror(sentence: str) -> str:
    """Exchange left and right."""
    return re.sub(r"\b(left|right)(ward)?\b", lambda found: MIRRORED[found[0]], sentence)


def label_ids(tokenizer: PreTrainedTokenizerBase, sentences: list[str]) -> Tensor:
    """Token ids of sentences, each closed: int64 ``(n, l)``, ``NO_LOSS`` behind the end."""
    ids = [[*tokenizer(sentence).input_ids, tokenizer.eos_token_id] for sentence in sentences]
    longest = max(len(each) for each in ids)
    return torch.tensor([each + [NO_LOSS] * (longest - len(each)) for each in ids])


def caption_loss(
    network: PreTrainedModel, frames: Tensor, before: list[int], after: list[int], labels: Tensor
) -> Tensor:
    """Mean cross-entropy of the next word.

    Args:
        network: The model.
        frames: ``(b, t, 3, s, s)``, normalised.
        before: Token ids in front of the video.
        after: Token ids behind it.
        labels: ``(b * k, l)``: k sentences of every video, ``NO_LOSS`` where there is no word.
    """
    visual = visual_tokens(network, frames)
    visual = visual.repeat_interleave(len(labels) // len(visual), 0)
    first, second = (torch.tensor(ids, device=labels.device).expand(len(labels), -1) for ids in (before, after))
    said = network.model.embed_tokens(labels.clamp(min=0))
    states = network.model(inputs_embeds=torch.cat((splice(network, first, visual, second), said), 1))
    length = labels.shape[1]
    logits = network.lm_head(states.last_hidden_state[:, -length - 1 : -1])
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=NO_LOSS)


def save_weights(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, setup: TrainSetup) -> None:
    """Write the folder that ``--weights`` and the package take: tensors in half precision, and the tokenizer."""
    folder = setup.out / "mini"
    folder.mkdir(exist_ok=True)
    tensors = {key: value.detach().cpu().half().contiguous() for key, value in network.state_dict().items()}
    made_from = {
        "fingerprint": setup.data.fingerprint,
        "seed": str(setup.seed),
        "options": json.dumps(dict(setup.options)),
    }
    save_file(tensors, folder / "model.safetensors", metadata=made_from)
    tokenizer.save_pretrained(folder)
