"""DsHmp's forward pass in training: predictions of every decoder layer, for one clip with its expression."""

from torch import Tensor

from baselines.dshmp.decoders import ClipModule
from baselines.dshmp.losses import DsHmpOutputs
from baselines.dshmp.model import DsHmp
from baselines.dshmp.sentence import DecoupledSentence
from baselines.layers.training import trajectory_training


def training_outputs(network: DsHmp, stem: Tensor, sentence: DecoupledSentence) -> DsHmpOutputs:
    """Predict one clip as ``trajectory_training`` does; the authors train with t = 8, one window."""
    outputs, queries = trajectory_training.training_outputs(network, stem, sentence)
    clip_module = network.vita_module
    assert isinstance(clip_module, ClipModule)
    return DsHmpOutputs(
        outputs.frame,
        outputs.clip,
        outputs.frame_embeddings,
        outputs.clip_embeddings,
        contrastive_embeddings=clip_module.contrastive_embed(queries)[:, None],
    )
