"""VideoLLaMA 2 behind the harness's ``predict``: a video with its targets painted over in, a sentence out."""

from collections.abc import Iterator, Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from baselines.layers.inference.caption_view import CaptionView, Highlight
from baselines.videollama2.checkpoint import load_network
from baselines.videollama2.model import build, splice, visual_tokens
from baselines.videollama2.prompt import INSTRUCTION, open_tokenizer, prompt_ids
from baselines.videollama2.sizes import SIZES
from baselines.videollama2.word_tokenizer import build_tokenizer
from mevis_bench.records import (
    CaptionPrediction,
    HighlightedVideo,
    MethodConfig,
    Prompt,
    TargetMasks,
    UsageError,
    Video,
)

PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


class VideoLlama2Method:
    """The authors' protocol around the network."""

    def __init__(
        self,
        network: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        view: CaptionView,
        highlight: Highlight,
        prompt: tuple[list[int], list[int]],
        max_new_tokens: int,
    ) -> None:
        self.network, self.tokenizer = network, tokenizer
        self.view, self.highlight = view, highlight
        self.prompt, self.max_new_tokens = prompt, max_new_tokens

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[CaptionPrediction]:
        """Yield one sentence per target set; nothing is shared between them, because each paints over other pixels."""
        for prompt in prompts:
            if not isinstance(prompt, TargetMasks):
                raise TypeError(f"VideoLLaMA 2 describes target masks, not {type(prompt).__name__}")
            shown = HighlightedVideo.of(video, prompt, self.highlight.color, self.highlight.alpha)
            yield self._describe(shown)

    def close(self) -> None:
        """Nothing is held between videos."""

    @torch.inference_mode()
    def _describe(self, video: Video) -> CaptionPrediction:
        frames, kept = self.view.see(video)
        device, dtype = self.network.device, self.network.dtype
        visual = visual_tokens(self.network, frames[None].to(device, dtype))
        before, after = (torch.tensor([ids], device=device) for ids in self.prompt)
        embedded = splice(self.network, before, visual, after)
        answer = self.network.generate(
            inputs_embeds=embedded,
            attention_mask=torch.ones(embedded.shape[:2], dtype=torch.long, device=device),
            do_sample=False,
            max_new_tokens=self.max_new_tokens,
            eos_token_id=self.tokenizer.eos_token_id,
            pad_token_id=self.tokenizer.eos_token_id,
        )
        return CaptionPrediction(self.tokenizer.decode(answer[0], skip_special_tokens=True).strip(), kept)


def load(setup: MethodConfig) -> VideoLlama2Method:
    """Build VideoLLaMA 2 from a folder of weights, or with seeded random ones.

    Raises:
        DataError: The folder does not fit.
        MethodError: Fewer bits are asked for and bitsandbytes is not installed.
        UsageError: An option's value can't be used.
    """
    options, sizes = setup.options, SIZES[setup.options["size"]]
    view = CaptionView.from_options(options, sizes.vision().image_size, sizes.mean, sizes.std)
    dtype = _chosen(options["precision"], PRECISIONS, "precision")
    bits = _chosen(options["bits"], {16: 16, 8: 8, 4: 4}, "bits")
    if setup.weights is None:
        torch.manual_seed(setup.seed)
        network = build(sizes).eval().to(setup.device, dtype)
        tokenizer = build_tokenizer((), sizes.language().vocab_size)  # knows the instruction's words only
    else:
        tokenizer = open_tokenizer(setup.weights["model"])
        network = load_network(setup.weights["model"], sizes, dtype=dtype, device=setup.device, bits=bits)
    prompt = prompt_ids(tokenizer, INSTRUCTION, system_message=sizes.system_message and setup.weights is not None)
    return VideoLlama2Method(
        network, tokenizer, view, Highlight.from_options(options), prompt, options["max_new_tokens"]
    )


def _chosen(value: object, known: dict, option: str) -> object:
    """Return what an option's value stands for.

    Raises:
        UsageError: It is none of the known ones.
    """
    if value not in known:
        wanted = ", ".join(map(str, known))
        raise UsageError(f"{value!r} does not fit", location=f"method.{option}", hint=f"Wanted: {wanted}.")
    return known[value]
