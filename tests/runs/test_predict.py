"""A run resumes after anything: failures, Ctrl-C, a full disk, a cut file; the folder of another plan is refused."""

import errno
import json
import os
import re
import socket
from pathlib import Path

import pytest

from mevis_bench.data.mevis import split as mevis_split
from mevis_bench.execution.inline import Inline
from mevis_bench.records import DataError, MethodError, UsageError
from mevis_bench.records.retry import RESUME_HINT
from mevis_bench.runs.plan import plan_run
from mevis_bench.runs.predict import find_folder, pending_videos, predict
from mevis_bench.runs.run import run
from mevis_bench.store.prediction_file import PredictionFile
from mevis_bench.store.run_folder import RunFolder
from tests.fixtures.runs import (
    ALL_SAMPLES,
    RecordingCallback,
    fake_act,
    make_config,
    prediction_files,
    run_once,
)
from tests.fixtures.tiny_split import write_fake_method


def test_a_run_leaves_what_the_design_says(workspace: Path) -> None:
    seen = RecordingCallback()
    report = run_once(workspace, seen)
    assert (report.done, report.computed, report.failed) == (8, 8, ())
    assert seen.begun == (8, 0)
    assert tuple(seen.samples) == ALL_SAMPLES
    assert list(prediction_files(workspace / "run")) == [f"predictions/{video}.jsonl" for video in ("va", "vb", "vc")]
    lines = [
        json.loads(line) for content in prediction_files(workspace / "run").values() for line in content.splitlines()
    ]
    assert [line["expression"] for line in lines] == [sample.partition("/")[2] for sample in ALL_SAMPLES]
    manifest = json.loads((workspace / "run" / "manifest.json").read_text())
    assert manifest["status"] == "finished"
    assert manifest["provenance"] == "heuristic"
    assert tuple(manifest["identity"]["samples"]) == ALL_SAMPLES
    assert manifest["identity"]["options"] == {"column": 0, "speed": 0.5}
    assert manifest["costs"]["fps_end_to_end"] > 0
    assert (lines[0]["height"], lines[0]["width"], len(lines[0]["masks"])) == (6, 8, 4)


def test_a_finished_run_is_not_run_again(workspace: Path) -> None:
    run_once(workspace)
    before = (workspace / "run" / "manifest.json").read_bytes()
    seen = RecordingCallback()
    report = run_once(workspace, seen)
    assert (report.done, report.computed, seen.begun) == (8, 0, None)
    assert (workspace / "run" / "manifest.json").read_bytes() == before


def test_ctrl_c_continues_without_doing_anything_twice(workspace: Path) -> None:
    fake_act(
        workspace,
        "    import pathlib\n    if prompt.id == '1' and video.id == 'vc' and pathlib.Path('stop').exists():\n"
        "        raise KeyboardInterrupt\n",
    )
    whole = run_once(workspace, out=workspace / "undisturbed")
    stop = Path("stop")
    stop.touch()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_once(workspace)
    finally:
        stop.unlink()
    assert RunFolder(workspace / "run").read_manifest().status == "interrupted"
    seen = RecordingCallback()
    report = run_once(workspace, seen)
    assert seen.samples == ["vc/1", "vc/10"]
    assert seen.begun == (8, 6)
    assert report.manifest.status == "finished"
    assert prediction_files(workspace / "run") == prediction_files(whole.folder.path)


def test_without_out_the_same_plan_finds_its_folder_and_another_plan_gets_its_own(workspace: Path) -> None:
    first = run_once(workspace, out=None)
    assert first.folder.path.parent == workspace / "runs"
    assert first.folder.path.name.startswith("rvos-fake-default-data-")
    assert run_once(workspace, out=None).folder.path == first.folder.path
    assert (
        find_folder(plan_run(make_config(workspace, out=None, limit=2)), workspace / "runs").path != first.folder.path
    )


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"seed": 3}, "  seed: expected 3, found 0"),
        ({"limit": 2}, "  samples: expected 2 samples, found 8 samples"),
        ({"perturb": "reverse"}, "  perturb: expected reverse, found none"),
        (
            {"options": {"column": 4}},
            "  options: expected {'column': 4, 'speed': 0.5}, found {'column': 0, 'speed': 0.5}",
        ),
    ],
)
def test_out_with_another_plan_is_refused_and_says_what_differs(workspace: Path, changes, line: str) -> None:
    run_once(workspace)
    with pytest.raises(UsageError) as caught:
        run_once(workspace, **changes)
    assert str(caught.value) == (
        f"{workspace / 'run'}: the folder holds a run of another plan\n{line}\n"
        "Give another --out, or remove the folder."
    )


