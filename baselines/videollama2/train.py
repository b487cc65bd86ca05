"""Training of the mini variant (``mevis-bench train --method videollama2 --variant mini``), from nothing.

1. ``vision``: vision tower and connector learn to see where the highlighted targets are: every visual token tells which
   part of its piece of the clip is highlighted (``locating.py``). It stands in for a pretrained CLIP.
2. ``captions``: the whole network learns to note where the targets are (``notes.py``), and then to say, word by word,
   the sentences about them.

Every step takes some target sets and, in stage 2, a few sentences of each; half of the videos are mirrored, left and
right exchanged in their sentences. Axes: b target sets, k sentences of each, l words.
"""

import json

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from baselines.layers.inference.caption_view import CaptionView, Highlight
from baselines.layers.inputs.mirror import mirror
from baselines.layers.training.train_options import read_train_options
from baselines.layers.training.trainer import Stage, fit
from baselines.videollama2.locating import Locator, locating_loss
from baselines.videollama2.model import build, splice, visual_tokens
from baselines.videollama2.notes import NOTE_TOKENS, notes_of
from baselines.videollama2.prompt import INSTRUCTION, prompt_ids
from baselines.videollama2.sizes import SIZES
from baselines.videollama2.train_options import TrainOptions
from baselines.videollama2.training_cache import TargetCache, open_cache
from baselines.videollama2.word_tokenizer import build_tokenizer
from mevis_bench.records import TrainingArguments, UsageError

NO_LOSS = -100


def train(setup: TrainingArguments) -> None:
    """Train the mini variant, or go on with it, and write its folder of weights to ``setup.out / "mini"``.

    Raises:
        UsageError: The variant is not trained here, or an option can't be used.
    """
    if setup.variant != "mini":
        raise UsageError(f"variant {setup.variant} of videollama2 is not trained here", hint="Use --variant mini.")
    options = read_train_options(setup.options, TrainOptions)
    sizes = SIZES["mini"]
    view = CaptionView.from_options(setup.options, sizes.vision().image_size, sizes.mean, sizes.std)
    cache = open_cache(setup.data, setup.out / "cache", view, Highlight.from_options(setup.options))
    said = (sentence for sentences in cache.sentences for sentence in sentences)
    tokenizer = build_tokenizer(said, sizes.language().vocab_size)
    torch.manual_seed(setup.seed)
    network = build(sizes).to(setup.device)
    seeing = nn.ModuleDict({"tower": network.model.vision_tower, "connector": network.model.mm_projector})
    seeing["locator"] = Locator(sizes).to(setup.device)
    before, after = prompt_ids(tokenizer, INSTRUCTION, system_message=sizes.system_message)

    def look(frames: NDArray[np.uint8]) -> Tensor:
        return visual_tokens(network, view.square.normalize(frames).to(setup.device))

    note_ids = torch.tensor(tokenizer.convert_tokens_to_ids(list(NOTE_TOKENS)))

    def see(rng: np.random.Generator) -> dict[str, Tensor]:
        rows, mirrored = draw_targets(cache, options.vision.targets, rng)
        frames, shares = (flipped(array, rows, mirrored) for array in (cache.frames, cache.shares))
        return {"loss": locating_loss(seeing["locator"], look(frames), torch.from_numpy(shares).to(setup.device))}

    def describe(rng: np.random.Generator) -> dict[str, Tensor]:
        rows, mirrored = draw_targets(cache, options.captions.targets, rng)
        sentences = draw_sentences(cache, rows, mirrored, options.captions.sentences, rng)
        labels = label_ids(tokenizer, sentences).unflatten(0, (len(rows), -1)).to(setup.device)
        notes = note_ids[notes_of(torch.from_numpy(flipped(cache.shares, rows, mirrored)))].to(setup.device)
        return caption_losses(network, look(flipped(cache.frames, rows, mirrored)), before, after, notes, labels)

    for name, stage, module, compute in (
        ("vision", options.vision, seeing, see),
        ("captions", options.captions, network, describe),
    ):
        fit(Stage(name, stage.steps, stage.learning_rate), module, compute, setup.out, setup.seed, setup.progress)
    save_weights(network, tokenizer, setup)


