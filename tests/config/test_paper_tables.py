"""The paper's tables as data agree with each other and with what the paper says of its own metrics."""

import pytest
import yaml

from mevis_bench.config.paths import configs_folder
from mevis_bench.methods.registry import find_methods

TABLES = {
    table["table"]: table
    for table in (
        yaml.safe_load(path.read_text()) for path in sorted((configs_folder() / "paper").glob("table_*.yaml"))
    )
}


def test_tables_5_to_12_are_there_whole() -> None:
    assert {number: len(table["rows"]) for number, table in TABLES.items()} == {
        5: 3,
        6: 8,
        7: 8,
        8: 18,
        9: 16,
        10: 4,
        11: 6,
        12: 4,
    }


@pytest.mark.parametrize("number", TABLES)
def test_every_row_has_every_column(number: int) -> None:
    for row in TABLES[number]["rows"]:
        assert list(row["values"]) == TABLES[number]["columns"], row["method"]


@pytest.mark.parametrize("number", [6, 7, 11])
def test_region_and_boundary_average_to_their_mean(number: int) -> None:
    for row in TABLES[number]["rows"]:
        values = row["values"]
        assert values["J&F"] == pytest.approx((values["J"] + values["F"]) / 2, abs=0.11), row["method"]


def test_a_method_has_the_same_score_wherever_it_is_printed() -> None:
    by_method = {row["method"]: row["values"]["J&F"] for row in TABLES[7]["rows"]}
    for row in TABLES[5]["rows"]:
        if row["method"] in by_method:
            assert row["values"]["J&F"] == by_method[row["method"]]


def test_hota_is_near_the_geometric_mean_of_detection_and_association() -> None:
    for row in TABLES[10]["rows"]:
        values = row["values"]
        assert (values["DetA*"] * values["AssA*"]) ** 0.5 == pytest.approx(values["HOTA*"], rel=0.02), row["method"]


@pytest.mark.parametrize("number", [8, 9])
def test_a_row_about_another_data_set_names_the_variant_with_its_backbone_and_rules(number: int) -> None:
    registry = find_methods()
    named = [row for row in TABLES[number]["rows"] if ":" in (row["ours"] or "")]
    assert {row["ours"].split(":")[0] for row in named} >= {"referformer", "sgmg", "soc"}
    for row in named:
        options = registry.resolve(row["ours"]).spec.options
        kind = {"Video-Swin-Tiny": ("video-swin-t", "video-swin"), "Video-Swin-Base": ("video-swin-b",)}
        assert options["backbone"] in kind[row["backbone"]], row["ours"]
        assert options.get("candidates", False) is (number == 9), row["ours"]
