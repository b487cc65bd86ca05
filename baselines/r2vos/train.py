"""Training of R2-VOS: ReferFormer's data and losses, and agreement of sentences with those read out of the video."""

from baselines.layers.training.query_training import QueryTrainOptions, augmentation
from baselines.layers.training.sentence_training import SentenceRecipe, train_sentences
from baselines.lmpmpp.mini.clip_start import training_encoders
from baselines.r2vos.checkpoint import authors_key
from baselines.r2vos.checkpoint import load as load_checkpoint
from baselines.r2vos.config import SIZES
from baselines.r2vos.losses import agreement_objective, predict_layers
from baselines.r2vos.method import build_network, model_with
from baselines.r2vos.options import Options
from mevis_bench.records import TrainingArguments

OPTIONS = {"mini": QueryTrainOptions, "scratch": QueryTrainOptions}


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights; errors as of `train_sentences`."""
    variant: Options = arguments.method_options
    size = SIZES[variant.size]
    encoders = training_encoders(arguments, size.text)
    recipe = SentenceRecipe(
        name="r2vos",
        network=build_network(size, encoders),
        encoders=encoders,
        load_checkpoint=load_checkpoint,
        key=authors_key,
        predict_layers=predict_layers,
        objective=agreement_objective,
        model=model_with(variant),
        augmentation=augmentation(arguments.options),
    )
    train_sentences(arguments, recipe)
