"""Training of the mini variant: its data, losses and resumption."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from pycocotools import mask as coco
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy

from baselines.layers.inference.caption_view import CaptionView, Highlight, Square
from baselines.layers.inputs.mirror import mirror
from baselines.videollama2.adapter_train import sentence_loss
from baselines.videollama2.grounding_pretraining import GroundingHead
from baselines.videollama2.grounding_scratchpad import SCRATCHPAD_TOKENS, scratchpad_targets
from baselines.videollama2.method import load
from baselines.videollama2.model import build, splice, visual_tokens
from baselines.videollama2.options import Options
from baselines.videollama2.prompt import prompt_ids
from baselines.videollama2.sizes import SIZES
from baselines.videollama2.train import IGNORE_INDEX, caption_losses, train
from baselines.videollama2.train_options import TrainOptions
from baselines.videollama2.training_cache import open_cache, target_sets
from baselines.videollama2.word_tokenizer import build_tokenizer
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import (
    Expression,
    GroundTruth,
    MethodConfig,
    Rle,
    TargetMasks,
    Video,
)
from tests.baselines.overfit import Case, assert_resumes
from tests.fixtures.noise_video import noise_video
from tests.fixtures.training_arguments import make_training_arguments, read_options

OPTIONS = {
    "vision": {"steps": 2, "learning_rate": 1e-3, "targets": 2},
    "captions": {"steps": 3, "learning_rate": 1e-3, "targets": 2, "sentences": 2},
    "frames": 2, "fit": "squash", "color": [255, 0, 0], "alpha": 0.5,
}  # fmt: skip

ADAPTERS = Case(
    "videollama2",
    ("batch_size=2", "accumulation=2", "sentences=2", "warm_up=0", "learning_rate=1e-2", "lora_r=4"),
    {"size": "mini", "precision": "float32", "frames": 2, "max_new_tokens": 3},
    variant="7b",
    pattern="7b/*.safetensors",
    files=lambda path: {"model": path.parent},
)


class FakeSplit:
    """One video, two objects, four sentences: two of one, one of both, one without target."""

    video_ids = ("v",)
    fingerprint = "f"

    def __init__(self, folder: Path) -> None:
        self._video = noise_video(folder, frames=2, height=24, width=32)

    def video(self, video_id: str) -> Video:
        return self._video

    def ground_truths(self, video_id: str) -> list[GroundTruth]:
        mask = np.asfortranarray(np.eye(24, 32, dtype=np.uint8))
        track = (Rle(24, 32, coco.encode(mask)["counts"]),) * 2
        expressions = [
            ("the cat moving left", ("a",)),
            ("the cat running", ("a",)),
            ("both cats", ("a", "b")),
            ("none", ()),
        ]
        return [
            GroundTruth("v", Expression(str(i), text, ids), 24, 32, 2, (track,) * len(ids),
                  tuple(other for other, its in expressions if its == ids))
            for i, (text, ids) in enumerate(expressions)
        ]  # fmt: skip


def test_target_sets_come_once_with_all_their_sentences(tmp_path: Path) -> None:
    sets = target_sets(FakeSplit(tmp_path), "v")
    assert [(target.id, len(target.objects), texts) for target, texts in sets] == [
        ("0", 1, ("the cat moving left", "the cat running")),
        ("2", 2, ("both cats",)),
    ]


def test_mirroring_exchanges_left_and_right_and_nothing_else() -> None:
    assert (
        mirror("the only one going left, then rightward, leftover")
        == "the only one going right, then leftward, leftover"
    )
    assert mirror(mirror("up to the left")) == "up to the left"


def test_training_writes_a_folder_that_loads(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    data = FakeSplit(tmp_path / "frames")
    out = tmp_path / "out"
    losses = []
    options = read_options(OPTIONS, TrainOptions)
    setup = make_training_arguments("mini", options, data, out, progress=lambda *logged: losses.append(logged))
    out.mkdir()
    train(setup)
    assert [(stage, step, steps) for stage, step, steps, _ in losses] == [("vision", 2, 2), ("captions", 3, 3)]
    train(setup)
    assert len(losses) == 2  # complete: loaded, not trained again
    view = {key: OPTIONS[key] for key in ("frames", "fit", "color", "alpha")}
    options = view | {"size": "mini", "precision": "float32", "bits": 16, "max_new_tokens": 3}
    method = load(MethodConfig("rmeg", "mini", Options(**options), {"model": out / "mini"}, "cpu", 0))
    (caption,) = method.predict(data.video("v"), [TargetMasks("0", ((None,) * 2,))])
    assert len(caption.text.split()) <= 3


def test_sentences_with_a_shared_prefix_have_the_losses_of_separate_ones() -> None:
    torch.manual_seed(0)
    network = build(SIZES["mini"]).eval()
    visual, before, after = torch.randn(2, 80, 128), [1, 2], [3, 4, 5]
    labels = torch.randint(3, 300, (2, 3, 5))
    labels[0, 1, 3:] = labels[1, 2, 4:] = IGNORE_INDEX
    scratchpad = torch.randint(3, 300, (2, 6))
    together = caption_losses(network, visual, before, after, scratchpad, labels)
    costs, scratchpad_costs = [], []
    for video, tokens, sentences in zip(visual, scratchpad, labels, strict=True):
        for sentence in sentences:
            target = torch.cat((tokens, sentence[sentence != IGNORE_INDEX]))
            prefix = splice(network, torch.tensor([before]), video[None], torch.tensor([after]))
            inputs = torch.cat((prefix, network.model.embed_tokens(target[None])), 1)
            logits = network(inputs_embeds=inputs).logits[0, -len(target) - 1 : -1]
            cost = cross_entropy(logits, target, reduction="none").tolist()
            costs += cost[6:]
            scratchpad_costs += cost[:6]
    assert together["words"].item() == pytest.approx(np.mean(costs), rel=1e-5)
    assert together["scratchpad"].item() == pytest.approx(np.mean(scratchpad_costs), rel=1e-5)


def test_the_scratchpad_gives_column_row_and_spread_of_the_target() -> None:
    coverage = torch.zeros(1, 3, 24, 24, dtype=torch.uint8)
    coverage[0, 0, 2:5, 10:13] = 255
    coverage[0, 1, 20, 4] = 255
    coverage[0, 1, 20, 14] = 255
    (scratchpad,) = scratchpad_targets(coverage)
    spread = int(2 * (4 / 3) ** 0.5)  # three cells side by side have variance 2/3, in both directions
    assert [SCRATCHPAD_TOKENS[token] for token in scratchpad] == [
        "<11>", "<3>", f"<{spread}>", "<9>", "<20>", "<10>", "<none>", "<none>", "<none>",
    ]  # fmt: skip


def test_the_scratchpad_is_removed_from_the_sentence() -> None:
    tokenizer = build_tokenizer(["the ball moving left"], 320)
    ids = tokenizer.convert_tokens_to_ids([*SCRATCHPAD_TOKENS[:3], "the", "ball", "</s>"])
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True).strip() == "the ball"


def test_a_token_predicts_the_cells_of_its_receptive_field() -> None:
    """Whatever moves a token before the second stage mixes targets lies in the piece it answers for."""
    head = GroundingHead(SIZES["mini"])
    for frame, row, column in ((0, 0, 0), (3, 10, 23), (7, 23, 5)):
        coverage = torch.zeros(1, 8, 24, 24)
        coverage[0, frame, row, column] = 1
        targets = head.cell_targets(coverage)
        assert targets.shape == (1, 5 * 4 * 4, 2 * 8 * 8)
        place = [(index + border) // size for index, border, size in ((frame, 1, 2), (row, 4, 8), (column, 4, 8))]
        token = (place[0] * 4 + place[1]) * 4 + place[2]
        assert targets[0, token].sum() == targets.sum() == 1
        patches = torch.zeros(1, 1, 8, 6, 6)
        patches[0, 0, frame, row // 4, column // 4] = 1
        reduction = torch.nn.Conv3d(1, 1, 2, stride=2, padding=1, bias=False)
        torch.nn.init.ones_(reduction.weight)
        assert reduction(patches).flatten().nonzero().tolist() == [[token]]


def test_the_cache_stores_the_coverage_of_cells(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    data = FakeSplit(tmp_path / "frames")
    view = CaptionView(OPTIONS["frames"], Square(96, OPTIONS["fit"]))
    cache = open_cache(data, tmp_path / "cache", view, Highlight((255, 0, 0), 0.5))
    assert cache.coverage.shape == (2, 2, 24, 24)
    rows, columns = np.nonzero(cache.coverage[0, 0] > 40)
    assert len(rows)
    assert np.abs(rows - columns * 32 / 24).max() <= 1.5  # the mask is a diagonal of a 24 x 32 frame


def test_the_shipped_weights_describe_targets_differently() -> None:
    split = open_dataset(None, "valid_u")
    spec = yaml.safe_load((Path("baselines/videollama2") / "method.yaml").read_text())["variants"]["mini"]
    weights = {"model": Path("baselines/videollama2/weights/mini")}
    method = load(MethodConfig("rmeg", "mini", Options(**spec["options"]), weights, "cpu", 0))
    video_id = split.video_ids[0]
    targets = [target for target, _ in target_sets(split, video_id)]
    texts = [caption.text for caption in method.predict(split.video(video_id), targets)]
    assert len(set(texts)) > 1
    assert not [text for text in texts if "<" in text or not text.startswith("the ")]


def test_adapters_and_connector_of_a_published_size_learn_and_are_merged(tmp_path: Path) -> None:
    first = load_file(ADAPTERS.train(tmp_path / "first", "steps=1", "learning_rate=0", "mm_projector_lr=0"))
    weights = ADAPTERS.train(tmp_path / "out", "steps=3")
    moved = {name for name, value in load_file(weights).items() if not torch.equal(value, first[name])}
    layers = [f"model.layers.{number}." for number in range(SIZES["mini"].language().num_hidden_layers)]
    assert {name for name in moved if "mm_projector" not in name} == {
        f"{layer}{part}.{name}.weight"
        for layer in layers
        for part, names in (("self_attn", "qkvo"), ("mlp", ("gate", "up", "down")))
        for name in (f"{each}_proj" for each in names)
    }
    assert any("mm_projector" in name for name in moved)
    captions = ADAPTERS.captions(weights)
    assert len(captions) == 4
    assert all(len(caption.split()) <= 3 for caption in captions)


def test_a_stopped_training_of_adapters_gives_the_same_bytes(tmp_path: Path) -> None:
    assert_resumes(ADAPTERS, tmp_path)


def test_a_sentence_after_its_prompt_costs_what_its_words_do() -> None:
    torch.manual_seed(0)
    network, tokenizer = build(SIZES["mini"]).eval(), build_tokenizer(["the cat runs to the left"], 320)
    prompt = prompt_ids(tokenizer, "the cat", system_message=False)
    frames, texts = torch.randn(2, 2, 3, 96, 96), ["the cat", "the cat runs", "left", "runs to the left"]
    costs = []
    for number, text in enumerate(texts):
        ids = [*tokenizer(text).input_ids, tokenizer.eos_token_id]
        visual = visual_tokens(network, frames[number % 2, None])
        prefix = splice(network, torch.tensor([prompt[0]]), visual, torch.tensor([prompt[1]]))
        inputs = torch.cat((prefix, network.model.embed_tokens(torch.tensor([ids]))), 1)
        logits = network(inputs_embeds=inputs).logits[0, -len(ids) - 1 : -1]
        costs += cross_entropy(logits, torch.tensor(ids), reduction="none").tolist()
    loss = sentence_loss(network, tokenizer, prompt, frames, texts)
    assert loss.item() == pytest.approx(np.mean(costs), rel=1e-5)
