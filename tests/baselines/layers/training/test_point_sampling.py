import torch

from baselines.layers.training.point_sampling import sample_at, uncertain_points, uniform_points


def test_points_are_sampled_between_the_centers_of_cells():
    maps = torch.tensor([[[0.0, 4.0], [8.0, 12.0]]])
    points = torch.tensor([[[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.5, 0.25], [0.5, 0.5], [0.0, 0.25]]])
    # On the border a cell is half outside, where the map is 0.
    assert sample_at(maps + 4, points).tolist() == [[4, 8, 12, 6, 10, 2]]


def test_three_quarters_of_the_points_are_the_least_certain_candidates():
    logits = torch.tensor([[[8.0, -1.0, 0.0, -2.0, 9.0, 7.0, 6.0, -5.0]]])
    centers = (torch.arange(8) + 0.5) / 8
    drawn = []

    def sampler(rows, points, device):
        drawn.append((rows, points))
        x = centers[:points] if len(drawn) == 1 else torch.full((points,), 0.01)
        return torch.stack((x, torch.full((points,), 0.5)), dim=-1).expand(rows, -1, -1)

    points = uncertain_points(
        logits, 4, oversample_ratio=2.0, importance_sample_ratio=0.75, sampler=sampler
    )  # fmt: skip
    assert drawn == [(1, 8), (1, 1)]
    torch.testing.assert_close(points[0, :, 0], torch.tensor([centers[2], centers[1], centers[3], 0.01]))


def test_uniform_points_follow_the_generator_and_fill_the_square():
    torch.manual_seed(0)
    points = uniform_points(2, 500, torch.device("cpu"))
    assert points.shape == (2, 500, 2)
    assert 0 <= points.min() < 0.01
    assert 0.99 < points.max() < 1
    assert not torch.equal(points[0], points[1])
