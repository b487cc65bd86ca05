"""Base of the models of ``ClipSegmenter`` that are prompted by a sentence, unchanged, as ReferFormer is.

Axes: t frames, q queries, h rows, w columns.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from baselines.layers.inference import query_outputs
from baselines.layers.inference.clip_segmenter import ClipModel, ClipSegmenter, ClipSettings, ClipT, OutputT, TextT
from baselines.layers.inference.encoders import Encoders
from baselines.layers.inference.query_outputs import QueryOutputs, best_query, query_masks
from baselines.layers.inputs.resize import Size
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.layers.nn.text_encoder import Tokenizer
from mevis_bench.records import MethodConfig, Prompt, TextPrompt


class SentenceNetwork(Protocol):
    """A network that encodes sentences and clips apart."""

    def read(self, ids: Tensor) -> Any:
        """Encode one sentence, int64 ``(1, s)``."""
        ...

    def encode(self, frames: ClipInput) -> Any:
        """Encode normalized frames ``(t, 3, h, w)``."""
        ...

    def __call__(self, clip: Any, text: Any) -> Any:
        """Segment the object of one sentence in one clip."""
        ...


NetworkT = TypeVar("NetworkT", bound=SentenceNetwork)
ModuleT = TypeVar("ModuleT", bound=nn.Module)


class SentenceModel(Generic[NetworkT, TextT, ClipT]):
    """Encoding of prompts and clips; the frames' short side is given, the long side truncated and unbounded.

    Attributes:
        title: Name of the method, for errors.
    """

    title: ClassVar[str]
    input_size = staticmethod(query_outputs.input_size)

    def __init__(self, network: NetworkT, tokenizer: Tokenizer, device: str) -> None:
        self.network, self.tokenizer, self.device = network, tokenizer, device

    def encode_prompt(self, prompt: Prompt) -> TextT:
        """Encode the sentence unchanged: the authors lower its case in training only.

        Raises:
            TypeError: The prompt is not text.
        """
        if not isinstance(prompt, TextPrompt):
            raise TypeError(f"{self.title} requires a text prompt, got {type(prompt).__name__}")
        text: TextT = self.network.read(torch.tensor([self.tokenizer.encode(prompt.text).ids], device=self.device))
        return text

    def encode_clip(self, frames: ClipInput) -> ClipT:
        """Encode a clip."""
        clip: ClipT = self.network.encode(frames)
        return clip


class BestQueryModel(SentenceModel[NetworkT, TextT, ClipT]):
    """ReferFormer's answer: the query with the highest mean probability over the frames of the whole video."""

    def segment(self, clip: ClipT, text: TextT) -> QueryOutputs:
        """Segment the object of one sentence in one clip."""
        return QueryOutputs.of(self.network(clip, text))

    def postprocess(self, outputs: Sequence[QueryOutputs], size: Size) -> tuple[list[Tensor], float]:
        """Select one query for the whole video, by its mean probability over all frames."""
        query, score = best_query(torch.cat([output.logits for output in outputs]))
        return [query_masks(output, query, size) for output in outputs], score

    def candidates(self, outputs: Sequence[QueryOutputs], size: Size) -> Iterator[tuple[list[Tensor], float]]:
        """Yield masks and mean probability over all frames of every query."""
        return query_outputs.all_queries(outputs, size)


def load_segmenter(
    config: MethodConfig[Any],
    network: ModuleT,
    encoders: Encoders,
    load_checkpoint: Callable[[Path, ModuleT], Mapping[str, Tensor]],
    model: Callable[[ModuleT, Tokenizer, str], ClipModel[TextT, ClipT, OutputT]],
) -> ClipSegmenter[TextT, ClipT, OutputT]:
    """Make a method of its network, with the authors' weights or, untrained, with those it has.

    Args:
        config: Arguments of ``load``; its options are ``ClipOptions``.
        network: With random weights.
        encoders: On which it is built.
        load_checkpoint: Reads the weights of the network from a file.
        model: Makes the model of the network, its tokenizer and its device.

    Raises:
        DataError: The checkpoint is not this variant's.
        UsageError: An option has an invalid value.
    """
    if config.weights is not None:
        network.load_state_dict(load_checkpoint(config.weights["model"], network))
    network.eval().to(config.device)
    settings = ClipSettings.from_options(config.options)
    own = model(network, encoders.tokenizer, config.device)
    return ClipSegmenter(encoders.wrap(own), settings, config.device)
