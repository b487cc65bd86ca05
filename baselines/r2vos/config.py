"""Sizes of R2-VOS by name: the authors', and one that trains on a CPU."""

from collections.abc import Mapping

from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES, LanguageQueriesConfig
from baselines.layers.nn.text_encoder import TextEncoderConfig

SIZES: Mapping[str, LanguageQueriesConfig] = {
    "base": LanguageQueriesConfig(text=TextEncoderConfig(depth=6)),
    "mini": LANGUAGE_QUERIES_SIZES["mini"],
}
"""Sizes by name; the text encoder is distilroberta-base. ``mini`` has no published weights."""
