"""``vlm_api`` against an endpoint on this machine: what is sent, retried, counted, cached and made of the answer."""

import base64
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from baselines.layers.chat.client import RateLimit
from baselines.layers.inference.caption_view import sample_frames
from baselines.vlm_api.answer_text import answer_text
from mevis_bench.cli.app import main
from mevis_bench.data.registry import open_dataset
from mevis_bench.execution.inline import Inline
from mevis_bench.records import DataError, ExitCode, UsageError
from mevis_bench.records.retry import RESUME_HINT, MethodUnavailableError
from mevis_bench.runs.plan import plan_run
from mevis_bench.runs.predict import RunReport, find_folder, predict
from mevis_bench.schemas.run_config import RunConfig
from tests.fixtures.loopback_chat import LoopbackChat, loopback_chat


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[LoopbackChat]:
    (tmp_path / "home").mkdir()
    with loopback_chat(tmp_path / "home") as chat:
        yield chat


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses that the client makes, in place of making them."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", lambda seconds: pauses.append(seconds) if seconds else None)
    return pauses


def _run(tmp_path: Path, out: str = "run", variant: str = "overlay", limit: int = 1, **options: object) -> RunReport:
    """Predict samples of the bundled split, without scoring."""
    settings = {"model": "m", "key_variable": None, "frames": 2, "concurrency": 1, **options}
    config = RunConfig(
        task="rmeg", method=f"vlm_api:{variant}", options=settings, limit=limit, out=tmp_path / out, device="cpu"
    )
    plan = plan_run(config)
    return predict(plan, find_folder(plan), Inline(plan.dataset), Quiet())


class Quiet:
    """A run callback that does nothing."""

    def on_run_start(self, folder: object, total: int, done: int) -> None:
        pass

    def on_sample_end(self, status: object) -> None:
        pass


