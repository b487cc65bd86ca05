"""The files of the ``paper`` variant, and where each of their tensors goes.

Public ones it starts from: Mask2Former Swin-T (COCO instance segmentation), as safetensors or a PyTorch file of
tensors; the language model of Video-LLaMA-7B in transformers' layout, one safetensors file; roberta-base; ImageBind.
Its own: what training changed.
"""

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor, nn

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.lmpmpp.model import LMPMpp

FORMAT = "lmpmpp-paper-1"

PREFIXES = {
    "backbone.": "encoder.backbone.",
    "sem_seg_head.pixel_decoder.": "encoder.pixel_decoder.",
    "sem_seg_head.predictor.": "decoder.",
}
"""Mask2Former's modules and ours."""

STARTS_NEW = ("decoder.class_embed.", "decoder.language.")
"""Mask2Former's classes are COCO's, ours are object and no object; it has nothing that conditions queries."""

DROPPED = ("criterion.empty_weight",)


def load_mask2former(model: LMPMpp, path: Path) -> None:
    """Start the extractor from Mask2Former; what conditions its queries and its classes start new.

    Raises:
        DataError: The file is another one.
    """
    tensors = mask2former_tensors(read_tensors(path, entry="model"), model.extractor, path)
    model.extractor.load_state_dict(tensors, strict=False)


def mask2former_tensors(tensors: Mapping[str, Tensor], extractor: nn.Module, path: Path) -> dict[str, Tensor]:
    """Bring Mask2Former's tensors under our names; of its 100 queries the first N1 are kept, as LMPM keeps them."""
    wanted = {k: v for k, v in extractor.state_dict().items() if not k.startswith(STARTS_NEW)}
    renamed: dict[str, Tensor] = {}
    for key, value in tensors.items():
        for theirs, ours in PREFIXES.items():
            if key.startswith(theirs):
                renamed[ours + key.removeprefix(theirs)] = value
    for key in ("decoder.query_feat.weight", "decoder.query_embed.weight"):
        if key in renamed:
            renamed[key] = renamed[key][: len(wanted[key])]
    classes = [key for key in renamed if key.startswith(STARTS_NEW)]
    return match_keys(renamed, wanted, location=str(path), dropped=(*classes, *DROPPED))


def load_llama(model: LMPMpp, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Put Llama's weights in, as they are, before it gets its adapters; extra rows of its vocabulary are left out."""
    language = model.language
    renamed = {key.removeprefix("model."): value for key, value in tensors.items()}
    head = renamed.pop("lm_head.weight", None)
    rows = language.size.vocabulary
    if "embed_tokens.weight" in renamed:
        renamed["embed_tokens.weight"] = renamed["embed_tokens.weight"][:rows]
    buffers = [key for key in renamed if key.endswith("rotary_emb.inv_freq")]
    matched = match_keys(renamed, language.llama, location=str(path), dropped=buffers)
    language.llama.load_state_dict(matched, assign=True)
    language.llama.rotary_emb = type(language.llama.rotary_emb)(language.llama.config)
    found = {} if head is None else {"lm_head.weight": head[:rows]}
    checked = match_keys(found, {"lm_head.weight": language.llama_head.weight}, location=str(path))
    language.llama_head.load_state_dict({"weight": checked["lm_head.weight"]}, assign=True)


def trained_tensors(model: LMPMpp) -> dict[str, Tensor]:
    """What training changes, by name: everything but Llama."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def save_trained(model: LMPMpp, path: Path, made_from: Mapping[str, str]) -> None:
    """Write what training changed, and what it was made from."""
    tensors = {name: p.detach().cpu().contiguous() for name, p in trained_tensors(model).items()}
    save_file(tensors, path, metadata={"format": FORMAT, **made_from})


def load_trained(model: LMPMpp, path: Path) -> None:
    """Read what ``save_trained`` wrote into a model with adapters.

    Raises:
        DataError: The file is another one.
    """
    found = match_keys(read_tensors(path), trained_tensors(model), location=str(path))
    model.load_state_dict(found, strict=False)


def load_roberta(roberta: nn.Module, path: Path) -> None:
    """Load RoBERTa's file.

    Raises:
        DataError: The file is another one.
    """
    tensors = {key.removeprefix("roberta."): value for key, value in read_tensors(path).items()}
    heads = [key for key in tensors if key.startswith(("lm_head.", "embeddings.position_ids"))]
    roberta.load_state_dict(match_keys(tensors, roberta, location=str(path), dropped=heads))


def load_imagebind(imagebind: nn.Module, path: Path) -> None:
    """Load the audio trunk out of ImageBind's file, which holds the other modalities, too.

    Raises:
        DataError: The file is another one.
    """
    tensors = read_tensors(path)
    others = [key for key in tensors if key.split(".")[1:2] != ["audio"]]
    imagebind.load_state_dict(match_keys(tensors, imagebind, location=str(path), dropped=others))
