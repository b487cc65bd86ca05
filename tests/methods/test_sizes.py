"""Sizes of variants, counted without memory."""

import json

import pytest

from mevis_bench.cli import app
from mevis_bench.methods.registry import ResolvedMethod, find_methods
from mevis_bench.methods.sizes import VariantSize, fitting_variants, variant_size
from mevis_bench.records import UsageError


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


def test_the_command_counts_what_can_be_built(capsys, monkeypatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert app.main(["list", "methods", "--sizes", "--task", "rmeg", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in answer["sizes"]}
    (unbuilt,) = {name.split(":")[0] for name in answer["not_built"]}
    assert unbuilt == "vlm_api"  # requires the address of a server
    assert rows["cen:clip-b32"]["bytes"] == 4 * rows["cen:clip-b32"]["parameters"]
    assert "visa:13b" not in rows


def test_the_table_is_in_millions_and_gigabytes(capsys, monkeypatch) -> None:
    def size(resolved: ResolvedMethod) -> VariantSize:
        if resolved.name == "git:mini":
            raise UsageError("no endpoint is given")
        return VariantSize(resolved.name, 1_150_174_138, 4 * 1_150_174_138)

    monkeypatch.setattr("mevis_bench.methods.sizes.variant_size", size)
    assert app.main(["list", "methods", "--sizes", "--task", "rmeg"]) == 0
    printed = capsys.readouterr()
    (line,) = [line for line in printed.out.splitlines() if "vast:captioner" in line]
    assert line.split() == ["vast:captioner", "1,150.2", "4.60"]
    assert printed.err == "not built: git:mini: no endpoint is given\n"


def test_sam_2_and_grounding_dino_have_their_published_sizes() -> None:
    sizes = {name: variant_size(find_methods().resolve(name)) for name in ("gdino_sam2:tiny", "gdino_sam2:base-large")}
    small, large = (size.parameters / 1e6 for size in sizes.values() if size is not None)
    assert small == pytest.approx(172 + 39, abs=1)
    assert large == pytest.approx(233 + 224.4, abs=1)


def test_variants_that_fit_are_named_with_their_precision() -> None:
    entry = find_methods().methods["boxes_to_masks"]
    every = [(size.name, size.bytes // 10**6) for size in fitting_variants(entry, 10**9)]
    assert every == [
        ("boxes_to_masks:large", 897),
        ("boxes_to_masks:large --set method.precision=bfloat16", 448),
        ("boxes_to_masks:tiny", 155),
        ("boxes_to_masks:tiny --set method.precision=bfloat16", 77),
    ]
    assert [size.name for size in fitting_variants(entry, 10**8)] == [every[-1][0]]
    assert fitting_variants(entry, 10**7) == []
