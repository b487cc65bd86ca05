"""DsHmp, decoupled static and hierarchical motion perception (He & Ding, CVPR 2024).

The network is ``TrajectoryNetwork``; DsHmp's own are its decoders: static words guide the frame decoder, motion words
the clip module. Written from a description of the network, not from the authors' code. Axes: n tokens, c channels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from baselines.dshmp.config import DsHmpConfig
from baselines.dshmp.decoders import ClipModule, FrameDecoder
from baselines.dshmp.sentence import DecoupledSentence
from baselines.layers.nn.text_encoder import build_roberta
from baselines.layers.nn.trajectory_network import TrajectoryNetwork


class DsHmp(TrajectoryNetwork[DecoupledSentence]):
    """The whole network; key names are the published file's.

    Args:
        config: Sizes; ``None``: the authors'.
    """

    def __init__(self, config: DsHmpConfig | None = None) -> None:
        config = config or DsHmpConfig()
        super().__init__(config, FrameDecoder(config.frame, config.fusion), ClipModule(config.clip, config.fusion))
        self.config = config
        self.text_encoder = build_roberta(config.text).requires_grad_(False)  # frozen in training too

    def encode_text(self, ids: Tensor, mask: Tensor, static: Sequence[int], motion: Sequence[int]) -> DecoupledSentence:
        """Encode a sentence.

        Args:
            ids: Token ids ``(1, n)``.
            mask: ``(1, n)``, 1 on tokens.
            static: Ascending positions of the static words' tokens; may be empty.
            motion: Ascending positions of the motion words' tokens; may be empty.
        """
        out = self.text_encoder(input_ids=ids, attention_mask=mask)
        tokens, feature = self.resizer(out.last_hidden_state), self.resizer(out.pooler_output)
        return DecoupledSentence(
            words=out.last_hidden_state.transpose(1, 2),
            mask=mask,
            feature=feature,
            tokens=tokens,
            static=torch.cat((tokens[0, list(static)], feature)),
            motion=torch.cat((tokens[0, list(motion)], feature)),
        )