def draw_targets(cache: TargetCache, count: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Draw rows of ``count`` target sets, int64 ``(b,)``, and which to mirror, bool ``(b,)``."""
    rows = np.sort(rng.choice(len(cache.sentences), min(count, len(cache.sentences)), replace=False))
    return rows, rng.random(len(rows)) < 0.5


def flipped(array: NDArray, rows: NDArray, mirrored: NDArray) -> NDArray:
    """Take ``rows`` of ``(n, t, height, width, ...)``, the mirrored ones from right to left."""
    return np.stack([array[row][:, :, ::-1] if flip else array[row] for row, flip in zip(rows, mirrored, strict=True)])


def draw_sentences(
    cache: TargetCache, rows: NDArray, mirrored: NDArray, count: int, rng: np.random.Generator
) -> list[str]:
    """Draw ``count`` sentences of every target set, with repetition, set by set."""
    sentences = []
    for row, flip in zip(rows, mirrored, strict=True):
        for said in rng.choice(cache.sentences[row], count):
            sentences.append(mirror(said) if flip else str(said))
    return sentences


def label_ids(tokenizer: PreTrainedTokenizerBase, sentences: list[str]) -> Tensor:
    """Token ids of sentences, each closed: int64 ``(n, l)``, ``NO_LOSS`` behind the end."""
    ids = [[*tokenizer(sentence).input_ids, tokenizer.eos_token_id] for sentence in sentences]
    longest = max(len(each) for each in ids)
    return torch.tensor([each + [NO_LOSS] * (longest - len(each)) for each in ids])


def caption_losses(
    network: PreTrainedModel, visual: Tensor, before: list[int], after: list[int], notes: Tensor, labels: Tensor
) -> dict[str, Tensor]:
    """Mean cross-entropy of the next word; the sentences of a target set share what stands in front of them.

    Args:
        network: The model.
        visual: Visual tokens of the videos, ``(b, m, d)``.
        before: Token ids in front of the video.
        after: Token ids behind it.
        notes: Token ids of the notes, ``(b, p)``.
        labels: int64 ``(b, k, l)``, ``NO_LOSS`` where there is no word.

    Returns:
        ``notes``, ``words``, and their sum ``loss``.
    """
    b, k, length = labels.shape
    embed = network.model.embed_tokens
    first, second = (torch.tensor(ids, device=labels.device).expand(b, -1) for ids in (before, after))
    prefix = torch.cat((splice(network, first, visual, second), embed(notes)), 1)
    shared = prefix.shape[1]
    states = network.model(
        inputs_embeds=torch.cat((prefix, embed(labels.clamp(min=0).flatten(1))), 1),
        attention_mask=side_by_side(shared, k, length, prefix.device)[None, None],
        position_ids=torch.cat((torch.arange(shared), shared + torch.arange(length).repeat(k))).to(labels.device)[None],
        use_cache=False,
    ).last_hidden_state
    noted = network.lm_head(states[:, shared - 1 - notes.shape[1] : shared - 1])
    told = states[:, shared:].unflatten(1, (k, length))[:, :, :-1]
    start = states[:, None, shared - 1 : shared].expand(-1, k, -1, -1)
    logits = network.lm_head(torch.cat((start, told), 2))
    parts = {
        "notes": F.cross_entropy(noted.flatten(0, 1), notes.flatten()),
        "words": F.cross_entropy(logits.flatten(0, 2), labels.flatten(), ignore_index=NO_LOSS),
    }
    return {"loss": parts["notes"] + parts["words"], **parts}


def side_by_side(shared: int, sentences: int, length: int, device: torch.device) -> Tensor:
    """Who sees whom where ``sentences`` of ``length`` words go on from one prefix: bool ``(tokens, tokens)``.

    A word sees the prefix and the words before it in its own sentence, not the other sentences.
    """
    own = torch.block_diag(*[torch.ones(length, length)] * sentences)
    sees = torch.ones(shared + len(own), shared + len(own))
    sees[shared:, shared:] = own
    return sees.tril().bool().to(device)


def save_weights(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, setup: TrainingArguments) -> None:
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
