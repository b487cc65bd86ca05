"""Losses of LBDT (Ding et al., CVPR 2022; dzh19990407/LBDT): one mask per frame, without matching.

Axes: b frames with their sentences, n objects, h rows, w columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.layers.training.distributed import mean_over_processes
from baselines.layers.training.mask_losses import probability_dice


@dataclass(frozen=True, slots=True)
class LbdtLossConfig:
    """Weights and constants of the losses.

    Attributes:
        bce_weight: Of the binary cross-entropy.
        dice_weight: Of the Dice loss.
        positive_weight: Of the object's pixels in the binary cross-entropy.
        clamp: The Dice loss keeps probabilities this far from 0 and 1; beyond, there is no gradient.
    """

    bce_weight: float = 0.5
    dice_weight: float = 0.5
    positive_weight: float = 1.5
    clamp: float = 1e-4


@dataclass(frozen=True, slots=True)
class LbdtTargets:
    """Targets of a batch.

    Attributes:
        masks: 0/1, float ``(b, h, w)``, at the size of the logits; all zero where a frame shows no object or the
            expression has none.
    """

    masks: Tensor

    def to(self, device: torch.device | str) -> "LbdtTargets":
        """Copy the masks to a device."""
        return LbdtTargets(self.masks.to(device))

    @classmethod
    def from_objects(cls, objects: list[Tensor], size: Sequence[int]) -> "LbdtTargets":
        """Unite each frame's objects and scale the unions to ``size`` as the authors do.

        Masks are scaled bilinearly with aligned corners and cut above 0, which makes them up to a pixel larger. The
        authors train with one object per sample, a data set's frame and instance; the union is the target of an
        expression of several objects. For one sample per object, give the objects as separate batch items.

        Args:
            objects: Of each of b frames, 0/1 ``(n, h, w)``; without objects (n = 0), an empty mask.
            size: Rows and columns of the logits.
        """
        unions = [masks.float().sum(0).clamp(max=1)[None, None] for masks in objects]
        scaled = [F.interpolate(union, tuple(size), mode="bilinear", align_corners=True)[0, 0] for union in unions]
        return cls((torch.stack(scaled) > 0).float())


def compute_losses(outputs: Tensor, targets: LbdtTargets, config: LbdtLossConfig) -> dict[str, Tensor]:
    """Losses before weighting.

    Args:
        outputs: Mask logits ``(b, h, w)``.
        targets: Of the same size.
        config: Weight of positive pixels and clamp.

    Returns:
        ``loss_bce``, mean over all pixels, and ``loss_dice``, mean over the batch, that of all processes.
    """
    positive_weight = outputs.new_tensor(config.positive_weight)
    probabilities = outputs.sigmoid().clamp(config.clamp, 1 - config.clamp)
    means = {
        "loss_bce": F.binary_cross_entropy_with_logits(outputs, targets.masks, pos_weight=positive_weight),
        "loss_dice": probability_dice(probabilities.flatten(1), targets.masks.flatten(1)).mean(),
    }
    return {name: mean_over_processes(mean, len(outputs)) for name, mean in means.items()}


def total_loss(losses: Mapping[str, Tensor], config: LbdtLossConfig) -> Tensor:
    """Weighted sum of the losses of ``compute_losses``, a scalar."""
    return config.bce_weight * losses["loss_bce"] + config.dice_weight * losses["loss_dice"]
