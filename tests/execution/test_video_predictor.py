"""Prompts and batches of ``VideoPredictor``, beyond whole runs (tests/runs/test_predict.py)."""

from dataclasses import replace
from pathlib import Path

from mevis_bench.execution.video_predictor import VideoPredictor
from mevis_bench.records import TextPrompt
from mevis_bench.runs.plan import plan_run
from mevis_bench.schemas.run_config import RunConfig
from tests.fixtures.tiny_split import write_fake_method, write_tiny_split

ORACLE = """\
  oracle:
    title: Fake oracle
    tasks: [avos]
    outputs: [masks]
    oracle_text: true
    notes: for tests only
"""


def test_an_oracle_gets_the_sentence_of_a_spoken_prompt(tmp_path: Path) -> None:
    write_tiny_split(tmp_path / "data")
    methods = write_fake_method(tmp_path / "methods")
    spec = methods / "fake" / "method.yaml"
    spec.write_text(spec.read_text().replace("\ntasks: [rvos,", "\ntasks: [rvos, avos,") + ORACLE)
    config = RunConfig(
        task="avos", method="fake", variant="oracle", method_dir=(methods,), data=tmp_path / "data",
        out=tmp_path / "run", device="cpu",
    )  # fmt: skip
    (tmp_path / "run").mkdir()
    predictor = VideoPredictor(replace(plan_run(config).predictor, out=tmp_path / "run"))
    expression = predictor.split.expressions("va")[1]
    assert predictor._prompt("va", expression) == TextPrompt("1", "both")
