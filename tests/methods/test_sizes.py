"""Sizes of variants, counted without memory."""

import json

import pytest

from mevis_bench.cli import app
from mevis_bench.methods.registry import find_methods
from mevis_bench.methods.sizes import variant_size


def llama(width: int, hidden: int, layers: int, words: int) -> int:
    """Parameters of a LLaMA: embedding and head, attention, gated MLP, norms."""
    return 2 * words * width + layers * (4 * width**2 + 3 * width * hidden + 2 * width) + width


def test_the_large_variant_of_visa_is_counted_without_memory() -> None:
    size = variant_size(find_methods().resolve("visa:13b"))
    assert size is not None
    language, clip, sam, projector = llama(5120, 13824, 40, 32001), 303_179_776, 641_084_900, 1025 * 5120
    heads = 5121 * 5120 + 5121 * 256
    assert size.parameters == language + clip + sam + projector + heads
    assert size.bytes == 2 * size.parameters  # bfloat16


def test_a_method_without_network_has_no_parameters() -> None:
    size = variant_size(find_methods().resolve("moving_region"))
    assert (size.parameters, size.bytes) == (0, 0)


@pytest.mark.parametrize("arguments", [["--json"], []])
def test_the_command_lists_the_task_s_variants(arguments: list[str], capsys, monkeypatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert app.main(["list", "methods", "--sizes", "--task", "rmeg", *arguments]) == 0
    text = capsys.readouterr().out
    if arguments:
        answer = json.loads(text)
        rows = {row["name"]: row for row in answer["sizes"]}
        (unbuilt,) = {name.split(":")[0] for name in answer["not_built"]}
        assert unbuilt == "vlm_api"  # requires the address of a server
        assert rows["cen:clip-b32"]["bytes"] == 4 * rows["cen:clip-b32"]["parameters"]
        assert "visa:13b" not in rows
    else:
        (line,) = [line for line in text.splitlines() if "vast:captioner" in line]
        assert line.split() == ["vast:captioner", "1,150.2", "4.60"]
