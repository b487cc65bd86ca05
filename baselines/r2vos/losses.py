"""R2-VOS's training objective: ReferFormer's losses, and what the sentence that is read back must agree with.

Li et al., "Robust Referring Video Object Segmentation with Cyclic Structural Consensus", ICCV 2023, section 3. The
relations of the sentences of a step must be those of what was read back (Park et al., "Relational Knowledge
Distillation", CVPR 2019), and a classifier tells sentences that the video is about from others. The others are the
sentences without an object in the clip; the authors' code, whose data have none, pairs videos with the sentence of
another process. Axes: n sentences, c channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import ClipLevels
from baselines.layers.training.query_layers import draw_layers, pack_layers
from baselines.layers.training.query_losses import QueryOutputs
from baselines.layers.training.query_training import Predicted, query_objective
from baselines.r2vos.model import R2Vos

MARGIN = 0.5
"""Distance of a foreign sentence from what was read back, from which on there is no loss."""
WEIGHTS = {"loss_distance": 1.0, "loss_angle": 1.0, "loss_foreign": 0.1, "loss_agreement": 1.0}


@dataclass(frozen=True, slots=True, eq=False)
class AgreementOutputs:
    """Predictions for one sentence in one clip.

    Attributes:
        queries: Of every decoder layer.
        sentence: ``(c,)``.
        pseudo: Read back out of the video, ``(c,)``.
        disagreement: Logit, a scalar.
    """

    queries: QueryOutputs
    sentence: Tensor
    pseudo: Tensor
    disagreement: Tensor


def predict_layers(network: R2Vos, clip: ClipLevels, text: tuple[Words, Tensor]) -> AgreementOutputs:
    """Predict for one sentence in one clip with every decoder layer."""
    words, sentence = text
    encoded, reading = network.read_back(clip, words)
    found = network.queries.decode(encoded, network.queries.start(network.content(sentence, reading.pseudo)))
    heads = zip(network.queries.class_embed, found.states, strict=True)
    logits = torch.stack([head(states).squeeze(-1) for head, states in heads])
    masks = draw_layers(found, found.states, partial(network.draw, clip, found, reading))
    disagreement = network.disagreement(sentence, reading.pseudo)
    return AgreementOutputs(pack_layers(logits, found.boxes, masks), sentence, reading.pseudo, disagreement)


def agreement_objective(predicted: Sequence[Predicted], mode: str, device: str) -> dict[str, Tensor]:
    """ReferFormer's losses and those of `agreement_losses`."""
    queries = [Predicted(one.outputs.queries, one.clip, one.sentence) for one in predicted]
    losses = query_objective(queries, mode, device)
    own = torch.tensor([one.clip.shows(one.sentence) for one in predicted], device=device)
    read = agreement_losses([one.outputs for one in predicted], own)
    total = losses["loss"] + sum(WEIGHTS[name] * value for name, value in read.items())
    return {**losses, **read, "loss": total}


def agreement_losses(outputs: Sequence[AgreementOutputs], own: Tensor) -> dict[str, Tensor]:
    """Losses of what was read back, before weighting.

    - ``loss_distance``, ``loss_angle``: smooth L1 distance of `distances` and `angles` of own sentences from those of
      what was read back; the sentences are not moved by it.
    - ``loss_foreign``: what the mean distance of foreign sentences from what was read back lacks of ``MARGIN``.
    - ``loss_agreement``: binary cross-entropy of the disagreement, 0 for own and 1 for foreign sentences.

    Args:
        outputs: One entry per sentence.
        own: bool ``(n,)``: is the clip about the sentence?

    Returns:
        Scalars; 0 where too few sentences are own or foreign.
    """
    sentences, pseudo = (torch.stack([getattr(one, name) for one in outputs]) for name in ("sentence", "pseudo"))
    disagreement = torch.stack([one.disagreement for one in outputs])
    zero = pseudo.sum() * 0
    count = int(own.sum())
    foreign = (pseudo - sentences)[~own].norm(dim=-1)
    read, known = pseudo[own], sentences[own].detach()
    return {
        "loss_distance": F.smooth_l1_loss(distances(read), distances(known)) if count > 1 else zero,
        "loss_angle": F.smooth_l1_loss(angles(read), angles(known)) if count > 1 else zero,
        "loss_foreign": F.relu(MARGIN - foreign.mean()) if len(foreign) else zero,
        "loss_agreement": F.binary_cross_entropy_with_logits(disagreement, (~own).to(disagreement.dtype)),
    }


def distances(x: Tensor) -> Tensor:
    """Distances of all pairs of rows, divided by the mean of those of different rows: ``(n, c)`` to ``(n, n)``."""
    squares = (x[:, None] - x).square().sum(-1)
    apart = ~torch.eye(len(x), dtype=torch.bool, device=x.device)
    found = torch.where(apart, squares.clamp(min=1e-12).sqrt(), 0)
    return found / found[apart].mean().clamp(min=1e-6)


def angles(x: Tensor) -> Tensor:
    """Cosines of the angles at row j between the rows i and k, ``(n, c)`` to ``(n, n, n)``, j first."""
    sides = F.normalize(x[None] - x[:, None], dim=-1)
    return sides @ sides.transpose(1, 2)
