"""Run configurations from options of the command line, a YAML file, or both."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mevis_bench.files.strict_yaml import parse_node, plain_value, read_node, with_flag, with_settings
from mevis_bench.records import UsageError
from mevis_bench.records.task_names import TASK_NAMES
from mevis_bench.schemas.run_config import RunConfig
from mevis_bench.schemas.yaml_files import decode_node


def read_run_config(file: Path | None, flags: Mapping[str, object], settings: Sequence[str]) -> RunConfig:
    """Merge a file, options of the command line and ``--set`` settings; the later ones win.

    Args:
        file: A YAML file; ``None``: none.
        flags: Values of the given options by key of ``RunConfig``.
        settings: ``key=value``; ``method.<key>=<value>`` sets an option of the method.

    Raises:
        UsageError: Task or method is missing, a setting has no value, or options exclude each other.
        DataError: A key is unknown or its value invalid; names file and line, or the option.
    """
    node = read_node(file) if file is not None else parse_node("{}", "the command line")
    for key, value in flags.items():
        with_flag(node, key, value)
    with_settings(node, [re.sub(r"^method\.", "options.", setting) for setting in settings])
    values = plain_value(node)
    for key in ("task", "method"):
        if isinstance(values, dict) and key not in values:
            raise UsageError(f"--{key} is missing", hint=_MISSING_HINTS[key])
    config = decode_node(node, RunConfig)
    if config.address is not None and config.engine != "ray":
        raise UsageError("--address requires --engine ray", location=f"--address {config.address}")
    if config.engine == "ray" and (config.workers > 1 or config.timeout is not None):
        raise UsageError("--workers and --timeout require --engine local: a Ray cluster has one actor per device")
    return config


_MISSING_HINTS = {
    "task": f"One of {', '.join(TASK_NAMES)}; see mevis-bench list tasks",
    "method": "See mevis-bench list methods",
}
