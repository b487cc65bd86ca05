"""Costs as in the paper's Table 5, from what every run recorded.

The protocol: frames per second = frames of all answered samples (the length of a sample's video, counted once for every
sample) divided by the seconds spent on them. *End to end* counts everything between the question and the prediction on
disk; *model only* counts the time inside the method, decoding of frames taken off. What the samples of one video share
(a video is encoded once) counts once, as it ran. Loading the method is not counted.
"""

from collections.abc import Iterable, Mapping, Sequence

from mevis_bench.execution.jobs import ResourceUsage
from mevis_bench.store.sample_index import SampleStatus


def total_resource_usage(
    statuses: Iterable[SampleStatus], workers: Sequence[ResourceUsage], before: Mapping[str, object]
) -> dict[str, object]:
    """Return a run's costs.

    Args:
        statuses: Of all samples, those of earlier sessions of the run included.
        workers: What the workers of this session used.
        before: Costs of an earlier session; its peaks stand where they are higher.

    Returns:
        ``fps_model`` and ``fps_end_to_end`` (``None``: nothing was answered), ``device``, ``parameters`` and
        ``trainable`` (``None``: none that can be counted), ``peak_host_bytes``, ``peak_device_bytes``.
    """
    answered = [status for status in statuses if status.status == "ok"]
    frames = sum(status.frames for status in answered)
    model = sum(status.model_seconds for status in answered)
    whole = sum(status.seconds for status in answered)
    last = workers[-1] if workers else None
    return {
        "fps_model": frames / model if model else None,
        "fps_end_to_end": frames / whole if whole else None,
        "device": last.device if last else before.get("device"),
        "parameters": last.parameters if last else before.get("parameters"),
        "trainable": last.trainable if last else before.get("trainable"),
        "peak_host_bytes": _largest(before.get("peak_host_bytes"), [each.peak_host_bytes for each in workers]),
        "peak_device_bytes": _largest(before.get("peak_device_bytes"), [each.peak_device_bytes for each in workers]),
    }


def _largest(before: object, values: Iterable[int | None]) -> int | None:
    known = [value for value in (before, *values) if isinstance(value, int)]
    return max(known, default=None)
