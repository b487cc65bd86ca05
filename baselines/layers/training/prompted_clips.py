"""Clips of a training as networks see them: encoded once for all sentences or, behind a start, for each of them."""

from collections.abc import Iterator
from typing import Any, Protocol

from baselines.layers.inference.prompted_model import ClipStart
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.layers.training.clip_augmentation import normalized, padded
from baselines.layers.training.clip_sampling import ClipSentence, SampledClip, sentence_prompt


class ClipNetwork(Protocol):
    """A network that encodes clips apart from sentences."""

    def encode(self, frames: ClipInput, size: tuple[int, int] | None = None) -> Any:
        """Encode a clip, of which ``size`` rows and columns are image."""
        ...


EncodedClip = tuple[Any, SampledClip, tuple[ClipSentence, ...]]
"""An encoded clip, the frames and masks that it has, and the sentences that it is for."""


def encode_clip(
    network: ClipNetwork,
    clip: SampledClip,
    size: tuple[int, int],
    device: str,
    start: ClipStart | None = None,
    *,
    stride: int = 1,
    spoken: bool = False,
) -> Iterator[EncodedClip]:
    """Encode a clip for its sentences.

    Args:
        network: Encodes it.
        clip: A clip.
        size: Rows and columns to which it is padded, right and bottom.
        device: Of the network.
        start: Tracks the objects of the clip first; ``None``: the network encodes the frames, once for all sentences.
        stride: Behind a start, each sentence sees every ``stride``-th of the tracked frames, the next sentence the
            frames after these.
        spoken: Whether the start hears the sentences.
    """
    frames = padded(normalized(clip), size).to(device)
    if start is None:
        yield network.encode(frames, clip.size), clip, clip.sentences
        return
    tracked = start.track(frames)
    read = start.read([sentence_prompt(sentence, spoken=spoken) for sentence in clip.sentences])
    for number, (sentence, feature) in enumerate(zip(clip.sentences, read, strict=True)):
        seen = slice(number % stride, None, stride)
        yield network.encode(start.prompted(tracked, feature).at(seen)), clip.at(seen), (sentence,)
