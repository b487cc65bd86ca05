import pytest
import torch

from baselines.dshmp import checkpoint, method
from baselines.dshmp.config import DsHmpConfig
from baselines.dshmp.method import PIXEL_STD, encode_sentence
from baselines.dshmp.model import DsHmp
from baselines.dshmp.options import Options
from baselines.layers.inference.query_segmenter import QuerySegmenter, SegmenterSettings
from baselines.layers.inputs.resize import PIXEL_MEAN
from baselines.layers.inputs.word_tagger import RuleTagger
from baselines.layers.nn.clip_query_module import ClipDecoderConfig
from baselines.layers.nn.query_decoder import QueryDecoderConfig
from baselines.layers.nn.swin import SwinConfig
from baselines.layers.nn.text_encoder import HashTokenizer
from mevis_bench.methods.method_spec import read_method_spec
from mevis_bench.records import DataError, MethodConfig, TextPrompt
from tests.baselines.parity import tiny_roberta_config
from tests.fixtures.noise_video import noise_video
from tests.paths import ROOT

SPEC = read_method_spec(ROOT / "baselines" / "dshmp" / "method.yaml")
SMALL = DsHmpConfig(
    swin=SwinConfig(16, (1, 1, 1, 1), (2, 2, 2, 2)),
    text=tiny_roberta_config(),
    frame=QueryDecoderConfig(32),
    clip=ClipDecoderConfig(32, window=8),
)


@pytest.fixture(scope="module")
def small():
    """DsHmp with small widths."""
    torch.manual_seed(0)
    return DsHmp(SMALL).eval()


@pytest.fixture
def video(tmp_path):
    return noise_video(tmp_path, 5, 40, 60)


def sentence(network, text):
    return encode_sentence(network, HashTokenizer(), RuleTagger(), text, "cpu")


@torch.inference_mode()
def test_a_sentence_is_split_and_padded(small):
    got = sentence(small, " The bird FLYING away slowly ")
    assert got.tokens.shape == (1, 40, 32)
    assert got.padding.sum() == 33
    assert torch.equal(got.motion, torch.cat((got.tokens[0, [3, 5]], got.feature)))
    assert torch.equal(got.static, torch.cat((got.tokens[0, [1, 2, 4]], got.feature)))
    assert torch.equal(sentence(small, "the bird").motion, sentence(small, "the bird").feature)


def test_chunks_do_not_change_the_scores(small, video):
    def predict(chunk, kept):
        settings = SegmenterSettings(64, 100, PIXEL_MEAN, PIXEL_STD, -1.0, chunk, kept, "float32")
        segmenter = QuerySegmenter(small, lambda prompt: sentence(small, prompt.text), settings, "cpu")
        return next(segmenter.predict(video, [TextPrompt("0", "the bird flying")]))

    whole = predict(18, 72)
    for chunk, kept in ((2, 72), (2, 0), (5, 3)):
        parts = predict(chunk, kept)
        assert parts.target_score == pytest.approx(whole.target_score, abs=1e-4)
        assert (parts.masks != whole.masks).mean() < 1e-3


def test_untrained_runs(video, monkeypatch):
    monkeypatch.setattr(method, "SIZES", {"base": SMALL})
    options = {**SPEC.variants["swin-t"].options, "short": 64, "threshold": -1.0}
    loaded = method.load(MethodConfig("rvos", "swin-t", Options(**options), None, "cpu", 1))
    prediction = next(loaded.predict(video, [TextPrompt("0", "the bird flying away")]))
    assert prediction.masks.shape == (5, 40, 60)
    assert 0 < prediction.target_score < 1


def test_the_authors_file_loads_without_its_memory_bank(tmp_path):
    with torch.device("meta"):
        shapes = DsHmp().state_dict()
    state = {key: torch.zeros(1, dtype=value.dtype).expand(value.shape) for key, value in shapes.items()}
    state["vita_criterion.train_memory_bank.features"] = torch.zeros(1).expand(23051, 256)
    torch.save({"model": state, "iteration": 1}, tmp_path / "model.pth")
    assert checkpoint.load(tmp_path / "model.pth").keys() == shapes.keys()
    lmpm = {key: value for key, value in state.items() if "fusion_layers" not in key}
    torch.save({"model": lmpm}, tmp_path / "lmpm.pth")
    with pytest.raises(DataError, match=r"216 missing: sem_seg_head\.predictor\.fusion_layers\.0\.gamma_v"):
        checkpoint.load(tmp_path / "lmpm.pth")
