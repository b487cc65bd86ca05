"""TempRMOT behind the harness's ``predict``."""

import torch

from baselines.layers.inference.track_streaming import StreamingTracker, StreamSettings
from baselines.layers.nn.text_encoder import open_tokenizer
from baselines.temprmot.checkpoint import load_model
from baselines.temprmot.model import TempRmot
from baselines.temprmot.options import Options
from mevis_bench.records import MethodConfig


def load(setup: MethodConfig[Options]) -> StreamingTracker:
    """Build TempRMOT with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint is not TempRMOT's, or the tokenizer not RoBERTa's.
        UsageError: An option can't be used.
    """
    settings = StreamSettings.from_options(setup.options)
    history = setup.options.history
    if setup.weights is None:
        torch.manual_seed(setup.seed)
        model, tokenizer = TempRmot(history=history, track_attention=False), open_tokenizer(None)
    else:
        model, tokenizer = load_model(setup.weights["model"], history), open_tokenizer(setup.weights["tokenizer"])
    return StreamingTracker(model.eval().to(setup.device), tokenizer, settings, setup.device)
