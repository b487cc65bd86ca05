"""The public files that the ``paper`` variant starts from, and where each of their tensors goes.

``mask2former``: Mask2Former Swin-T, COCO instance segmentation, as safetensors or a PyTorch file of tensors.
``llama``: the language model of Video-LLaMA-7B in transformers' layout, one safetensors file.
``roberta``: roberta-base. Where they come from: ``SOURCES``.
"""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from baselines.layers.checkpoint_file import match_keys, read_tensors
from baselines.lmpmpp.lora import LoraLinear
from baselines.lmpmpp.paper_model import PaperLMPMpp
from mevis_bench.records import MissingWeightsError

SOURCES = {
    "mask2former": "Mask2Former Swin-T, COCO instance segmentation: https://github.com/facebookresearch/Mask2Former",
    "llama": "the language model of Video-LLaMA-7B: https://github.com/DAMO-NLP-SG/Video-LLaMA",
    "roberta": "model.safetensors of https://huggingface.co/FacebookAI/roberta-base",
}

PREFIXES = {
    "backbone.": "encoder.backbone.",
    "sem_seg_head.pixel_decoder.": "encoder.pixel_decoder.",
    "sem_seg_head.predictor.": "decoder.",
}
"""Mask2Former's modules and ours."""

STARTS_NEW = ("decoder.class_embed.", "decoder.language.")
"""Mask2Former's classes are COCO's, ours are object and no object; it has nothing that conditions queries."""

DROPPED = ("criterion.empty_weight",)


def load_public_weights(model: PaperLMPMpp, roberta: nn.Module, files: Mapping[str, Path]) -> None:
    """Load extractor, language model and text encoder, in place; adapters, projections and added tokens start new.

    Args:
        model: The paper variant.
        roberta: Its text encoder.
        files: A path for every name of ``SOURCES``.

    Raises:
        MissingWeightsError: A file is not named or not there.
        DataError: A file is not what its name says.
    """
    paths = {name: _existing(name, files) for name in SOURCES}
    extractor = mask2former_tensors(
        read_tensors(paths["mask2former"], entry="model"), model.extractor, paths["mask2former"]
    )
    model.extractor.load_state_dict(extractor, strict=False)
    load_llama(model, read_tensors(paths["llama"]), paths["llama"])
    tensors = {key.removeprefix("roberta."): value for key, value in read_tensors(paths["roberta"]).items()}
    heads = [key for key in tensors if key.startswith(("lm_head.", "embeddings.position_ids"))]
    roberta.load_state_dict(match_keys(tensors, roberta, where=str(paths["roberta"]), dropped=heads))


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
    return match_keys(renamed, wanted, where=str(path), dropped=(*classes, *DROPPED))


def load_llama(model: PaperLMPMpp, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load Llama's weights beneath the adapters; extra rows of its vocabulary are left out."""
    adapted = {name for name, module in model.language.llama.named_modules() if isinstance(module, LoraLinear)}
    renamed: dict[str, Tensor] = {}
    for key, value in tensors.items():
        name = key.removeprefix("model.")
        owner, _, last = name.rpartition(".")
        renamed[f"{owner}.linear.{last}" if owner in adapted else name] = value
    head = renamed.pop("lm_head.weight", None)
    wanted = {k: v for k, v in model.language.llama.state_dict().items() if ".lora_" not in k}
    rows = len(wanted["embed_tokens.weight"])
    if "embed_tokens.weight" in renamed:
        renamed["embed_tokens.weight"] = renamed["embed_tokens.weight"][:rows]
    buffers = [key for key in renamed if key.endswith("rotary_emb.inv_freq")]
    model.language.llama.load_state_dict(match_keys(renamed, wanted, where=str(path), dropped=buffers), strict=False)
    expected = {"lm_head.weight": model.language.llama_head.weight}
    found = {} if head is None else {"lm_head.weight": head[:rows]}
    checked = match_keys(found, expected, where=str(path))
    model.language.llama_head.load_state_dict({"weight": checked["lm_head.weight"]})


def _existing(name: str, files: Mapping[str, Path]) -> Path:
    hint = f"It is {SOURCES[name]}."
    if name not in files:
        raise MissingWeightsError(f"no file is named for {name}", hint=hint)
    if not files[name].is_file():
        raise MissingWeightsError(f"the file for {name} is not there", where=str(files[name]), hint=hint)
    return files[name]
