"""Training of LoSh: MTTR's clips, each sentence also in a shortened form.

The authors' recipe for A2D-Sentences is ``configs/train/losh-video-swin-t-a2d.yaml``. Their shortened sentences are a
list made by spaCy; here a sentence ends before its first verb or adverb, by the tagger of DsHmp.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from torch import Tensor

from baselines.layers.inference.encoders import Encoders
from baselines.layers.inputs.word_tagger import Tagger, open_tagger
from baselines.layers.training.clip_sampling import SampledClip
from baselines.losh.losses import LoshLossConfig, compute_losses, total_loss
from baselines.losh.method import LoshModel
from baselines.mttr.config import SIZES
from baselines.mttr.model import Mttr
from baselines.mttr.train import TrainOptions as MttrTrainOptions
from baselines.mttr.train import batch_targets, encode_clips, predict_layers, train_as
from mevis_bench.records import TrainingArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(MttrTrainOptions):
    """A training, by the names of the authors' configuration.

    Attributes:
        tagger: Finds verbs and adverbs: ``rules`` or ``spacy``.
    """

    tagger: Literal["rules", "spacy"]


OPTIONS = {"video-swin-t-a2d": TrainOptions, "mini": TrainOptions, "scratch": TrainOptions}
LOSSES = LoshLossConfig()


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights.

    Raises:
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from is another one.
        MethodError: spaCy or its model is not installed.
        UsageError: The split has no usable sentence.
    """
    open_tagger(arguments.options.tagger)
    train_as(arguments, SIZES[arguments.method_options.size], "losh", LoshModel, clip_losses)


def clip_losses(
    network: Mttr, clips: list[SampledClip], encoders: Encoders, options: TrainOptions, device: str
) -> dict[str, Tensor]:
    """LoSh's losses of all sentences of some clips; each clip is encoded once for both forms."""
    encoded = encode_clips(network, clips, encoders.start, options.frame_stride, device)
    features = [clip for clip, _, _ in encoded]
    full = [[sentence.text for sentence in sentences] for _, _, sentences in encoded]
    tagger = _tagger(options.tagger)
    short = [[shortened(text, tagger) for text in texts] for texts in full]
    long_outputs, short_outputs = (
        predict_layers(network, features, texts, encoders.tokenizer, device) for texts in (full, short)
    )
    losses = compute_losses(long_outputs, short_outputs, batch_targets(encoded, options, device), LOSSES)
    return {"loss": total_loss(losses, LOSSES), **losses}


_tagger = cache(open_tagger)


def shortened(text: str, tagger: Tagger) -> str:
    """Return the sentence before its first verb or adverb; the whole sentence if it has none or begins with it."""
    start = next((word.start for word in tagger.tag(text) if word.motion), len(text))
    return text[:start].rstrip() or text
