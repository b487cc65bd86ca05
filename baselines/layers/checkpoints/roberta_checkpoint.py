"""roberta-base, ``model.safetensors`` of huggingface.co/FacebookAI/roberta-base."""

from pathlib import Path

from torch import nn

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors


def load_roberta(roberta: nn.Module, path: Path) -> None:
    """Load RoBERTa's file.

    Raises:
        DataError: The tensors of the file do not fit.
    """
    tensors = {key.removeprefix("roberta."): value for key, value in read_tensors(path).items()}
    heads = [key for key in tensors if key.startswith(("lm_head.", "embeddings.position_ids"))]
    roberta.load_state_dict(match_keys(tensors, roberta, location=str(path), ignored=heads))