def test_changed_code_of_the_method_is_another_plan(workspace: Path) -> None:
    run_once(workspace)
    write_fake_method(workspace / "methods", "# changed\n")
    with pytest.raises(UsageError, match="another plan\n  code: expected"):
        run_once(workspace)


def test_a_run_does_not_resume_on_changed_frames_of_a_video_that_it_has_predicted(workspace: Path) -> None:
    run_once(workspace)
    frame = workspace / "data" / "JPEGImages" / "vb" / "00002.jpg"
    before = frame.read_bytes()
    frame.write_bytes(before + b"\0")
    with pytest.raises(UsageError, match="run: frames of video 'vb' have changed since it was predicted\nRestore them"):
        run_once(workspace)
    (workspace / "run" / "predictions" / "vb.jsonl").unlink()
    assert run_once(workspace).computed == 2
    frame.write_bytes(before)
    with pytest.raises(UsageError, match="frames of video 'vb' have changed"):
        run_once(workspace)


def test_out_with_foreign_files_is_refused(workspace: Path) -> None:
    (workspace / "run").mkdir()
    (workspace / "run" / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match="the folder is not empty and holds no run that could be resumed"):
        run_once(workspace)


def test_a_failing_sample_is_recorded_and_the_run_goes_on(workspace: Path) -> None:
    fake_act(workspace, "    if prompt.id == '1': raise ValueError(f'no {prompt.text}')\n")
    report = run_once(workspace)
    assert report.manifest.status == "failed"
    assert report.done == 5
    assert [(status.id, status.error) for status in report.failed] == [
        ("va/1", "ValueError: no both"),
        ("vb/1", "ValueError: no none here"),
        ("vc/1", "ValueError: no again"),
    ]
    assert "method.py" in report.failed[0].traceback
    assert run_once(workspace).computed == 0
    assert run_once(workspace, retry_failed=True).computed == 3


def test_retried_samples_leave_the_same_bytes(workspace: Path, monkeypatch) -> None:
    fake_act(
        workspace,
        "    import os\n    if prompt.id != '1' and 'FAKE_FAULT' in os.environ: raise ValueError('not now')\n",
    )
    whole = prediction_files(run_once(workspace, out=workspace / "whole").folder.path)
    monkeypatch.setenv("FAKE_FAULT", "1")
    assert run_once(workspace).done == 3
    assert prediction_files(workspace / "run") != whole
    monkeypatch.delenv("FAKE_FAULT")
    assert run_once(workspace, retry_failed=True).computed == 5
    assert prediction_files(workspace / "run") == whole


def test_fail_fast_and_max_failures_stop_the_run(workspace: Path) -> None:
    fake_act(workspace, "    raise ValueError('never')\n")
    with pytest.raises(MethodError) as caught:
        run_once(workspace, fail_fast=True)
    assert str(caught.value) == (f"va/0: stopped after 1 failed sample: ValueError: never\n{RESUME_HINT}")
    with pytest.raises(MethodError, match="stopped after 3 failed samples: ValueError: never"):
        run_once(workspace, out=workspace / "other", max_failures=3)


@pytest.mark.parametrize(
    ("content", "message"), [(b"not an image", "not a JPEG or PNG image"), (None, "image is missing")]
)
def test_a_broken_frame_fails_only_its_video(workspace: Path, content: bytes | None, message: str) -> None:
    frame = workspace / "data" / "JPEGImages" / "vb" / "00002.jpg"
    frame.write_bytes(content) if content else frame.unlink()
    report = run_once(workspace)
    assert [status.id for status in report.failed] == ["vb/0", "vb/1"]
    assert all(f"{frame}: {message}" in status.error for status in report.failed)
    assert report.done == 6


