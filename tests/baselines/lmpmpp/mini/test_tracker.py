import torch

from baselines.lmpmpp.extractor import ExtractorOutput
from baselines.lmpmpp.mini.camera import MAX_SHIFT, camera_path, frame_shifts
from baselines.lmpmpp.mini.tracker import associate, interpolate_gaps, mask_boxes
from baselines.lmpmpp.mini.trajectory_encoder import geometry, resample

H, W = 36, 64


def scene(paths, size=6):
    """Frames with one query per object at the given centers (``None``: not detected) and two queries without object."""
    frames, objects = len(paths[0]), len(paths)
    logits = torch.full((frames, objects + 2, H, W), -10.0)
    classes = torch.tensor([0.0, 8.0]).repeat(frames, objects + 2, 1)
    for i, path in enumerate(paths):
        for t, center in enumerate(path):
            if center is None:
                continue
            # The query that shows an object changes from frame to frame.
            query = (i + t) % objects
            x, y = center
            logits[t, query, y - size // 2 : y + size // 2, x - size // 2 : x + size // 2] = 10.0
            classes[t, query] = torch.tensor([8.0, 0.0])
    return ExtractorOutput(torch.ones(frames, objects + 2, 4), classes, logits)


def centers(track):
    return [(round(float(x) * H), round(float(y) * H)) for x, y in track[:, :2]]


def test_a_track_is_one_object_whatever_its_queries():
    left = [(50 - 3 * t, 10) for t in range(10)]
    down = [(12, 6 + 2 * t) for t in range(10)]
    found = associate(scene([left, down]), torch.zeros(10, 2), max_tracks=8)
    assert {tuple(centers(track)) for track in found.boxes} == {tuple(left), tuple(down)}
    assert found.present.all()
    assert found.mask_logits.shape == (2, 10, H, W)


def test_crossing_objects_keep_their_tracks():
    right = [(8 + 4 * t, 18) for t in range(12)]
    left = [(52 - 4 * t, 21) for t in range(12)]
    found = associate(scene([right, left]), torch.zeros(12, 2), max_tracks=8)
    assert {tuple(centers(track)) for track in found.boxes} == {tuple(right), tuple(left)}


def test_a_track_continues_after_frames_without_detection():
    path = [(8 + 3 * t, 18) for t in range(12)]
    detected = [None if t in (5, 6) else center for t, center in enumerate(path)]
    found = associate(scene([detected]), torch.zeros(12, 2), max_tracks=8)
    assert found.present.tolist() == [[t not in (5, 6) for t in range(12)]]
    assert centers(found.boxes[0]) == path, "positions are interpolated"
    assert (found.mask_logits[0, 5:7] < 0).all()


def test_duplicate_detections_are_suppressed():
    outputs = scene([[(20, 20)] * 4, [(20, 20)] * 4])
    assert len(associate(outputs, torch.zeros(4, 2), max_tracks=8).boxes) == 1


def test_without_detections_there_is_no_track():
    found = associate(scene([[None] * 3]), torch.zeros(3, 2), max_tracks=8)
    assert found.boxes.shape == (0, 3, 4)
    features = resample(found, tracks=8, time_steps=16)
    assert not features.valid.any()
    assert torch.isfinite(geometry(features)).all()


def test_the_soft_box_of_a_rectangle_is_its_box():
    mask = torch.zeros(H, W)
    mask[6:18, 30:36] = 1
    box, area = mask_boxes(mask)
    torch.testing.assert_close(box * H, torch.tensor([33.0, 12.0, 6.0, 12.0]), atol=0.1, rtol=0)
    torch.testing.assert_close(area * H**2, torch.tensor(72.0))


def test_gaps_are_interpolated_and_both_ends_constant():
    values = torch.tensor([[[9.0], [1.0], [9.0], [3.0], [9.0]]])
    present = torch.tensor([[False, True, False, True, False]])
    assert interpolate_gaps(values, present)[0, :, 0].tolist() == [1, 1, 2, 3, 3]


def test_the_camera_path_is_estimated():
    torch.manual_seed(0)
    world = torch.rand(3, 100, 180)
    corner = [(20, 10), (23, 10), (27, 9), (27, 14), (25, 14)]
    frames = torch.stack([world[:, y : y + 72, x : x + 128] for x, y in corner])
    expected = torch.tensor([(x - 20, y - 10) for x, y in corner]).float()
    no_foreground = torch.zeros(5, 36, 64, dtype=torch.bool)
    torch.testing.assert_close(camera_path(frames, no_foreground), expected, atol=0.3, rtol=0)
    assert camera_path(frames[:1], no_foreground[:1]).tolist() == [[0, 0]]


def test_shifts_equal_a_search_over_all_shifts():
    random = torch.Generator().manual_seed(3)
    frames = torch.rand(5, 3, H, W, generator=random) * 255
    frames[1:] = torch.stack([torch.roll(frames[0], (t, -2 * t), (1, 2)) for t in range(1, 5)])
    frames += torch.randn(frames.shape, generator=random) * 20
    weight = (torch.rand(5, 1, H, W, generator=random) > 0.3).float()
    shifts = range(-MAX_SHIFT, MAX_SHIFT + 1)
    for t, found in enumerate(frame_shifts(frames, weight)):
        gray, later = frames[t].mean(0), frames[t + 1].mean(0)
        cost = {}
        for y in shifts:
            for x in shifts:
                first = slice(max(0, -y), H - max(0, y)), slice(max(0, -x), W - max(0, x))
                second = slice(max(0, y), H - max(0, -y)), slice(max(0, x), W - max(0, -x))
                both = weight[t, 0][first] * weight[t + 1, 0][second]
                cost[x, y] = float((both * (gray[first] - later[second]).square()).sum() / both.sum().clamp(min=1))
        assert tuple(found.round().tolist()) == min(cost, key=cost.get)


def test_motion_is_measured_in_the_scene():
    """The camera pans to the right over an object at rest: it moves left in the frame, and not in the scene."""
    path = [(50 - 2 * t, 18) for t in range(16)]
    camera = torch.tensor([[2 * t / H, 0.0] for t in range(16)])
    features = resample(associate(scene([path]), camera, max_tracks=8), tracks=8, time_steps=16)
    steps = geometry(features)[0, 0, :, 7:9]
    assert steps.abs().max() < 0.05


def test_any_length_is_resampled():
    for frames in (1, 2, 7, 200):
        found = associate(scene([[(20, 20)] * frames]), torch.zeros(frames, 2), max_tracks=8)
        features = resample(found, tracks=8, time_steps=16)
        assert features.boxes.shape == (1, 8, 16, 4)
        assert features.valid.sum() == 1
        torch.testing.assert_close(features.boxes[0, 0] - features.boxes[0, 0, :1], torch.zeros(16, 4))
