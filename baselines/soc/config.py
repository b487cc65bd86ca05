"""Sizes of SOC by name: the authors', and one that trains on a CPU."""

from collections.abc import Mapping
from dataclasses import replace

from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES, LanguageQueriesConfig

SIZES: Mapping[str, LanguageQueriesConfig] = {
    "base": LanguageQueriesConfig(depth=3, queries=20),
    "base-65": LanguageQueriesConfig(depth=3, queries=20, classes=65),
    "mini": replace(LANGUAGE_QUERIES_SIZES["mini"], queries=10),
}
"""Sizes by name; ``base-65`` has the 65 categories of Refer-YouTube-VOS, ``mini`` has no published weights."""
