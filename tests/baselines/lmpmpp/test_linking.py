import torch

from baselines.lmpmpp.extractor import FrameObjects
from baselines.lmpmpp.mini.camera import REACH, camera_path, frame_shifts
from baselines.lmpmpp.mini.tracker import fill_in, link, mask_boxes
from baselines.lmpmpp.mini.trajectory_encoder import geometry, resample

H, W = 36, 64


def scene(paths, size=6):
    """Frames with one query per object at the given centers (``None``: not seen) and two queries that see nothing."""
    frames, objects = len(paths[0]), len(paths)
    logits = torch.full((frames, objects + 2, H, W), -10.0)
    classes = torch.tensor([0.0, 8.0]).repeat(frames, objects + 2, 1)
    for i, path in enumerate(paths):
        for t, place in enumerate(path):
            if place is None:
                continue
            # The query that shows an object changes from frame to frame.
            query = (i + t) % objects
            x, y = place
            logits[t, query, y - size // 2 : y + size // 2, x - size // 2 : x + size // 2] = 10.0
            classes[t, query] = torch.tensor([8.0, 0.0])
    return FrameObjects(torch.ones(frames, objects + 2, 4), classes, logits)


def centers(track):
    return [(round(float(x) * H), round(float(y) * H)) for x, y in track[:, :2]]


def test_one_index_is_one_object():
    left = [(50 - 3 * t, 10) for t in range(10)]
    down = [(12, 6 + 2 * t) for t in range(10)]
    found = link(scene([left, down]), torch.zeros(10, 2), tracks=8)
    assert {tuple(centers(track)) for track in found.boxes} == {tuple(left), tuple(down)}
    assert found.present.all()
    assert found.mask_logits.shape == (2, 10, H, W)


def test_look_alikes_that_cross_keep_their_course():
    right = [(8 + 4 * t, 18) for t in range(12)]
    left = [(52 - 4 * t, 21) for t in range(12)]
    found = link(scene([right, left]), torch.zeros(12, 2), tracks=8)
    assert {tuple(centers(track)) for track in found.boxes} == {tuple(right), tuple(left)}


def test_a_hidden_object_is_found_again_and_absent_meanwhile():
    path = [(8 + 3 * t, 18) for t in range(12)]
    seen = [None if t in (5, 6) else place for t, place in enumerate(path)]
    found = link(scene([seen]), torch.zeros(12, 2), tracks=8)
    assert found.present.tolist() == [[t not in (5, 6) for t in range(12)]]
    assert centers(found.boxes[0]) == path, "its place is interpolated meanwhile"
    assert (found.mask_logits[0, 5:7] < 0).all()


def test_duplicates_of_one_object_are_one():
    said = scene([[(20, 20)] * 4, [(20, 20)] * 4])
    assert len(link(said, torch.zeros(4, 2), tracks=8).boxes) == 1


def test_no_object_gives_no_track():
    found = link(scene([[None] * 3]), torch.zeros(3, 2), tracks=8)
    assert found.boxes.shape == (0, 3, 4)
    features = resample(found, tracks=8, steps=16)
    assert not features.valid.any()
    assert torch.isfinite(geometry(features)).all()


def test_the_box_of_a_rectangle():
    mask = torch.zeros(H, W)
    mask[6:18, 30:36] = 1
    box, area = mask_boxes(mask)
    torch.testing.assert_close(box * H, torch.tensor([33.0, 12.0, 6.0, 12.0]), atol=0.1, rtol=0)
    torch.testing.assert_close(area * H**2, torch.tensor(72.0))


def test_gaps_are_filled_between_and_held_outside():
    values = torch.tensor([[[9.0], [1.0], [9.0], [3.0], [9.0]]])
    present = torch.tensor([[False, True, False, True, False]])
    assert fill_in(values, present)[0, :, 0].tolist() == [1, 1, 2, 3, 3]


def test_the_camera_is_followed():
    torch.manual_seed(0)
    world = torch.rand(3, 100, 180)
    corner = [(20, 10), (23, 10), (27, 9), (27, 14), (25, 14)]
    frames = torch.stack([world[:, y : y + 72, x : x + 128] for x, y in corner])
    expected = torch.tensor([(x - 20, y - 10) for x, y in corner]).float()
    nothing = torch.zeros(5, 36, 64, dtype=torch.bool)
    torch.testing.assert_close(camera_path(frames, nothing), expected, atol=0.3, rtol=0)
    assert camera_path(frames[:1], nothing[:1]).tolist() == [[0, 0]]


def test_all_shifts_at_once_are_all_shifts_one_by_one():
    """The whole shift is the one that a plain search over all shifts finds."""
    random = torch.Generator().manual_seed(3)
    frames = torch.rand(5, 3, H, W, generator=random) * 255
    frames[1:] = torch.stack([torch.roll(frames[0], (t, -2 * t), (1, 2)) for t in range(1, 5)])
    frames += torch.randn(frames.shape, generator=random) * 20
    weight = (torch.rand(5, 1, H, W, generator=random) > 0.3).float()
    shifts = range(-REACH, REACH + 1)
    for t, found in enumerate(frame_shifts(frames, weight)):
        gray, later = frames[t].mean(0), frames[t + 1].mean(0)
        cost = {}
        for y in shifts:
            for x in shifts:
                here = slice(max(0, -y), H - max(0, y)), slice(max(0, -x), W - max(0, x))
                there = slice(max(0, y), H - max(0, -y)), slice(max(0, x), W - max(0, -x))
                both = weight[t, 0][here] * weight[t + 1, 0][there]
                cost[x, y] = float((both * (gray[here] - later[there]).square()).sum() / both.sum().clamp(min=1))
        assert tuple(found.round().tolist()) == min(cost, key=cost.get)


def test_motion_is_measured_in_the_scene():
    """The camera pans to the right with a thing at rest: it moves left in the frame, and not at all in the scene."""
    path = [(50 - 2 * t, 18) for t in range(16)]
    camera = torch.tensor([[2 * t / H, 0.0] for t in range(16)])
    features = resample(link(scene([path]), camera, tracks=8), tracks=8, steps=16)
    steps = geometry(features)[0, 0, :, 7:9]
    assert steps.abs().max() < 0.05


def test_any_length_is_resampled():
    for frames in (1, 2, 7, 200):
        found = link(scene([[(20, 20)] * frames]), torch.zeros(frames, 2), tracks=8)
        features = resample(found, tracks=8, steps=16)
        assert features.boxes.shape == (1, 8, 16, 4)
        assert features.valid.sum() == 1
        torch.testing.assert_close(features.boxes[0, 0] - features.boxes[0, 0, :1], torch.zeros(16, 4))