def test_a_video_without_first_frame_fails_alone(workspace: Path) -> None:
    (workspace / "data" / "JPEGImages" / "vb" / "00000.jpg").unlink()
    assert [status.id for status in run_once(workspace).failed] == ["vb/0", "vb/1"]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (
            "def answer(setup, masks): return masks",
            "invalid prediction for rvos: expected MaskPrediction or PointPrediction, got ndarray",
        ),
        (
            "def answer(setup, masks): return MaskPrediction(masks[1:])",
            "invalid masks: expected bool (4, 6, 8), got bool (3, 6, 8)",
        ),
        (
            "def answer(setup, masks): return MaskPrediction(masks * 1.0)",
            "invalid masks: expected bool (4, 6, 8), got float64 (4, 6, 8)",
        ),
        (
            "def answer(setup, masks): return MaskPrediction(masks, (masks[:, 1:],))",
            "invalid objects[0]: expected bool (4, 6, 8), got bool (4, 5, 8)",
        ),
        (
            "def answer(setup, masks): return MaskPrediction(masks, None, 2.0)",
            "invalid target_score 2.0: it must be in 0..1",
        ),
        ("Fake.predict = lambda *_: iter(())", "the method returned fewer predictions than there are prompts"),
        (
            "Fake.predict = lambda self, video, prompts: iter([MaskPrediction(np.zeros((4, 6, 8), bool))] * 9)",
            "the method returned more predictions than there are prompts",
        ),
    ],
)
def test_invalid_predictions_fail_with_the_reason(workspace: Path, code: str, error: str) -> None:
    write_fake_method(workspace / "methods", code)
    assert error in [status.error for status in run_once(workspace, sample=("va",)).failed]


