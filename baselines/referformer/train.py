"""Training of ReferFormer: clips of a few frames near and far, all or some of their sentences.

The authors' recipe for Refer-YouTube-VOS from scratch is ``configs/train/referformer-resnet50.yaml``.
"""

from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES
from baselines.layers.nn.language_queries_keys import authors_key
from baselines.layers.training.query_training import QueryTrainOptions, augmentation
from baselines.layers.training.sentence_training import SentenceRecipe, train_sentences
from baselines.lmpmpp.mini.clip_start import training_encoders
from baselines.referformer.checkpoint import load as load_checkpoint
from baselines.referformer.losses import predict_layers
from baselines.referformer.method import ReferFormerModel, build_network
from baselines.referformer.options import Options
from mevis_bench.records import TrainingArguments

OPTIONS = {"resnet50": QueryTrainOptions, "mini": QueryTrainOptions, "scratch": QueryTrainOptions}


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights; errors as of `train_sentences`."""
    variant: Options = arguments.method_options
    size = LANGUAGE_QUERIES_SIZES[variant.size]
    encoders = training_encoders(arguments, size.text)
    recipe = SentenceRecipe(
        name="referformer",
        network=build_network(size, encoders),
        encoders=encoders,
        load_checkpoint=load_checkpoint,
        key=authors_key,
        predict_layers=predict_layers,
        model=ReferFormerModel,
        augmentation=augmentation(arguments.options),
    )
    train_sentences(arguments, recipe)
