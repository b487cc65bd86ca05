"""Training of SOC: ReferFormer's data, every object of a clip, and the sentence's object among the cluster's."""

from baselines.layers.training.query_training import QueryTrainOptions, augmentation
from baselines.layers.training.sentence_training import SentenceRecipe, train_sentences
from baselines.lmpmpp.mini.clip_start import training_encoders
from baselines.soc.checkpoint import authors_key
from baselines.soc.checkpoint import load as load_checkpoint
from baselines.soc.config import SIZES
from baselines.soc.losses import object_objective, predict_layers
from baselines.soc.method import build_network, model_with
from baselines.soc.options import Options
from mevis_bench.records import TrainingArguments

OPTIONS = {"mini": QueryTrainOptions, "scratch": QueryTrainOptions}


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights; errors as of `train_sentences`."""
    variant: Options = arguments.method_options
    size = SIZES[variant.size]
    encoders = training_encoders(arguments, size.text)
    recipe = SentenceRecipe(
        name="soc",
        network=build_network(size, encoders),
        encoders=encoders,
        load_checkpoint=load_checkpoint,
        key=authors_key,
        predict_layers=predict_layers,
        objective=object_objective,
        model=model_with(variant),
        augmentation=augmentation(arguments.options),
    )
    train_sentences(arguments, recipe)
