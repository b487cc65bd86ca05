import pytest
import torch

from baselines.layers.nn.track_queries import (
    NO_TRACK,
    Detections,
    LifeCycle,
    QueryInteraction,
    TrackQueries,
    TrackRules,
)

RULES = TrackRules(
    birth_score=0.7, keep_score=0.6, miss_tolerance=2, max_tracks=500, show_score=0.7, show_area=100.0, show_refer=0.5
)


def _queries(ids, missed=None):
    ids = torch.tensor(ids)
    missed = torch.zeros_like(ids) if missed is None else torch.tensor(missed)
    return TrackQueries(torch.zeros(len(ids), 2), torch.zeros(len(ids), 8), ids, missed)


def test_birth_is_in_row_order_and_at_the_threshold():
    life = LifeCycle(RULES)
    first = life.update(_queries([-1, -1, -1]), torch.tensor([0.9, 0.69, 0.7]))
    assert first.ids.tolist() == [0, NO_TRACK, 1]
    second = life.update(_queries([-1, 0, 1]), torch.tensor([0.8, 0.8, 0.8]))
    assert second.ids.tolist() == [2, 0, 1]


def test_a_track_between_both_thresholds_keeps_its_count():
    after = LifeCycle(RULES).update(_queries([4, 5, 6], [1, 1, 1]), torch.tensor([0.65, 0.7, 0.59]))
    assert after.missed.tolist() == [1, 0, 2]
    assert after.ids.tolist() == [4, 5, NO_TRACK]


def test_miss_tolerance_counts_misses_since_the_track_was_last_seen():
    life = LifeCycle(RULES)
    queries = _queries([0])
    ids = []
    for score in (0.1, 0.9, 0.1, 0.65, 0.1):
        queries = life.update(queries, torch.tensor([score]))
        ids.append(queries.ids.item())
    assert ids == [0, 0, 0, 0, NO_TRACK]


def test_an_ended_track_may_not_be_born_in_the_same_frame():
    rules = TrackRules(0.5, 0.8, 1, 500, 0.5, 0.0, 0.0)  # a track at 0.6 is both seen and missed
    after = LifeCycle(rules).update(_queries([3, -1]), torch.tensor([0.6, 0.6]))
    assert after.ids.tolist() == [NO_TRACK, 0]


def test_the_best_newborns_are_taken_when_there_is_no_room_for_all():
    rules = TrackRules(0.5, 0.4, 5, 3, 0.5, 0.0, 0.0)
    after = LifeCycle(rules).update(_queries([-1, -1, -1, -1, 7]), torch.tensor([0.6, 0.9, 0.7, 0.8, 0.9]))
    assert after.ids.tolist() == [NO_TRACK, 0, NO_TRACK, 1, 7]
    crowded = LifeCycle(rules).update(_queries([-1, 0, 1, 2, 3]), torch.full((5,), 0.9))
    assert crowded.ids.tolist() == [NO_TRACK, 0, 1, 2, 3]


def test_tracks_stay_bounded_over_200_frames_of_objects_everywhere():
    life = LifeCycle(RULES)
    tracks = _queries([NO_TRACK])[torch.tensor([], dtype=torch.long)]
    for _ in range(200):
        queries = _queries([NO_TRACK] * 300).followed_by(tracks)
        queries = life.update(queries, torch.full((len(queries),), 0.99))
        tracks = queries[queries.ids != NO_TRACK]
    assert len(tracks) == RULES.max_tracks
    assert len(tracks.ids.unique()) == len(tracks)


def test_a_sequence_starts_counting_at_zero():
    for _ in range(2):
        assert LifeCycle(RULES).update(_queries([-1]), torch.tensor([0.9])).ids.tolist() == [0]


@pytest.mark.parametrize("count", [0, 3])
@torch.no_grad()
def test_interaction_looks_next_where_the_box_was(count):
    torch.manual_seed(0)
    tracks = TrackQueries(torch.randn(count, 2), torch.randn(count, 32), torch.arange(count), torch.zeros(count))
    boxes = torch.rand(count, 4) * 0.9 + 0.05
    found = Detections(torch.zeros(count), torch.zeros(count), boxes, torch.randn(count, 16))
    after = QueryInteraction(16, 24, heads=2).eval()(tracks, found)
    torch.testing.assert_close(after.reference.sigmoid(), boxes[:, :2])
    assert after.embedding.shape == (count, 32)
    assert after.ids.tolist() == list(range(count))
