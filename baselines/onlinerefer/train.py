"""Training of OnlineRefer: ReferFormer's data and losses, one frame after another."""

from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES
from baselines.layers.nn.language_queries_keys import authors_key
from baselines.layers.training.query_training import QueryTrainOptions, augmentation
from baselines.layers.training.sentence_training import SentenceRecipe, train_sentences
from baselines.lmpmpp.mini.clip_start import training_encoders
from baselines.onlinerefer.checkpoint import load as load_checkpoint
from baselines.onlinerefer.losses import frame_objective, predict_frames
from baselines.onlinerefer.method import OnlineReferModel, build_network
from baselines.onlinerefer.options import Options
from mevis_bench.records import TrainingArguments

OPTIONS = {"mini": QueryTrainOptions, "scratch": QueryTrainOptions}


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights; errors as of `train_sentences`."""
    variant: Options = arguments.method_options
    size = LANGUAGE_QUERIES_SIZES[variant.size]
    encoders = training_encoders(arguments, size.text)
    recipe = SentenceRecipe(
        name="onlinerefer",
        network=build_network(size, encoders),
        encoders=encoders,
        load_checkpoint=load_checkpoint,
        key=authors_key,
        predict_layers=predict_frames,
        objective=frame_objective,
        model=OnlineReferModel,
        augmentation=augmentation(arguments.options),
    )
    train_sentences(arguments, recipe)
