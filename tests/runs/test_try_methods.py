"""``mevis-bench try``: any footage and one prompt through several methods."""

import builtins
import json
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mevis_bench.data.footage import BOUNDS, decode_footage, import_footage
from mevis_bench.records import DataError, MethodError, UsageError
from mevis_bench.reports.overlay import Layer, describe, write_overlays
from mevis_bench.runs.try_methods import Outcome, try_methods
from mevis_bench.schemas.run_config import RunConfig
from mevis_bench.store.prediction_source import LoadedMasks
from tests.fixtures.tiny_split import write_fake_method

HEIGHT, WIDTH, FRAMES = 18, 30, 5


class Quiet:
    """A fake callback."""

    def on_run_start(self, folder, total, done) -> None: ...

    def on_sample_end(self, status) -> None: ...


def _pictures() -> list[Image.Image]:
    """Gray frames of value 0, 10, 20, ..., which the fake method reads to choose a row of its mask."""
    return [Image.new("RGB", (WIDTH, HEIGHT), (10 * t,) * 3) for t in range(FRAMES)]


def _folder(path: Path) -> Path:
    path.mkdir()
    for t, picture in enumerate(_pictures()):
        picture.save(path / f"{t}.png")
    (path / "notes.txt").write_text("no frame")
    return path


def _gif(path: Path) -> Path:
    first, *others = _pictures()
    first.save(path, save_all=True, append_images=others, duration=100)
    return path


def _mp4(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in _pictures():
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode(None))
    return path


def _sound(path: Path, peak: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((peak * np.sin(np.arange(1600) / 10)).astype("<i2").tobytes())
    return path


SOURCES: dict[str, Callable[[Path], Path]] = {"frames": _folder, "clip.gif": _gif, "clip.mp4": _mp4}


def go(tmp_path: Path, source: Path, prompt: str | Path = "the gray one", methods=("fake",), **changes) -> Outcome:
    if not (tmp_path / "methods").exists():
        write_fake_method(tmp_path / "methods")
    task = "avos" if isinstance(prompt, Path) else "rvos"
    config = RunConfig(task=task, method="", method_dir=(tmp_path / "methods",), device="cpu")
    return try_methods(source, prompt, methods, tmp_path / "out", config, changes.get("every", 1), Quiet())


@pytest.mark.parametrize("name", SOURCES)
def test_every_kind_of_footage_is_decoded(tmp_path: Path, name: str) -> None:
    frames = list(decode_footage(SOURCES[name](tmp_path / name)))
    assert [frame.shape for frame in frames] == [(HEIGHT, WIDTH, 3)] * FRAMES
    # Video codecs change values a little.
    np.testing.assert_allclose([frame.mean() for frame in frames], [10 * t for t in range(FRAMES)], atol=3)


def test_predictions_are_drawn_stored_and_described(tmp_path: Path) -> None:
    outcome = go(tmp_path, _folder(tmp_path / "frames"), methods=("fake", "empty"))
    assert [attempt.label for attempt in outcome.attempts] == ["fake:default", "empty:default"]
    # The fake method marks one pixel in every frame: 1 of 540.
    answers = [describe(attempt.prediction, FRAMES) for attempt in outcome.attempts]
    assert answers == ["1 object in 5 of 5 frames, 0.2 % of the picture", "no target"]
    layers = [Layer(attempt.label, attempt.prediction) for attempt in outcome.attempts]
    (tmp_path / "out" / "masks" / "earlier").mkdir(parents=True)
    files = write_overlays(outcome.video, layers, tmp_path / "out")
    assert [path.name for path in files] == ["overlay.mp4", "strip.png", "masks"]
    assert [path.name for path in sorted(files[2].iterdir())] == ["empty-default", "fake-default"]
    assert len(list(decode_footage(files[0]))) == len(outcome.video) == FRAMES
    strip = np.asarray(Image.open(files[1]))
    # Two methods below each other, each with a header; five frames and four gaps of 4.
    assert strip.shape == (2 * (HEIGHT + 26), FRAMES * WIDTH + 16, 3)
    masks = [np.asarray(Image.open(path)) for path in sorted((files[2] / "fake-default").iterdir())]
    assert [int(mask.sum()) for mask in masks] == [255] * FRAMES
    assert [tuple(np.argwhere(mask)[0]) for mask in masks] == [(t, 0) for t in range(FRAMES)]


def test_another_prompt_replaces_an_earlier_attempt(tmp_path: Path) -> None:
    source = _folder(tmp_path / "frames")
    go(tmp_path, source, "first", every=2)
    outcome = go(tmp_path, source, "second")
    assert len(outcome.video) == FRAMES
    meta = json.loads((tmp_path / "out" / "footage" / "meta_expressions.json").read_text())
    assert meta["videos"]["video"]["expressions"]["0"]["exp"] == "second"


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match="out: the folder holds other files\nGive another --out"):
        go(tmp_path, _folder(tmp_path / "frames"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_a_failing_method_is_named(tmp_path: Path) -> None:
    write_fake_method(tmp_path / "methods", "def act(setup, video, prompt):\n    raise ValueError('no idea')\n")
    with pytest.raises(MethodError, match="fake:default failed: ValueError: no idea"):
        go(tmp_path, _folder(tmp_path / "frames"))


def test_a_video_of_the_bundled_split_is_found_by_its_id(tmp_path: Path) -> None:
    assert len(go(tmp_path, Path("00017"), methods=("empty",)).video) == 16


@pytest.mark.parametrize(
    ("make", "prompt", "text"),
    [
        (lambda path: path / "nothing.mp4", "a", "no such video\nGive a video file, a GIF or a folder of frames."),
        (_folder, " ", "the sentence is empty\nDescribe the target"),
        (lambda path: path.mkdir() or path, "a", "video has no frames"),
    ],
)
def test_wrong_calls(tmp_path: Path, make: Callable[[Path], Path], prompt: str, text: str) -> None:
    with pytest.raises((UsageError, DataError), match=text):
        import_footage(make(tmp_path / "source"), tmp_path / "out", sentence=prompt)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("clip.mp4", b"not a video at all", "video cannot be decoded: .*\nConvert it"),
        ("clip.gif", b"GIF89a", "image cannot be read|not a GIF image"),
        (
            "list.m3u8",
            b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n",
            "cannot be decoded|no video stream|no frames",
        ),
    ],
)
def test_broken_files(tmp_path: Path, name: str, content: bytes, text: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=text):
        import_footage(tmp_path / name, tmp_path / "out", sentence="a")


