"""Real layouts of MeViS v1 and v2 are read; what cannot be read gives one clear error."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mevis_bench.data.mevis.validation import validate_split
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import DataError, Rle, TrainingData, UsageError
from tests.fixtures.split_documents import FRAMES, HEIGHT, WIDTH, documents, square, write_split
from tests.paths import SHARED


@pytest.mark.parametrize(
    "name", ["meta_expressions.json", "meta_expressions_v2.json", "meta_expressions_v2_release.json"]
)
def test_every_known_name_of_the_expression_file_is_read(tmp_path: Path, name: str) -> None:
    write_split(tmp_path / "valid_u", *documents(), meta_name=name)
    from_root, itself = open_dataset(tmp_path, "valid_u"), open_dataset(tmp_path / "valid_u", "whatever")
    data: TrainingData = from_root
    assert data.video_ids == itself.video_ids == ("a_cat", "b_dogs")
    assert from_root.fingerprint == itself.fingerprint


def test_the_newest_expression_file_wins(tmp_path: Path) -> None:
    meta, masks = documents()
    write_split(tmp_path, meta, masks)
    del meta["videos"]["a_cat"]
    write_split(tmp_path, meta, masks, meta_name="meta_expressions_v2.json")
    assert open_dataset(tmp_path, "x").video_ids == ("b_dogs",)


def test_a_video_is_decoded_lazily(tmp_path: Path) -> None:
    split = open_dataset(write_split(tmp_path, *documents()), "x")
    (tmp_path / "JPEGImages/b_dogs/00002.jpg").write_bytes(b"broken")
    video = split.video("b_dogs")
    assert (video.id, video.frame_names, len(video)) == ("b_dogs", tuple(FRAMES), 3)
    assert (video.height, video.width) == (HEIGHT, WIDTH)
    np.testing.assert_allclose(video.frame(1).mean(axis=(0, 1)), [80, 100, 0], atol=3)
    with pytest.raises(DataError, match=r"00002\.jpg: not a JPEG or PNG image"):
        video.frame(2)


def test_truth_joins_objects_in_order_and_sentences_of_the_same_targets(tmp_path: Path) -> None:
    split = open_dataset(write_split(tmp_path, *documents()), "x")
    ground_truths = {ground_truth.sample: ground_truth for ground_truth in split.ground_truths("b_dogs")}
    assert list(ground_truths) == ["b_dogs/0", "b_dogs/1", "b_dogs/10", "b_dogs/2", "b_dogs/3"]
    two = ground_truths["b_dogs/1"]
    dog = tuple(Rle(HEIGHT, WIDTH, square(left)["counts"].encode()) for left in (4, 2))
    assert two.objects[0] == (*dog, None)
    assert len(two.objects) == 2
    assert (two.height, two.width, two.length) == (HEIGHT, WIDTH, 3)
    assert ground_truths["b_dogs/3"].objects == ()
    assert ground_truths["b_dogs/3"].expression.annotation_ids == ()
    assert ground_truths["b_dogs/10"].references == ("the dog walking left", "the leftward dog", "dog that goes left")


def test_a_video_without_any_target_has_the_size_of_its_frames(tmp_path: Path) -> None:
    meta, _ = documents()
    meta["videos"]["a_cat"]["expressions"]["0"]["anno_id"] = []
    split = open_dataset(write_split(tmp_path, meta, {}), "x")
    ground_truth = split.ground_truth("a_cat", "0")
    assert (ground_truth.height, ground_truth.width) == (HEIGHT, WIDTH)


def test_a_split_without_truth_gives_sentences_and_no_truth(tmp_path: Path) -> None:
    meta, _ = documents()
    for video in meta["videos"].values():
        for expression in video["expressions"].values():
            del expression["anno_id"], expression["obj_id"]
    split = open_dataset(write_split(tmp_path / "valid", meta, None), "valid")
    assert not split.has_ground_truth
    assert split.expressions("a_cat")[0].annotation_ids is None
    with pytest.raises(UsageError, match="split 'valid' has no ground truth"):
        split.ground_truth("a_cat", "0")


def test_the_fingerprint_is_that_of_the_annotations(tmp_path: Path) -> None:
    meta, masks = documents()
    one = open_dataset(write_split(tmp_path / "one", meta, masks), "x").fingerprint
    assert one == open_dataset(write_split(tmp_path / "same", meta, masks), "x").fingerprint
    masks["9"][0] = square(3)
    assert one != open_dataset(write_split(tmp_path / "masks", meta, masks), "x").fingerprint
    meta, masks = documents()
    meta["videos"]["a_cat"]["expressions"]["0"]["exp"] = "the cat that stands"
    assert one != open_dataset(write_split(tmp_path / "words", meta, masks), "x").fingerprint


def test_sound_files_stay_in_the_split(tmp_path: Path) -> None:
    meta, masks = documents()
    expressions = meta["videos"]["b_dogs"]["expressions"]
    expressions["0"]["audio"] = "audio/b_dogs/0.wav"
    expressions["1"]["audio"] = "../secret.wav"
    split = open_dataset(write_split(tmp_path, meta, masks), "x")
    assert split.audio("b_dogs", "0") == tmp_path / "audio/b_dogs/0.wav"
    assert split.audio("b_dogs", "2") is None
    with pytest.raises(DataError, match=r"audio: invalid audio path '\.\./secret\.wav' \('\.\.'\): it starts"):
        split.audio("b_dogs", "1")


@pytest.mark.parametrize("name", ["../up", "..", "/etc", "a/b", "a\\b", "C:x", "", "new\nline"])
def test_names_that_could_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    meta, masks = documents()
    meta["videos"]["a_cat"]["frames"][1] = name
    split = open_dataset(write_split(tmp_path / "frames", meta, masks), "x")
    with pytest.raises(DataError, match=r"video a_cat, frames: invalid frame name"):
        split.video("a_cat")
    meta, masks = documents()
    meta["videos"][name] = meta["videos"].pop("a_cat")
    write_split(tmp_path / "videos", meta, masks)
    with pytest.raises(DataError, match=r"invalid video id"):
        open_dataset(tmp_path / "videos", "x")


def test_a_link_out_of_the_split_is_refused(tmp_path: Path) -> None:
    write_split(tmp_path / "other", *documents())
    root = write_split(tmp_path / "split", *documents())
    frame = root / "JPEGImages/a_cat/00001.jpg"
    frame.unlink()
    frame.symlink_to(tmp_path / "other/JPEGImages/a_cat/00001.jpg")
    with pytest.raises(DataError, match=r"frame path 'JPEGImages/a_cat/00001\.jpg' leaves the folder through a link"):
        open_dataset(root, "x").video("a_cat")


def test_a_linked_folder_out_of_the_split_is_refused(tmp_path: Path) -> None:
    write_split(tmp_path / "other", *documents())
    root = write_split(tmp_path / "split", *documents())
    shutil.rmtree(root / "JPEGImages/a_cat")
    (root / "JPEGImages/a_cat").symlink_to(tmp_path / "other/JPEGImages/a_cat")
    with pytest.raises(DataError, match=r"frame folder 'JPEGImages/a_cat' leaves the folder through a link"):
        open_dataset(root, "x").video("a_cat")


def test_broken_files_are_named_with_their_place(tmp_path: Path) -> None:
    root = write_split(tmp_path, *documents())
    text = json.dumps(documents()[0], indent=1)
    (root / "meta_expressions.json").write_text(text[:200])
    with pytest.raises(DataError, match=r"meta_expressions\.json: invalid JSON: .*: line \d+ column \d+"):
        open_dataset(root, "x")
    (root / "meta_expressions.json").write_text('{"videos": {"a": {}, "a": {}}}')
    with pytest.raises(DataError, match=r"meta_expressions\.json: duplicate key 'a'"):
        open_dataset(root, "x")
    (root / "meta_expressions.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="invalid JSON: nested too deeply"):
        open_dataset(root, "x")
    (root / "meta_expressions.json").write_text("[]")
    with pytest.raises(DataError, match="expected a mapping with 'videos', got an empty list"):
        open_dataset(root, "x")


def test_the_expression_file_of_the_text_release_is_that_of_mevis_v2(tmp_path: Path) -> None:
    root = write_split(tmp_path, *documents())
    (root / "meta_expressions.json").rename(root / "meta_expressions_text_release.json")
    split = open_dataset(root, "x")
    assert split.info.name == "mevis_v2"
    assert [one.text for one in split.expressions("a_cat")] == ["the cat that sits"]


def test_a_wrong_name_gets_a_suggestion(tmp_path: Path) -> None:
    write_split(tmp_path / "valid_u", *documents())
    write_split(tmp_path / "train", *documents())
    with pytest.raises(UsageError, match=r"split 'valid-u' not found\nDid you mean 'valid_u'\? Known: train, valid_u"):
        open_dataset(tmp_path, "valid-u")
    with pytest.raises(UsageError, match="folder not found\n--data names a MeViS folder or a split"):
        open_dataset(tmp_path / "nowhere", "valid_u")
    split = open_dataset(tmp_path, "train")
    with pytest.raises(UsageError, match=r"video 'a_cats' not found\nDid you mean 'a_cat'\?"):
        split.video("a_cats")
    with pytest.raises(UsageError, match="video 'a_cat' has no expression '7'\nKnown: 0"):
        split.ground_truth("a_cat", "7")


def test_other_splits_of_mini_are_made_on_demand() -> None:
    with pytest.raises(UsageError) as caught:
        open_dataset(None, "train")
    assert str(caught.value) == (
        "split 'train' of mini is not shipped; only 'valid_u' is\n"
        "Make it: mevis-bench data make-mini --split train --videos 500 --seed 1 --out DIR\n"
        "and use it: --data DIR --split train"
    )


@pytest.mark.shared
def test_real_footage_is_read() -> None:
    split = open_dataset(SHARED / "data/car_shadow", "valid_u")
    video = split.video("car-shadow")
    assert (len(video), video.height, video.width) == (40, 480, 854)
    assert video.frame(39).shape == (480, 854, 3)
    ground_truths = split.ground_truths("car-shadow")
    assert [len(ground_truth.objects) for ground_truth in ground_truths] == [1, 1, 0]
    assert all(mask is not None for mask in ground_truths[0].objects[0])


@pytest.mark.parametrize("suffix", [".JPG", ".jpeg", ".png", ".PNG"])
def test_frames_are_found_whatever_their_suffix(tmp_path: Path, suffix: str) -> None:
    folder = write_split(tmp_path, *documents())
    first = folder / "JPEGImages" / "b_dogs" / "00001.jpg"
    kept = open_dataset(folder, "x").video("b_dogs").frame(1)
    Image.fromarray(kept).save(first.with_suffix(suffix), quality=95)
    first.unlink()
    video = open_dataset(folder, "x").video("b_dogs")
    assert [path.name for path in video.frame_paths] == ["00000.jpg", f"00001{suffix}", "00002.jpg"]
    assert np.abs(video.frame(1).astype(int) - kept).max() <= 3
    assert not validate_split(folder, "x").errors


def test_an_image_to_be_rotated_is_refused(tmp_path: Path) -> None:
    folder = write_split(tmp_path, *documents())
    path = folder / "JPEGImages" / "b_dogs" / "00001.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(path) as image:
        image.save(path, exif=exif)
    with pytest.raises(DataError, match=r"00001\.jpg: image has an EXIF orientation.*\nRotate the pixels"):
        open_dataset(folder, "x").video("b_dogs").frame(1)