def test_a_full_disk_stops_cleanly_and_the_run_goes_on_later(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add = PredictionFile.add

    def full_at_vb(file: PredictionFile, *prediction: object) -> None:
        if file.path.name == "vb.jsonl":
            raise OSError(errno.ENOSPC, "No space left on device", str(file.path))
        add(file, *prediction)

    monkeypatch.setattr(PredictionFile, "add", full_at_vb)
    with pytest.raises(OSError, match="No space left"):
        run_once(workspace)
    monkeypatch.undo()
    seen = RecordingCallback()
    assert run_once(workspace, seen).done == 8
    assert seen.samples == list(ALL_SAMPLES[3:])


def test_a_prediction_that_cannot_be_flushed_is_reported_at_the_end(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush, lost = os.fsync, workspace / "run" / "predictions" / "vc.jsonl"

    def broken(file: int) -> None:
        if lost.exists() and os.path.samestat(os.fstat(file), lost.stat()):
            raise OSError(errno.EIO, "Input/output error")
        flush(file)

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        run_once(workspace)
    assert RunFolder(workspace / "run").read_manifest().status == "running"
    monkeypatch.undo()
    report = run_once(workspace)
    assert (report.manifest.status, report.done, report.computed) == ("finished", 8, 0)


@pytest.mark.parametrize(("kept", "lost"), [(0, ("0", "1")), (-9, ("1",)), (20, ("0", "1"))])
def test_predictions_lost_in_a_power_cut_are_predicted_again(workspace: Path, kept: int, lost: tuple[str, ...]) -> None:
    report = run_once(workspace)
    whole = prediction_files(workspace / "run")
    path = workspace / "run" / "predictions" / "vb.jsonl"
    path.write_bytes(path.read_bytes()[:kept])
    manifest = RunFolder(workspace / "run").read_manifest()
    assert [video.expression_ids for video in pending_videos(plan_run(make_config(workspace)), report.folder)] == [lost]
    assert run_once(workspace).computed == len(lost)
    assert prediction_files(workspace / "run") == whole
    assert RunFolder(workspace / "run").read_manifest().started == manifest.started


def test_one_process_opens_the_split_once(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    original = mevis_split.read_json
    monkeypatch.setattr(mevis_split, "read_json", lambda path: opened.append(path) or original(path))
    assert run(make_config(workspace), RecordingCallback()).results is not None
    assert sorted(path.name for path in opened) == ["mask_dict.json", "meta_expressions.json"]


def test_a_second_run_into_the_folder_is_refused_and_names_the_owner_of_the_lock(workspace: Path) -> None:
    plan = plan_run(make_config(workspace))
    folder = find_folder(plan)
    with folder.locked(), pytest.raises(UsageError) as caught:
        predict(plan, folder, Inline(plan.dataset), RecordingCallback())
    owner = re.escape(f"{workspace / 'run'}: process {os.getpid()} on {socket.gethostname()}, started ")
    hint = re.escape("Wait for it (mevis-bench status shows its progress), or give another --out.")
    assert re.fullmatch(rf"{owner}\d{{4}}-\d\d-\d\dT[\d:]+\+00:00, is writing this run\n{hint}", str(caught.value))


@pytest.mark.parametrize("part", ["lock", "manifest.json", "samples.jsonl", "predictions"])
def test_a_run_folder_that_links_to_other_files_is_refused(workspace: Path, part: str) -> None:
    run_once(workspace)
    inside, outside = workspace / "run" / part, workspace / "outside"
    inside.rename(outside)
    inside.symlink_to(outside)
    before = {path: path.read_bytes() for path in [outside, *outside.rglob("*")] if path.is_file()}
    with pytest.raises(DataError) as caught:
        run_once(workspace)
    assert str(caught.value) == (
        f"{inside}: is a link; all parts of a run are in its folder\n"
        "Replace it by what it links to, or give another --out."
    )
    assert {path: path.read_bytes() for path in before} == before


def test_out_of_memory_is_retried_with_smaller_chunks(workspace: Path) -> None:
    write_fake_method(
        workspace / "methods",
        "class OutOfMemoryError(RuntimeError): pass\n"
        "def act(setup, video, prompt):\n"
        "    if Fake.chunk > 2: raise OutOfMemoryError('CUDA out of memory')\n"
        "def reduce_memory(self):\n"
        "    Fake.chunk //= 2\n"
        "    return Fake.chunk >= 1\n"
        "Fake.chunk = 8\n"
        "Fake.reduce_memory = reduce_memory\n",
    )
    assert run_once(workspace).failed == ()


def test_limit_and_sample_and_their_errors(workspace: Path) -> None:
    assert plan_run(make_config(workspace, limit=4)).identity.samples == ALL_SAMPLES[:4]
    assert plan_run(make_config(workspace, sample=("vc/10", "va"))).identity.samples == (*ALL_SAMPLES[:3], "vc/10")
    with pytest.raises(UsageError, match="--sample vd/0: unknown video 'vd'\nKnown: va, vb, vc"):
        plan_run(make_config(workspace, sample=("vd/0",)))
    with pytest.raises(UsageError, match="'vc/7' is not a sample of rvos"):
        plan_run(make_config(workspace, sample=("vc/7",)))


def test_wrong_options_of_the_method_are_named(workspace: Path) -> None:
    with pytest.raises(UsageError) as caught:
        plan_run(make_config(workspace, options={"colum": 3}))
    assert str(caught.value) == (
        "--set method.colum: unknown option 'colum' of fake:default\nDid you mean 'column'? Known: column, speed"
    )
    with pytest.raises(UsageError, match=r"--set method\.column: expected int like 0, got 'x'"):
        plan_run(make_config(workspace, options={"column": "x"}))
    assert plan_run(make_config(workspace, options={"speed": 2})).identity.options == {"column": 0, "speed": 2.0}


def test_a_task_that_the_method_does_not_support_is_refused(workspace: Path) -> None:
    with pytest.raises(UsageError, match="transrmot:resnet50 does not support rvos, only rmot"):
        plan_run(make_config(workspace, method="transrmot"))


def test_devices(workspace: Path) -> None:
    with pytest.raises(UsageError, match="--device: invalid device 'gpu'\nKnown: auto, cpu, cuda, cuda:N"):
        plan_run(make_config(workspace, device="gpu"))


def test_predictions_of_perturbed_frames_are_mapped_back(workspace: Path) -> None:
    plain = run_once(workspace)
    reverse = run_once(workspace, perturb="reverse", out=workspace / "reversed")
    # The fake method answers every frame by that frame's own value, so another order changes nothing.
    assert prediction_files(reverse.folder.path) == prediction_files(plain.folder.path)
    assert reverse.manifest.identity.perturb == "reverse"
    with pytest.raises(
        UsageError, match="--perturb: unknown perturbation 'backwards'\nKnown: none, words, shuffle, reverse"
    ):
        plan_run(make_config(workspace, perturb="backwards"))


def test_prompts_get_other_words_of_their_video_whatever_is_left_to_predict(workspace: Path) -> None:
    fake_act(
        workspace,
        f"    open({str(workspace / 'prompts')!r}, 'a').write(f'{{video.id}}/{{prompt.id}} {{prompt.text}}\\n')",
    )
    texts = {}
    for name, changes in (
        ("own", {}),
        ("other", {"perturb": "words"}),
        ("one", {"perturb": "words", "sample": ("va/1",)}),
    ):
        (workspace / "prompts").write_text("")
        run_once(workspace, out=workspace / name, **changes)
        texts[name] = dict(line.split(" ", 1) for line in (workspace / "prompts").read_text().splitlines())
    assert set(texts["own"]) == set(texts["other"]) == set(ALL_SAMPLES)
    for video in ("va", "vb", "vc"):
        ids = [sample for sample in ALL_SAMPLES if sample.startswith(video)]
        assert sorted(texts["other"][key] for key in ids) == sorted(texts["own"][key] for key in ids)
    assert len(set(texts["own"].values())) == len(ALL_SAMPLES)
    assert all(texts["other"][key] != texts["own"][key] for key in ALL_SAMPLES)
    assert texts["one"] == {"va/1": texts["other"]["va/1"]}