def test_a_sound_without_video_stream_and_frames_of_two_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="file has no video stream"):
        import_footage(_sound(tmp_path / "clip.wav", 9000), tmp_path / "out", sentence="a")
    Image.new("RGB", (4, 4)).save(_folder(tmp_path / "frames") / "9.png")
    with pytest.raises(DataError, match="frame 5 is 4x4, the first one is 30x18"):
        import_footage(tmp_path / "frames", tmp_path / "out", sentence="a")


def test_long_footage_is_refused_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BOUNDS.limits, "frames", 3)
    source = _folder(tmp_path / "frames")
    with pytest.raises(DataError, match=r"more than 3 frames\nKeep every Nth frame: --every N\."):
        import_footage(source, tmp_path / "out", sentence="a")
    assert import_footage(source, tmp_path / "out", sentence="a", every=2) == 3


def test_silence_is_no_prompt_and_speech_is_copied(tmp_path: Path) -> None:
    source = _folder(tmp_path / "frames")
    with pytest.raises(DataError, match=r"silent.wav: the sound is silent: no speech in it"):
        import_footage(source, tmp_path / "out", sound=_sound(tmp_path / "silent.wav", 3))
    outcome = go(tmp_path, source, _sound(tmp_path / "spoken.wav", 9000), methods=("empty",))
    assert describe(outcome.attempts[0].prediction, FRAMES) == "no target"
    assert (tmp_path / "out/footage/audio/prompt.wav").read_bytes() == (tmp_path / "spoken.wav").read_bytes()


def test_without_pyav_a_video_file_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _mp4(tmp_path / "clip.mp4")
    real = builtins.__import__

    def without_av(name: str, *arguments, **keywords):
        if name == "av":
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_av)
    with pytest.raises(UsageError, match=r"requires the package av\npip install 'mevis-bench\[video\]', or give"):
        import_footage(source, tmp_path / "out", sentence="a")


def test_masks_without_objects_count_as_one() -> None:
    from mevis_bench.masks import MaskRows

    masks = np.zeros((4, 2, 5), bool)
    masks[1, 0, 0] = True
    assert describe(LoadedMasks(MaskRows.from_dense(masks)), 4) == "1 object in 1 of 4 frames, 10.0 % of the picture"
