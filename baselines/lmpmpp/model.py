"""LMPM++ (paper section 4, figure 7): language-based queries, T * N1 object tokens, a mask trajectory per <SEG> token.

Backbone and pixel decoder run once per video (``encode_frames``); queries, language model and masks once per prompt.
Axes: t frames, n = N1 queries, l words, s <SEG> tokens, c = C mask channels, h and w at stride 4, D hidden channels,
v tokens of the vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.layers.inference.video_chunks import FRAMES_PER_CHUNK
from baselines.layers.nn.text_encoder import build_roberta
from baselines.lmpmpp.config import PAPER, LMPMppConfig
from baselines.lmpmpp.extractor import ExtractorOutput, FrameFeatures, LanguageGuidedExtractor
from baselines.lmpmpp.language_model import LanguageModel
from baselines.lmpmpp.mask_decoder import MaskDecoder
from baselines.lmpmpp.object_tokens import FrameObjectTokens
from baselines.lmpmpp.prompt import Modality, PromptTokens


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """A prompt after its frozen encoder: RoBERTa for text, ImageBind for audio.

    Attributes:
        pooled: Feature of the whole sentence, ``(text or audio channels,)``.
        tokens: Embedding between <Text> and </Text> or <Audio> and </Audio>, ``(l, text or audio channels)``.
        modality: ``text`` or ``audio``.
    """

    pooled: Tensor
    tokens: Tensor
    modality: Modality


@dataclass(frozen=True, slots=True)
class LMPMppOutput:
    """Output for one prompt.

    Attributes:
        logits: Next-token logits after the question mark, the numeral and each <SEG>, ``(2 + s, v)``, s = max(1, N_o).
        num_objects: N_o.
        seg_states: States of the <SEG> tokens, ``(N_o, D)``.
        mask_logits: Mask trajectory of each <SEG>, ``(N_o, t, h, w)``.
    """

    logits: Tensor
    num_objects: int
    seg_states: Tensor
    mask_logits: Tensor


class LMPMpp(nn.Module):
    """LMPM++; call ``language.add_adapters()`` once Llama's weights are loaded.

    Args:
        config: Sizes.
        prompt: Token ids of the prompt; ``None``: ``PromptTokens.from_words``, for a model without Llama's tokenizer.
        init_weights: Initialize Llama's weights; ``False``: leave them on the meta device for ``load_llama`` to fill.
        dtype: Of Llama's initial weights.
    """

    def __init__(
        self,
        config: LMPMppConfig = PAPER,
        prompt: PromptTokens | None = None,
        *,
        init_weights: bool = True,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        extractor, language = config.extractor, config.language
        self.config = config
        self.extractor = LanguageGuidedExtractor.from_config(extractor, language.text_channels)
        self.object_tokens = FrameObjectTokens(extractor.channels, language.hidden)
        self.project = nn.ModuleDict(
            {
                "text": nn.Linear(language.text_channels, language.hidden),
                "audio": nn.Linear(language.audio_channels, language.hidden),
            }
        )
        self.audio_to_text = nn.Linear(language.audio_channels, language.text_channels)
        prompt = prompt or PromptTokens.from_words(language.max_objects)
        self.language = LanguageModel(language, prompt, init_weights=init_weights, dtype=dtype)
        self.mask_decoder = MaskDecoder(language.hidden, extractor.channels)
        self.contrastive_proj = nn.Linear(language.hidden, language.text_channels)

    def encode_frames(self, frames: Tensor) -> FrameFeatures:
        """Encode resized frames ``(t, 3, H, W)``, 0..255; independent of the prompt."""
        return self.extractor.encoder(frames)

    def anchor(self, prompt: EncodedPrompt) -> Tensor:
        """Prompt in the space of text features, ``(text channels,)``: condition of the queries, a of equation 1."""
        return self.audio_to_text(prompt.pooled) if prompt.modality == "audio" else prompt.pooled

    def extract_objects(self, features: FrameFeatures, prompt: EncodedPrompt) -> ExtractorOutput:
        """Objects of t frames by queries that are conditioned on the prompt."""
        return self.extractor.decoder(features, self.anchor(prompt))[-1]

    def forward(
        self, features: FrameFeatures, embeddings: Tensor, prompt: EncodedPrompt, num_objects: int
    ) -> LMPMppOutput:
        """Run the language model with teacher forcing and decode the masks.

        Args:
            features: Of t frames.
            embeddings: Object embeddings ``(t, n, c)``; shuffled along time for the negatives of equation 1.
            prompt: The prompt.
            num_objects: Ground-truth N_o.
        """
        states = self.language(
            self.object_tokens(embeddings[None]),
            self.project[prompt.modality](prompt.tokens)[None],
            torch.tensor([num_objects], device=embeddings.device),
            max(1, num_objects),
            prompt.modality,
        )
        return self._decode_masks(states[0], num_objects, features)

    @torch.inference_mode()
    def generate(self, features: FrameFeatures, prompt: EncodedPrompt, stride: int = 1) -> LMPMppOutput:
        """Decode N_o greedily, then the masks of N_o <SEG> tokens.

        Args:
            features: Of t frames.
            prompt: The prompt.
            stride: The language model reads the objects of every ``stride``-th frame; masks are decoded in all frames.
        """
        parts = features.strided(stride).split(FRAMES_PER_CHUNK)
        embeddings = torch.cat([self.extract_objects(part, prompt).embeddings for part in parts])
        tokens = self.object_tokens(embeddings[None])
        all_valid = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        cache = self.language.prefill_objects(tokens, all_valid, prompt.modality)
        text = self.project[prompt.modality](prompt.tokens)[None]
        prompt_state = self.language.prefill_prompt(cache, text, all_valid.new_ones(text.shape[:2]), prompt.modality)
        num_objects = int(self.language.numeral_logits(self.language.head(prompt_state))[0].argmax())
        states = self.language.decode_answer(
            cache, torch.tensor([num_objects], device=tokens.device), max(1, num_objects)
        )
        return self._decode_masks(torch.cat((prompt_state[:, None], states), dim=1)[0], num_objects, features)

    def _decode_masks(self, states: Tensor, num_objects: int, features: FrameFeatures) -> LMPMppOutput:
        seg_states = states[2 : 2 + num_objects]
        masks = self.mask_decoder(seg_states, features.mask_features)
        return LMPMppOutput(self.language.head(states), num_objects, seg_states, masks)


def parameter_counts(config: LMPMppConfig = PAPER) -> dict[str, int]:
    """Number of parameters without allocating them: ``all``, ``trained`` and ``adapters`` (LoRA).

    ``all`` includes the frozen RoBERTa-base, but not ImageBind's audio trunk.
    """
    with torch.device("meta"):
        model, roberta = LMPMpp(config), build_roberta(pooler=True)
        model.language.add_adapters()
    total = sum(p.numel() for module in (model, roberta) for p in module.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    adapters = sum(p.numel() for name, p in model.named_parameters() if ".lora_" in name)
    return {"all": total, "trained": trained, "adapters": adapters}
