"""Card (``README.md``) of a run's repository on the hub: model-index metadata, the results, how to get them back."""

from collections.abc import Mapping
from typing import Any

import yaml

from mevis_bench.reports.escaping import markdown_text
from mevis_bench.reports.render import to_markdown
from mevis_bench.reports.table import build_table
from mevis_bench.schemas.manifest import Manifest
from mevis_bench.schemas.scores import Results
from mevis_bench.tasks import find_task


def hub_card(manifest: Manifest, results: Results | None, facts: Mapping[str, str], repo: str) -> str:
    """Return the card of a run.

    Args:
        manifest: Of the run.
        results: Its scores; ``None``: it has none, for instance because the ground truth is on a server.
        facts: What a reader needs to repeat the numbers, by topic.
        repo: Repository, ``owner/name``.
    """
    identity = manifest.identity
    name = f"{identity.method}:{identity.variant}"
    metadata: dict[str, Any] = {"pretty_name": f"{name}, {identity.task}, {identity.split}"}
    metadata["tags"] = ["mevis-bench", identity.task]
    if results is not None:
        metadata["model-index"] = _model_index(name, manifest, results)
    lines = ["---", yaml.safe_dump(metadata, sort_keys=False).rstrip(), "---"]
    lines += [f"# {markdown_text(manifest.title)}: {identity.task}, {markdown_text(identity.split)}", ""]
    made_by = f"mevis-bench {markdown_text(identity.version)}"
    lines += [f"Predictions of {markdown_text(name)} by {made_by}, with manifest and scores.", ""]
    if results is not None:
        lines += [to_markdown(build_table(results.task, [results])), ""]
    lines += ["| fact | value |", "|---|---|"]
    lines += [f"| {markdown_text(topic)} | {markdown_text(text)} |" for topic, text in facts.items()]
    lines += ["", "```sh", f"mevis-bench pull {repo} --out RUN", "mevis-bench report RUN", "```"]
    return "\n".join([*lines, ""])


def _model_index(name: str, manifest: Manifest, results: Results) -> list[dict[str, Any]]:
    from huggingface_hub import EvalResult
    from huggingface_hub.repocard_data import eval_results_to_model_index

    task = find_task(results.task)
    data_set = results.dataset.get("name", manifest.identity.split)
    entries = [
        EvalResult(
            task_type=task.name,
            task_name=task.title,
            dataset_type=data_set,
            dataset_name=data_set,
            dataset_split=results.split,
            dataset_revision=results.fingerprint,
            dataset_config=results.protocol,
            metric_type=metric,
            metric_name=metric,
            metric_value=100 * value if task.metric(metric).unit == "percent" else value,
        )
        for metric, value in results.metrics.items()
        if value is not None
    ]
    return eval_results_to_model_index(name, entries) if entries else []
