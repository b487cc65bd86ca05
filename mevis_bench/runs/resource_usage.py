"""Resource usage as in the paper's Table 5, from the records of a run.

The protocol: frames per second = frames of all predicted samples (the length of a sample's video, counted once per
sample) divided by the seconds spent on them. *End to end* counts everything between the prompt and the prediction on
disk; *model only* counts the time inside the method without the decoding of frames. What the samples of one video share
(a video is encoded once) counts once, as it ran. Loading the method is not counted.
"""

from collections.abc import Iterable, Mapping, Sequence

from mevis_bench.execution.jobs import ResourceUsage
from mevis_bench.schemas.samples import SampleStatus


def total_resource_usage(
    statuses: Iterable[SampleStatus], usages: Sequence[ResourceUsage], before: Mapping[str, object]
) -> dict[str, object]:
    """Sum up the resource usage of a run.

    Args:
        statuses: Of all samples, those of earlier sessions of the run included.
        usages: Of the processes of this session.
        before: Result for an earlier session; its peaks count where they are higher.

    Returns:
        ``fps_model`` and ``fps_end_to_end`` (``None``: there is no prediction), ``device``, ``parameters`` and
        ``trainable`` (``None``: none that can be counted), ``peak_host_bytes``, ``peak_device_bytes``; and
        ``counters`` by name, summed over sessions, where the method counts.
    """
    predicted = [status for status in statuses if status.status == "ok"]
    frames = sum(status.frames for status in predicted)
    model = sum(status.model_seconds for status in predicted)
    whole = sum(status.seconds for status in predicted)
    last = usages[-1] if usages else None
    counted = _summed(before.get("counters"), [usage.counters for usage in usages])
    return {
        "fps_model": frames / model if model else None,
        "fps_end_to_end": frames / whole if whole else None,
        "device": last.device if last else before.get("device"),
        "parameters": last.parameters if last else before.get("parameters"),
        "trainable": last.trainable if last else before.get("trainable"),
        "peak_host_bytes": _largest(before.get("peak_host_bytes"), [usage.peak_host_bytes for usage in usages]),
        "peak_device_bytes": _largest(before.get("peak_device_bytes"), [usage.peak_device_bytes for usage in usages]),
        **({"counters": counted} if counted else {}),
    }


def _summed(before: object, counters: Iterable[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = dict(before) if isinstance(before, dict) else {}
    for each in counters:
        for name, value in each.items():
            total[name] = total.get(name, 0) + value
    return total


def _largest(before: object, values: Iterable[int | None]) -> int | None:
    known = [value for value in (before, *values) if isinstance(value, int)]
    return max(known, default=None)
