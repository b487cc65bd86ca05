"""VideoLLaMA 2 as a ``Method``: a video with highlighted targets to a sentence about them."""

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from baselines.layers.checkpoints.pretrained import DTYPES, read_tokenizer
from baselines.layers.inference.caption_method import CaptionMethod
from baselines.layers.inference.caption_view import CaptionView, Highlight, Square
from baselines.videollama2.checkpoint import load_network
from baselines.videollama2.model import build, splice, visual_tokens
from baselines.videollama2.options import Options
from baselines.videollama2.prompt import INSTRUCTION, prompt_ids
from baselines.videollama2.sizes import SIZES
from baselines.videollama2.word_tokenizer import build_tokenizer
from mevis_bench.records import MethodConfig


class VideoLlama2:
    """The network with the authors' prompt and greedy decoding.

    Args:
        network: The network, in evaluation mode.
        tokenizer: Tokenizer of the language model.
        prompt: Token ids before and after the video.
        max_new_tokens: Upper bound of a sentence's tokens.
    """

    def __init__(
        self,
        network: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        prompt: tuple[list[int], list[int]],
        max_new_tokens: int,
    ) -> None:
        self.network, self.tokenizer = network, tokenizer
        self.prompt, self.max_new_tokens = prompt, max_new_tokens

    def describe(self, frames: Tensor) -> str:
        """Generate a sentence for normalized frames ``(t, 3, side, side)``."""
        device, dtype = self.network.device, self.network.dtype
        visual = visual_tokens(self.network, frames[None].to(device, dtype))
        before, after = (torch.tensor([ids], device=device) for ids in self.prompt)
        embedded = splice(self.network, before, visual, after)
        output = self.network.generate(  # type: ignore[operator]  # transformers mixes `generate` in dynamically
            inputs_embeds=embedded,
            attention_mask=torch.ones(embedded.shape[:2], dtype=torch.long, device=device),
            do_sample=False,
            max_new_tokens=self.max_new_tokens,
            eos_token_id=self.tokenizer.eos_token_id,
            pad_token_id=self.tokenizer.eos_token_id,
        )
        return str(self.tokenizer.decode(output[0], skip_special_tokens=True))


def load(config: MethodConfig[Options]) -> CaptionMethod:
    """Build VideoLLaMA 2 from a folder of weights, or with seeded random ones.

    Raises:
        DataError: The folder does not contain this variant's weights.
        MethodError: ``bits`` is below 16 and bitsandbytes is not installed.
        UsageError: An option has an invalid value.
    """
    options = config.options
    sizes = SIZES[options.size]
    view = CaptionView(options.frames, Square(sizes.image_size, options.fit, sizes.mean, sizes.std))
    highlight = Highlight.from_options(options)
    dtype = DTYPES[options.precision]
    tokenizer: PreTrainedTokenizerBase
    if config.weights is None:
        torch.manual_seed(config.seed)
        network = build(sizes).eval().to(config.device, dtype)
        tokenizer = build_tokenizer((), sizes.language().vocab_size)  # contains the instruction's words only
    else:
        tokenizer = read_tokenizer(config.weights["model"], chat=True)
        network = load_network(config.weights["model"], sizes, dtype=dtype, device=config.device, bits=options.bits)
    prompt = prompt_ids(tokenizer, INSTRUCTION, system_message=sizes.system_message and config.weights is not None)
    return CaptionMethod(
        "VideoLLaMA 2", VideoLlama2(network, tokenizer, prompt, options.max_new_tokens), view, highlight
    )
