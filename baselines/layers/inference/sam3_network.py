"""transformers' SAM 3 for video in its published size and in a size for tests, and the operations it lacks.

transformers gets non-maximum suppression and the filling of holes from compiled kernels that it downloads, and skips
both where it cannot. ``install_operations`` replaces them by scipy's, so that results do not depend on a download.
"""

from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from transformers.models.sam3_video import modeling_sam3_video
from transformers.models.sam3_video.configuration_sam3_video import Sam3VideoConfig
from transformers.models.sam3_video.modeling_sam3_video import Sam3VideoModel

from baselines.layers.nn.boxes import suppress

TEXT_LENGTH = 32
"""Tokens of a phrase; shorter ones are padded, longer ones are cut."""

_MINI_SIDE, _MINI_GRID, _MINI_WIDTH = 112, 8, 128


def build(size: str) -> Sam3VideoModel:
    """Build ``published`` (859.9 M parameters) or ``mini`` (4.7 M) with initial weights."""
    return Sam3VideoModel(mini_config() if size == "mini" else Sam3VideoConfig())


def mini_config() -> Sam3VideoConfig:
    """Return small sizes; the tracker's width has to exceed its memory's, 64."""
    grid, width = _MINI_GRID, _MINI_WIDTH
    vision = {
        "backbone_config": {
            "model_type": "sam3_vit_model", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": _MINI_SIDE, "patch_size": 14, "window_size": 4,
            "global_attn_indexes": [1], "pretrain_image_size": _MINI_SIDE // 2,
        },
        "fpn_hidden_size": width,
        "backbone_feature_sizes": [[4 * grid] * 2, [2 * grid] * 2, [grid] * 2],
    }  # fmt: skip
    part = {"hidden_size": width, "num_attention_heads": 4, "intermediate_size": 64}
    detector = {
        "vision_config": vision,
        "text_config": {
            "vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "projection_dim": width,
            "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": TEXT_LENGTH,
            "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2,
        },
        "geometry_encoder_config": {**part, "num_layers": 1},
        "detr_encoder_config": {**part, "num_layers": 2},
        "detr_decoder_config": {**part, "num_layers": 2, "num_queries": 8},
        "mask_decoder_config": {"hidden_size": width, "num_attention_heads": 4, "num_upsampling_stages": 3},
    }  # fmt: skip
    tracker = {
        "image_size": _MINI_SIDE,  # without it the configuration resets every nested size to 1008
        "vision_config": vision,
        "prompt_encoder_config": {"hidden_size": width, "image_size": _MINI_SIDE, "patch_size": 14},
        "mask_decoder_config": {"hidden_size": width, "mlp_dim": 64, "num_attention_heads": 4,
                                "iou_head_hidden_dim": 32},
        "memory_attention_hidden_size": width, "memory_attention_num_layers": 1,
        "memory_attention_feed_forward_hidden_size": 64, "memory_attention_rope_feat_sizes": [grid, grid],
        "memory_encoder_hidden_size": width, "memory_encoder_output_channels": 64, "mask_downsampler_embed_dim": width,
        "memory_fuser_embed_dim": width, "memory_fuser_intermediate_dim": 64,
    }  # fmt: skip
    return Sam3VideoConfig(detector_config=detector, tracker_config=tracker, low_res_mask_size=4 * grid)


class Operations:
    """Non-maximum suppression and connected components, under the names of transformers' kernels."""

    def generic_nms(self, ious: Tensor, scores: Tensor, iou_threshold: float, *, use_iou_matrix: bool = True) -> Tensor:
        """Keep detections greedily, best score first; a kept one removes all with a larger IoU.

        Args:
            ious: ``(n, n)``.
            scores: ``(n,)``; equal scores in the order of their indices.
            iou_threshold: 0..1.
            use_iou_matrix: As transformers calls it.

        Returns:
            Indices of the kept ones, int64, by falling score.
        """
        return torch.tensor(suppress(ious, scores, iou_threshold), dtype=torch.int64, device=scores.device)

    def cc_2d(self, masks: Tensor, *, get_counts: bool = True) -> tuple[Tensor, Tensor]:
        """Label 8-connected components.

        Args:
            masks: uint8 ``(n, 1, h, w)``, 0 or 1.
            get_counts: As transformers calls it.

        Returns:
            Per pixel the label of its component and that component's pixels, int32, both 0 outside of the masks.
        """
        labels = np.zeros(masks.shape, np.int32)
        counts = np.zeros(masks.shape, np.int32)
        for index, mask in enumerate(masks[:, 0].cpu().numpy()):
            labels[index, 0], _ = ndimage.label(mask, np.ones((3, 3)))
            sizes = np.bincount(labels[index, 0].ravel())
            sizes[0] = 0
            counts[index, 0] = sizes[labels[index, 0]]
        return torch.from_numpy(labels).to(masks.device), torch.from_numpy(counts).to(masks.device)


def install_operations() -> None:
    """Make transformers' SAM 3 use `Operations`, and never download kernels."""
    modeling: Any = modeling_sam3_video
    modeling.cv_utils_kernel = Operations()
