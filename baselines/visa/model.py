"""VISA's network: a language model reads a video's frames and a sentence; its [SEG] token prompts SAM on one frame.

Yan et al., "VISA: Reasoning Video Object Segmentation via Large Language Models", ECCV 2024, section 4. Parts are
transformers'. Axes: b frames, m tokens of a frame, l tokens of the whole input, c width of the language model.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPVisionModel, LlamaForCausalLM, SamModel

from baselines.visa.config import SIZES, VisaConfig
from baselines.visa.token_merging import merge_tokens

FEATURE_LAYER = -2
"""Layer of CLIP whose patches are read: the second to last."""


class Segmenter(nn.Module):
    """SAM with a vector in place of points: image encoder, mask decoder, and what they need of its prompt encoder."""

    def __init__(self, config: VisaConfig) -> None:
        super().__init__()
        sam = SamModel(config.sam)
        self.vision_encoder = sam.vision_encoder
        self.shared_image_embedding = sam.shared_image_embedding
        self.no_mask_embed = sam.prompt_encoder.no_mask_embed
        self.mask_decoder = sam.mask_decoder

    def encode(self, frames: Tensor) -> Tensor:
        """Encode normalized frames ``(b, 3, s, s)``: ``(b, d, s / 16, s / 16)``."""
        out: Tensor = self.vision_encoder(frames).last_hidden_state
        return out

    def forward(self, image: Tensor, prompt: Tensor) -> Tensor:
        """Segment one encoded frame ``(1, d, h, w)`` by a vector ``(d,)``: mask logits ``(4h, 4w)``."""
        side = image.shape[-1]
        steps = (torch.arange(side, device=image.device, dtype=torch.float32) + 0.5) / side
        grid = torch.stack((steps.expand(side, side), steps[:, None].expand(side, side)), -1)
        places = self.shared_image_embedding(grid.to(image.dtype)).permute(2, 0, 1)[None]
        dense = self.no_mask_embed.weight.view(1, -1, 1, 1).expand_as(image)
        masks, _ = self.mask_decoder(image, places, prompt.view(1, 1, 1, -1), dense, multimask_output=False)
        out: Tensor = masks[0, 0, 0]
        return out


class Visa(nn.Module):
    """The network.

    Args:
        config: Sizes.
    """

    def __init__(self, config: VisaConfig = SIZES["7b"]) -> None:
        super().__init__()
        self.config = config
        width, prompt = config.language.hidden_size, config.prompt_width
        self.vision_tower = CLIPVisionModel(config.clip)
        self.mm_projector = nn.Linear(config.clip.hidden_size, width)
        self.language = LlamaForCausalLM(config.language)
        self.text_hidden_fcs = nn.ModuleList(
            [nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, prompt), nn.Dropout(0.0))]
        )
        self.segmenter = Segmenter(config)

    def read_frames(self, frames: Tensor) -> Tensor:
        """Encode normalized frames ``(b, 3, s, s)`` as the language model reads them: ``(b, m, c)``."""
        states = self.vision_tower(frames, output_hidden_states=True).hidden_states[FEATURE_LAYER]
        tokens: Tensor = self.mm_projector(merge_tokens(states[:, 1:], self.config.clusters))
        return tokens

    def prompt(self, pieces: Sequence[Tensor], answer: Tensor) -> Tensor:
        """Compute SAM's prompt for an input that ends with an answer, whose first token after ``answer`` is [SEG].

        The answer is given, not generated: "It is [SEG]."

        Args:
            pieces: Token ids, int64 ``(l,)``, and frames, ``(m, c)``, in order.
            answer: Token ids up to and without [SEG].

        Returns:
            ``(d,)``, from the state before [SEG], which the language model would predict it from.
        """
        embed = self.language.get_input_embeddings()
        parts = [embed(piece) if piece.dtype == torch.long else piece for piece in (*pieces, answer)]
        states = self.language.model(inputs_embeds=torch.cat(parts)[None], use_cache=False).last_hidden_state
        out: Tensor = self.text_hidden_fcs[0](states[0, -1])
        return out


def upsample(logits: Tensor, side: int, inner: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Scale SAM's logits ``(h, w)`` to its input's square, cut the padding off, and scale to a frame's size.

    Args:
        logits: Mask logits of one frame.
        side: Side of SAM's input.
        inner: Height and width of the frame in it, at the top left.
        size: Height and width of the frame.
    """
    square = F.interpolate(logits[None, None].float(), size=(side, side), mode="bilinear", align_corners=False)
    cut = square[..., : inner[0], : inner[1]]
    return F.interpolate(cut, size=size, mode="bilinear", align_corners=False)[0, 0]