def _lines(tmp_path: Path, out: str = "run") -> list[dict[str, object]]:
    files = sorted((tmp_path / out / "predictions").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def _costs(tmp_path: Path, out: str = "run") -> dict[str, float]:
    counters: dict[str, float] = json.loads((tmp_path / out / "manifest.json").read_text())["costs"]["counters"]
    return counters


def test_frames_and_prompt_are_sent_and_the_answer_is_stored(tmp_path, chat, capsys, monkeypatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret")
    chat.answers = ['<think>Is it a bird?</think>\n"The **bird** flying left."\n']
    assert _run(tmp_path, key_variable="MY_KEY", longest=40, input_price=2.0, output_price=8.0).failed == ()
    (request,), (line,) = chat.requests, _lines(tmp_path)
    assert chat.keys == ["Bearer secret"]
    assert (request["model"], request["temperature"], request["max_tokens"], request["seed"]) == ("m", 0, 512, 0)
    (message,) = request["messages"]
    first, second, text = message["content"]
    assert text["text"].startswith("Write an unambiguous referring expression that unambiguously describes the motion")
    for image in (first, second):
        url = image["image_url"]["url"]
        assert url.startswith("data:image/jpeg;base64,")
        pixels = np.array(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))
        assert max(pixels.shape[:2]) == 40
    assert line["text"] == "The **bird** flying left."
    assert line["raw"] == '<think>Is it a bird?</think>\n"The **bird** flying left."\n'
    costs = _costs(tmp_path)
    assert costs == {"requests": 1, "cached": 0, "input_tokens": 100, "output_tokens": 10, "usd": pytest.approx(28e-5)}
    manifest = (tmp_path / "run" / "manifest.json").read_text()
    assert "secret" not in manifest
    assert json.loads(manifest)["provenance"] == "api"
    assert json.loads(manifest)["identity"]["options"]["prompt"] == text["text"]
    capsys.readouterr()
    assert main(["cost", str(tmp_path / "run")]) == ExitCode.OK
    assert "requests 1, cached 0, input_tokens 100, output_tokens 10, usd 0.00028" in capsys.readouterr().out


def test_a_second_run_is_free_and_another_prompt_is_not(tmp_path, chat, capsys) -> None:
    _run(tmp_path, limit=3, concurrency=2)
    paid = len(chat.requests)
    _run(tmp_path, out="again", limit=3)
    assert len(chat.requests) == paid
    assert _lines(tmp_path, "again") == _lines(tmp_path)
    assert _costs(tmp_path, "again") == {"requests": 0, "cached": 3, "input_tokens": 0, "output_tokens": 0, "usd": 0}
    _run(tmp_path, out="other", prompt="What moves?")
    assert len(chat.requests) == paid + 1
    for file in (tmp_path / "home").rglob("*.json"):
        file.write_text("cut sh")
    _run(tmp_path, out="damaged")
    assert len(chat.requests) == paid + 2


@pytest.mark.parametrize("variant", ["overlay", "contour", "crop", "numbers"])
def test_every_mark_shows_other_frames(tmp_path, chat, variant: str) -> None:
    _run(tmp_path, variant=variant)
    urls = [part["image_url"]["url"] for part in chat.requests[0]["messages"][0]["content"][:-1]]
    image = np.array(Image.open(io.BytesIO(base64.b64decode(urls[0].partition(",")[2]))))
    split = open_dataset(None)
    video = split.video(split.video_ids[0])
    whole = video.frame(sample_frames(len(video), 2)[0])
    assert (image.shape == whole.shape) == (variant != "crop")
    if variant != "crop":
        assert np.abs(image.astype(int) - whole).max() > 60


def test_temporary_failures_are_retried(tmp_path, chat, waits) -> None:
    chat.failures = [(429, {"Retry-After": "7"}), (0, {}), (503, {})]
    _run(tmp_path)
    assert len(chat.requests) == 4
    assert [pause for pause in waits if pause >= 1] == [7, 2, 4]


def test_a_service_that_keeps_failing_stops_the_run(tmp_path, chat, waits) -> None:
    chat.failures = [(500, {})] * 3
    failure = "completions failed 3 times in a row; no more retries. Last failure: HTTP status 500: failure 500"
    with pytest.raises(MethodUnavailableError, match=failure) as caught:
        _run(tmp_path, limit=2, max_attempts=3)
    assert RESUME_HINT in str(caught.value.hint)
    assert _run(tmp_path, limit=2, max_attempts=3).done == 2  # the same command resumes


def test_a_refused_key_stops_the_run_at_once(tmp_path, chat, waits) -> None:
    chat.failures = [(401, {})]
    with pytest.raises(MethodUnavailableError, match="completions: HTTP status 401: failure 401"):
        _run(tmp_path, limit=3)
    assert len(chat.requests) <= 2  # the next one may have started


def test_a_refused_request_fails_its_sample_only(tmp_path, chat) -> None:
    chat.failures = [(400, {})]
    report = _run(tmp_path)
    assert (report.done, [status.id for status in report.failed]) == (0, [report.manifest.identity.samples[0]])
    assert "HTTP status 400: failure 400" in str(report.failed[0].error)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": ""}, r"method\.model: no model is given\nGive --set method\.model=NAME\."),
        ({"key_variable": "NO_SUCH"}, "the environment variable NO_SUCH is not set\nSet it to the key"),
        ({"jpeg_quality": 0}, "expected an integer >= 1 and <= 95, got 0"),
    ],
)
def test_usage_errors(tmp_path, chat, options, message) -> None:
    with pytest.raises((UsageError, DataError), match=message):
        _run(tmp_path, **options)
    assert chat.requests == []


def test_without_an_endpoint(tmp_path, chat, monkeypatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL")
    with pytest.raises(UsageError, match=r"method\.base_url: no endpoint is given\nGive --set method\.base_url="):
        _run(tmp_path)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("The bird.", "The bird."),
        (' "the\n bird" ', "the bird"),
        ("**the bird**", "the bird"),
        ("<think>so\nlong", ""),
        ("<think>a</think>the bird", "the bird"),
        ("", ""),
        ("...", ""),
        ("I cannot see any object.", "I cannot see any object."),
        ("鸟向左飞", "鸟向左飞"),
    ],
)
def test_sentence_of_an_answer(raw: str, text: str) -> None:
    assert answer_text(raw) == text


def test_rate_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    limit, starts = RateLimit(30), []
    for _ in range(3):
        limit.wait()
        starts.append(now[0])
    assert starts == [100, 102, 104]
    unlimited = RateLimit(None)
    unlimited.wait()
    assert now[0] == 104
