"""Sa2VA's method in an environment process, with a fake network whose code lies in its folder of weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools import mask as coco
from safetensors.torch import save_file
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from baselines.sa2va.method import PROMPT, first_masks
from mevis_bench.execution.inline import Inline
from mevis_bench.records import MethodError
from mevis_bench.runs.plan import plan_run
from mevis_bench.runs.predict import RunReport, find_folder, predict
from mevis_bench.schemas.run_config import RunConfig
from tests.fixtures.isolated_methods import environment_like_this
from tests.fixtures.runs import RecordingCallback
from tests.fixtures.tiny_split import write_tiny_split

CONFIGURATION = """
from transformers import PretrainedConfig

class FakeConfig(PretrainedConfig):
    model_type = "fake_sa2va"
"""

NETWORK = """
import numpy as np
import torch
from transformers import PreTrainedModel

from .configuration_fake import FakeConfig

class FakeSa2VA(PreTrainedModel):
    config_class = FakeConfig

    def __init__(self, config, use_flash_attn=True):
        super().__init__(config)
        assert not use_flash_attn
        self.layer = torch.nn.Linear(1, 1)
        self.post_init()

    def predict_forward(self, video, text, tokenizer):
        with open(LOG, "a") as log:
            print(repr(text), len(video), video[0].mode, type(tokenizer).__name__, file=log)
        masks = np.zeros((len(video), video[0].height, video[0].width), np.uint8)
        masks[:, 1:3] = 1
        found = [masks, 1 - masks] if "bird" in text else []
        return {"prediction": "Sure, [SEG]." * len(found), "prediction_masks": found}
"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fake-sa2va")
    (folder / "configuration_fake.py").write_text(CONFIGURATION)
    (folder / "modeling_fake.py").write_text(NETWORK.replace("LOG", repr(str(folder / "calls.log"))))
    save_file(
        {"layer.weight": torch.zeros(1, 1), "layer.bias": torch.zeros(1)},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    classes = {"AutoConfig": "configuration_fake.FakeConfig", "AutoModel": "modeling_fake.FakeSa2VA"}
    (folder / "config.json").write_text(json.dumps({"model_type": "fake_sa2va", "auto_map": classes}))
    PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))).save_pretrained(
        folder
    )
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_tiny_split(
        tmp_path / "data", {"v": {"0": ("the bird that flies", [1]), "1": ("a car", []), "2": ("which bird?", [1])}}
    )


def run(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, **options: object) -> RunReport:
    monkeypatch.setenv("MEVIS_BENCH_ENVIRONMENTS", str(tmp_path / "environments"))
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    environment_like_this(tmp_path / "environments" / "sa2va")
    plan = plan_run(
        RunConfig(
            task="rvos", method="sa2va:1b", weights=(f"model={weights}",), data=tmp_path / "data", device="cpu",
            options={"precision": "float32", **options}, out=tmp_path / "run",
        )
    )  # fmt: skip
    return predict(plan, find_folder(plan, tmp_path / "runs"), Inline(plan.dataset), RecordingCallback())


def test_prompts_are_those_of_the_authors_and_the_first_masks_are_taken(
    tmp_path: Path, data: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = run(tmp_path, weights, monkeypatch, trust_remote_code=True)
    assert report.failed == ()
    calls = (weights / "calls.log").read_text().splitlines()
    questions = [PROMPT.format("the bird that flies"), PROMPT.format("a car"), "which bird?"]
    assert [call.split(" 4 RGB ")[0] for call in calls] == [repr(question) for question in questions]
    lines = [json.loads(line) for line in (tmp_path / "run" / "predictions" / "v.jsonl").read_text().splitlines()]
    areas = [
        [0 if rle is None else int(coco.area({"size": [6, 8], "counts": rle})) for rle in line["masks"]]
        for line in lines
    ]
    assert areas == [[16] * 4, [0] * 4, [16] * 4]


def test_code_of_the_folder_is_not_run_without_trust(
    tmp_path: Path, data: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MethodError) as caught:
        run(tmp_path, weights, monkeypatch)
    assert str(caught.value) == (
        f"{weights}: the network is Python code of the folder (configuration_fake.py, modeling_fake.py)\n"
        "Read the Python files of the folder first: they are executed with your rights. If you trust them, repeat the "
        "command with --set method.trust_remote_code=true"
    )


def test_an_answer_without_masks_is_no_target_and_wrong_shapes_are_errors() -> None:
    assert not first_masks([], (2, 3, 4)).any()
    with pytest.raises(MethodError, match=r"masks of shape \(2, 3, 5\), expected \(2, 3, 4\)"):
        first_masks([np.ones((2, 3, 5))], (2, 3, 4))
