"""TempRMOT behind the harness's ``predict``."""

import torch

from baselines.layers.inference.track_streaming import StreamingTracker, StreamSettings
from baselines.layers.method_options import is_count, require
from baselines.layers.nn.text_encoder import open_tokenizer
from baselines.temprmot.checkpoint import load_model
from baselines.temprmot.model import TempRmot
from mevis_bench.records import MethodConfig


def load(setup: MethodConfig) -> StreamingTracker:
    """Build TempRMOT with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint is not TempRMOT's, or the tokenizer not RoBERTa's.
        UsageError: An option can't be used.
    """
    settings = StreamSettings.from_options(setup.options)
    history = setup.options["history"]
    require("history", history, is_count(history), "a whole number of frames above 0")
    if setup.weights is None:
        torch.manual_seed(setup.seed)
        model, tokenizer = TempRmot(history=history, track_attention=False), open_tokenizer(None)
    else:
        model, tokenizer = load_model(setup.weights["model"], history), open_tokenizer(setup.weights["tokenizer"])
    return StreamingTracker(model.eval().to(setup.device), tokenizer, settings, setup.device)
