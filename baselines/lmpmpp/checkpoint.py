"""Weights files of LMPM++ and the mapping of their tensor names to ours.

Public files that training starts from: Mask2Former Swin-T (COCO instance segmentation), as safetensors or a PyTorch
file of tensors; the language model of Video-LLaMA-7B in transformers' layout, one safetensors file; roberta-base;
ImageBind. Its own file holds the trained parameters only.
"""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.layers.checkpoints.weights_file import save_weights
from baselines.lmpmpp.model import LMPMpp

FORMAT = "lmpmpp-paper-1"

MASK2FORMER_PREFIXES = {
    "backbone.": "encoder.backbone.",
    "sem_seg_head.pixel_decoder.": "encoder.pixel_decoder.",
    "sem_seg_head.predictor.": "decoder.",
}
"""Prefixes of Mask2Former's tensor names, and ours in the extractor."""

RANDOMLY_INITIALIZED = ("decoder.class_embed.", "decoder.language.")
"""Not from Mask2Former: its classes are COCO's, ours are object and no object, and its queries have no condition."""

IGNORED = ("criterion.empty_weight",)

RENAMED = {"hear.": "audio_to_text.", "contrast.": "contrastive_proj."}
"""Former prefixes in files that ``save_trained`` wrote."""


def load_mask2former(model: LMPMpp, path: Path) -> None:
    """Initialize the extractor from Mask2Former, except for ``RANDOMLY_INITIALIZED``.

    Raises:
        DataError: The tensors of the file do not fit.
    """
    tensors = mask2former_tensors(read_tensors(path, entry="model"), model.extractor, path)
    model.extractor.load_state_dict(tensors, strict=False)


def mask2former_tensors(tensors: Mapping[str, Tensor], extractor: nn.Module, path: Path) -> dict[str, Tensor]:
    """Rename Mask2Former's tensors to ours; of its 100 queries the first N1 are kept, as in LMPM."""
    expected = {k: v for k, v in extractor.state_dict().items() if not k.startswith(RANDOMLY_INITIALIZED)}
    renamed: dict[str, Tensor] = {}
    for key, value in tensors.items():
        for theirs, ours in MASK2FORMER_PREFIXES.items():
            if key.startswith(theirs):
                renamed[ours + key.removeprefix(theirs)] = value
    for key in ("decoder.query_feat.weight", "decoder.query_embed.weight"):
        if key in renamed:
            renamed[key] = renamed[key][: len(expected[key])]
    classes = [key for key in renamed if key.startswith(RANDOMLY_INITIALIZED)]
    return match_keys(renamed, expected, location=str(path), ignored=(*classes, *IGNORED))


def load_llama(model: LMPMpp, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load Llama's weights, before the adapters are added; rows beyond the configured vocabulary are ignored.

    Raises:
        DataError: The tensors do not fit.
    """
    language = model.language
    renamed = {key.removeprefix("model."): value for key, value in tensors.items()}
    head = renamed.pop("lm_head.weight", None)
    rows = language.config.vocabulary
    if "embed_tokens.weight" in renamed:
        renamed["embed_tokens.weight"] = renamed["embed_tokens.weight"][:rows]
    buffers = [key for key in renamed if key.endswith("rotary_emb.inv_freq")]
    matched = match_keys(renamed, language.llama, location=str(path), ignored=buffers)
    language.llama.load_state_dict(matched, assign=True)
    language.llama.rotary_emb = type(language.llama.rotary_emb)(language.llama.config)
    heads = {} if head is None else {"lm_head.weight": head[:rows]}
    checked = match_keys(heads, {"lm_head.weight": language.llama_head.weight}, location=str(path))
    language.llama_head.load_state_dict({"weight": checked["lm_head.weight"]}, assign=True)


def trained_tensors(model: LMPMpp) -> dict[str, Tensor]:
    """Trainable parameters by name: everything but Llama."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def save_trained(model: LMPMpp, path: Path, metadata: Mapping[str, str]) -> None:
    """Write the trained parameters; ``metadata`` goes into the header of the safetensors file."""
    tensors = {name: p.detach().cpu().contiguous() for name, p in trained_tensors(model).items()}
    save_weights(tensors, path, {"format": FORMAT, **metadata})


def load_trained(model: LMPMpp, path: Path) -> None:
    """Read a file of ``save_trained`` into a model with adapters; ``RENAMED`` prefixes are accepted.

    Raises:
        DataError: The tensors of the file do not fit.
    """
    tensors = {}
    for key, value in read_tensors(path).items():
        former = next((prefix for prefix in RENAMED if key.startswith(prefix)), "")
        tensors[RENAMED.get(former, "") + key.removeprefix(former)] = value
    model.load_state_dict(match_keys(tensors, trained_tensors(model), location=str(path)), strict=False)


def load_imagebind(imagebind: nn.Module, path: Path) -> None:
    """Load the audio trunk from ImageBind's file, which contains the other modalities, too.

    Raises:
        DataError: The tensors of the file do not fit.
    """
    tensors = read_tensors(path)
    ignored = [key for key in tensors if key.split(".")[1:2] != ["audio"]]
    imagebind.load_state_dict(match_keys(tensors, imagebind, location=str(path), ignored=ignored))
