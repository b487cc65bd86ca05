"""TransRMOT behind the harness's ``predict``."""

import torch

from baselines.layers.inference.track_streaming import StreamingTracker, StreamSettings
from baselines.layers.nn.text_encoder import open_tokenizer
from baselines.transrmot.checkpoint import load_model
from baselines.transrmot.model import TransRmot
from baselines.transrmot.options import Options
from mevis_bench.records import MethodConfig


def load(setup: MethodConfig[Options]) -> StreamingTracker:
    """Build TransRMOT with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint is not TransRMOT's, or the tokenizer not RoBERTa's.
        UsageError: An option can't be used.
    """
    settings = StreamSettings.from_options(setup.options)
    if setup.weights is None:
        torch.manual_seed(setup.seed)
        model, tokenizer = TransRmot(track_attention=False), open_tokenizer(None)
    else:
        model, tokenizer = load_model(setup.weights["model"]), open_tokenizer(setup.weights["tokenizer"])
    return StreamingTracker(model.eval().to(setup.device), tokenizer, settings, setup.device)
