"""Training of SgMg: ReferFormer's clips, some of them backwards, and its losses on patches and on refined masks.

The authors' recipe for Refer-YouTube-VOS is ``configs/train/sgmg-video-swin-t.yaml``.
"""

from dataclasses import dataclass

from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES
from baselines.layers.options import Fraction
from baselines.layers.training.clip_augmentation import (
    Compose,
    LowerCase,
    PhotometricDistort,
    RandomHorizontalFlip,
    RandomTimeReversal,
)
from baselines.layers.training.clip_sampling import Augmentation
from baselines.layers.training.query_training import QueryTrainOptions, resizing
from baselines.layers.training.sentence_training import SentenceRecipe, train_sentences
from baselines.lmpmpp.mini.clip_start import training_encoders
from baselines.sgmg.checkpoint import authors_key
from baselines.sgmg.checkpoint import load as load_checkpoint
from baselines.sgmg.losses import predict_layers
from baselines.sgmg.method import SgMgModel, build_network
from baselines.sgmg.options import Options
from mevis_bench.records import TrainingArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(QueryTrainOptions):
    """A training of SgMg.

    Attributes:
        time_reversal: Probability that the frames of a clip are in reverse order.
    """

    time_reversal: Fraction


OPTIONS = {"video-swin-t": TrainOptions, "mini": TrainOptions, "scratch": TrainOptions}


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights; errors as of `train_sentences`."""
    variant: Options = arguments.method_options
    size = LANGUAGE_QUERIES_SIZES[variant.size]
    encoders = training_encoders(arguments, size.text)
    recipe = SentenceRecipe(
        name="sgmg",
        network=build_network(size, encoders),
        encoders=encoders,
        load_checkpoint=load_checkpoint,
        key=authors_key,
        predict_layers=predict_layers,
        model=SgMgModel,
        augmentation=augmentation(arguments.options),
    )
    train_sentences(arguments, recipe)


def augmentation(options: TrainOptions) -> Augmentation:
    """Return the authors' transforms: those of ReferFormer, of which the size comes first, and a reversal of time."""
    colors = (RandomHorizontalFlip(swap_words=True), PhotometricDistort()) if options.augment else ()
    return Compose((LowerCase(), resizing(options), *colors, RandomTimeReversal(options.time_reversal)))
