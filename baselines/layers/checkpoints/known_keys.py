"""Recognition of a checkpoint by names that only one method's file has, for errors about the wrong file."""

from collections.abc import Iterable

OWNERS = (
    ("vita_module.cross_motion.", "DsHmp"),
    ("vita_module.", "LMPM"),
    ("STReasoner.", "TempRMOT"),
    ("track_embed.norm.", "OnlineRefer"),
    ("mti.", "MUTR"),
    ("voc.", "SOC"),
    ("input_fft.", "SgMg"),
    ("pixel_decoder.dyn_conv.", "R2-VOS"),
    ("refer_embed.", "TransRMOT"),
    ("instance_kernels_head.", "MTTR"),
    ("bbox_attention.", "WNet"),
    ("conv_r4_1_reduce.", "LBDT"),
    ("balance_joint.", "VLT"),
    ("normalize_video.", "CEN"),
    ("hidden_trans_vision_multimodal.", "VAST"),
    ("model.mm_projector.s1.", "VideoLLaMA 2"),
    ("git.image_encoder.", "GIT"),
    ("modality_trunks.audio.", "ImageBind"),
    ("controller.layers.", "ReferFormer"),
    ("text_model.", "CLIP"),
    ("vision_model.", "CLIP"),
    ("lm_head.dense.", "RoBERTa"),
    ("model.layers.", "a language model"),
    ("layer4.2.", "a ResNet"),
)
"""Beginnings of names and the method that has them; the first one that fits counts."""


def owner(keys: Iterable[str]) -> str | None:
    """Return the method whose file has these names; ``None``: not known."""
    names = tuple(keys)
    return next((method for start, method in OWNERS if any(name.startswith(start) for name in names)), None)
