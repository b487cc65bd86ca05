"""Target sets of a video with the sentences about them, for the training of captioners."""

from mevis_bench.records import TargetMasks, TrainingData


def target_sets(data: TrainingData, video_id: str) -> list[tuple[TargetMasks, tuple[str, ...]]]:
    """List the target sets of a video that sentences refer to, with all of these sentences, in file order."""
    sets: dict[tuple[str, ...], tuple[TargetMasks, tuple[str, ...]]] = {}
    for ground_truth in data.ground_truths(video_id):
        ids = ground_truth.expression.annotation_ids
        if ground_truth.objects and ids is not None and ids not in sets:
            sets[ids] = TargetMasks(ground_truth.expression.id, ground_truth.objects), ground_truth.references
    return list(sets.values())
