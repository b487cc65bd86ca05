"""Encoders on which the networks of clip methods are built: backbone, text encoder and tokenizer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baselines.layers.inference.clip_segmenter import ClipModel
from baselines.layers.inference.prompted_model import ClipStart, PromptedModel
from baselines.layers.nn.clip_backbones import Backbone
from baselines.layers.nn.text_encoder import TextEncoder, TextEncoderConfig, Tokenizer, build_roberta, open_tokenizer


@dataclass(frozen=True, slots=True, eq=False)
class Encoders:
    """Encoders of a network.

    Attributes:
        backbone: A name of ``clip_backbones.BACKBONES``, or the backbone itself.
        text: Encoder of sentences.
        tokenizer: Whose ids it reads.
        start: Frozen parts that encode clips before the network; ``None``: the backbone alone.
    """

    backbone: str | Backbone
    text: TextEncoder
    tokenizer: Tokenizer
    start: ClipStart | None = None

    @classmethod
    def own(
        cls, backbone: str, config: TextEncoderConfig, tokenizer: Path | None, *, pooler: bool = True
    ) -> "Encoders":
        """Build a RoBERTa with random weights, and open its tokenizer; ``None``: a hash of the words."""
        return cls(backbone, build_roberta(config, pooler=pooler), open_tokenizer(tokenizer))

    def wrap(self, model: ClipModel[Any, Any, Any]) -> ClipModel[Any, Any, Any]:
        """Return a method's model as it segments clips: behind the start, if there is one."""
        return model if self.start is None else PromptedModel(model, self.start)
