from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from baselines.layers.checkpoints.trajectory_checkpoint import IGNORED_KEYS
from baselines.layers.inference.query_segmenter import QuerySegmenter, SegmenterSettings
from baselines.layers.inputs.resize import PIXEL_MEAN, PIXEL_STD
from baselines.layers.nn.clip_query_module import ClipDecoderConfig
from baselines.layers.nn.query_decoder import QueryDecoderConfig
from baselines.layers.nn.swin import SwinConfig
from baselines.layers.nn.text_encoder import HashTokenizer, build_roberta
from baselines.layers.nn.trajectory_network import TrajectoryNetworkConfig
from baselines.lmpm import checkpoint, method
from baselines.lmpm.method import sentence_ids
from baselines.lmpm.model import Lmpm
from baselines.lmpm.options import Options
from mevis_bench.methods.method_spec import read_method_spec
from mevis_bench.records import DataError, MethodConfig, TextPrompt
from tests.baselines.parity import tiny_roberta, tiny_roberta_config
from tests.fixtures.noise_video import noise_video
from tests.paths import ROOT

SPEC = read_method_spec(ROOT / "baselines" / "lmpm" / "method.yaml")
SMALL = TrajectoryNetworkConfig(
    swin=SwinConfig(16, (1, 1, 1, 1), (2, 2, 2, 2)), frame=QueryDecoderConfig(32), clip=ClipDecoderConfig(32)
)


def small():
    """LMPM with small widths."""
    torch.manual_seed(0)
    return Lmpm(tiny_roberta(), SMALL).eval()


@pytest.fixture
def video(tmp_path):
    return noise_video(tmp_path, 5, 40, 60)


def test_sentences_are_lowered_cut_and_padded_with_zero():
    ids, mask = sentence_ids(HashTokenizer(), "  The   bird flying away SLOWLY ")
    assert ids[0, :9].tolist() == [0, 82, 354, 287, 461, 211, 2, 0, 0]
    assert mask.sum() == 7
    ids, mask = sentence_ids(HashTokenizer(), "word " * 50)
    assert ids.shape == (1, 40)
    assert mask.all()
    assert ids[0, -1] != 2, "a long sentence loses its end token"


def test_untrained_runs_and_follows_its_seed(video, monkeypatch):
    monkeypatch.setattr(method, "SIZES", {"base": replace(SMALL, text=tiny_roberta_config())})
    options = {**SPEC.variants["swin-t"].options, "short": 64, "threshold": -1.0}
    predictions = []
    for seed in (1, 1, 2):
        loaded = method.load(MethodConfig("rvos", "swin-t", Options(**options), None, "cpu", seed))
        predictions.append(next(loaded.predict(video, [TextPrompt("0", "the bird")])))
        loaded.close()
    assert predictions[0].masks.shape == (5, 40, 60)
    assert np.array_equal(predictions[0].masks, predictions[1].masks)
    assert predictions[0].target_score == predictions[1].target_score != predictions[2].target_score


def test_chunks_do_not_change_the_scores(video):
    network = small()

    def read(prompt):
        return network.encode_text(*sentence_ids(HashTokenizer(), prompt.text))

    def predict(chunk, kept, precision="float32"):
        settings = SegmenterSettings(64, 100, PIXEL_MEAN, PIXEL_STD, -1.0, chunk, kept, precision)
        return next(QuerySegmenter(network, read, settings, "cpu").predict(video, [TextPrompt("0", "the bird")]))

    whole = predict(18, 72)
    for chunk, kept in ((2, 72), (2, 0), (5, 3)):
        parts = predict(chunk, kept)
        assert parts.target_score == pytest.approx(whole.target_score, abs=1e-5)
        assert (parts.masks != whole.masks).mean() < 1e-3
    half = predict(18, 72, "bfloat16")
    assert half.target_score == pytest.approx(whole.target_score, abs=0.05)


@pytest.fixture(scope="module")
def state():
    """A state dict of the right shapes, without its memory."""
    with torch.device("meta"):
        shapes = Lmpm(build_roberta()).state_dict()
    return {key: torch.zeros(1, dtype=value.dtype).expand(value.shape) for key, value in shapes.items()}


def write(path, state):
    """Save a state dict; expanded tensors keep their few bytes."""
    torch.save({"model": state, "iteration": 1}, path)
    return path


def test_the_authors_file_loads_with_its_extra_buffers(tmp_path, state):
    extra = {key: torch.ones(2) for key in IGNORED_KEYS}
    loaded = checkpoint.load(write(tmp_path / "model_final.pth", {**state, **extra}))
    assert loaded.keys() == state.keys()


def test_a_file_of_another_backbone_is_refused(tmp_path, state):
    other = {**state, "backbone.patch_embed.proj.weight": torch.zeros(128, 3, 4, 4)}
    message = r"1 with a different shape: backbone\.patch_embed\.proj\.weight \(128, 3, 4, 4\)"
    with pytest.raises(DataError, match=message):
        checkpoint.load(write(tmp_path / "swin_b.pth", other))


def test_a_file_of_another_method_is_refused(tmp_path):
    save_file({"detr.class_embed.weight": torch.ones(1)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match=r"883 missing: .*; 1 unexpected: detr\.class_embed\.weight"):
        checkpoint.load(tmp_path / "other.safetensors")


def test_a_truncated_file_is_refused(tmp_path, state):
    path = write(tmp_path / "cut.pth", state)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match="truncated"):
        checkpoint.load(path)


def test_code_in_a_file_is_not_run(tmp_path, state):
    class Evil:
        def __reduce__(self):
            return print, ("run",)

    with pytest.raises(DataError, match="may be code"):
        checkpoint.load(write(tmp_path / "evil.pth", {**state, "x": Evil()}))


def test_weights_of_the_other_branch_are_refused(tmp_path, state):
    path = write(tmp_path / "text.pth", state)
    options = SPEC.variants["swin-t-audio"].options
    with pytest.raises(DataError, match=r"missing: speech_encoder\.whisper\..*unexpected: text_encoder\."):
        method.load(MethodConfig("avos", "swin-t-audio", Options(**options), {"model": path}, "cpu", 0))
