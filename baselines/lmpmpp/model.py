"""LMPM++ in the paper's sizes and form: language-conditioned queries, T * N1 object tokens, plain mask features.

Backbone and pixel decoder run once a video (``encode_frames``); queries, language model and masks once a question.
Axes: t frames, n = N1 queries, l words, s <SEG> tokens, c = C mask channels, h and w at stride 4, D hidden channels,
v tokens.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.layers.nn.text_encoder import build_roberta
from baselines.lmpmpp.config import PAPER, LMPMppConfig
from baselines.lmpmpp.extractor import FrameEncoder, FrameFeatures, FrameObjects, LanguageGuidedExtractor, ObjectDecoder
from baselines.lmpmpp.language_model import LanguageModel, PromptTokens
from baselines.lmpmpp.mask_decoder import MaskDecoder
from baselines.lmpmpp.object_tokens import FrameObjectTokens

FRAMES_PER_CHUNK = 8
"""Frames that are encoded, and in which objects are looked for, at a time; the result does not depend on it."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, as a frozen encoder has it: RoBERTa for text, ImageBind for audio.

    Attributes:
        whole: Feature of the whole sentence, ``(text or audio channels,)``.
        words: What stands between <Text> and </Text> or <Audio> and </Audio>, ``(l, text or audio channels)``.
        modality: ``text`` or ``audio``.
    """

    whole: Tensor
    words: Tensor
    modality: str


@dataclass(frozen=True, slots=True)
class LMPMppOutput:
    """The answer to one question, and what its losses need.

    Attributes:
        logits: Next-token logits after the question, the numeral and each <SEG>, ``(2 + s, v)``.
        count: N_o.
        anchor: The question in the space of text features, ``(text channels,)``: a of equation 1.
        seg: <SEG> states in the same space, ``(s, text channels)``: a' of equation 1.
        mask_logits: ``(N_o, t, h, w)``.
    """

    logits: Tensor
    count: int
    anchor: Tensor
    seg: Tensor
    mask_logits: Tensor


class LMPMpp(nn.Module):
    """LMPM++ as section 4 describes it; call ``language.add_adapters()`` when Llama's weights are in place.

    Args:
        size: Its sizes.
        prompt: Token numbers of the prompt; ``None``: words in order, for a model without Llama's tokenizer.
        filled: Give Llama initial weights; if not, it waits for a checkpoint's.
        dtype: Of Llama's initial weights.
    """

    def __init__(
        self,
        size: LMPMppConfig = PAPER,
        prompt: PromptTokens | None = None,
        *,
        filled: bool = True,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        extractor, language = size.extractor, size.language
        self.size = size
        self.extractor = LanguageGuidedExtractor(
            FrameEncoder(extractor), ObjectDecoder(extractor, language.text_channels)
        )
        self.object_tokens = FrameObjectTokens(extractor.channels, language.hidden)
        self.project = nn.ModuleDict(
            {
                "text": nn.Linear(language.text_channels, language.hidden),
                "audio": nn.Linear(language.audio_channels, language.hidden),
            }
        )
        self.encode_speech = nn.Linear(language.audio_channels, language.text_channels)
        prompt = prompt or PromptTokens.of_words(language.max_objects)
        self.language = LanguageModel(language, prompt, filled=filled, dtype=dtype)
        self.mask_decoder = MaskDecoder(language.hidden, extractor.channels)
        self.contrast = nn.Linear(language.hidden, language.text_channels)

    def encode_frames(self, frames: Tensor) -> FrameFeatures:
        """Encode resized frames ``(t, 3, H, W)``, 0..255, whatever is asked about them."""
        return self.extractor.encoder(frames)

    def anchor(self, question: Question) -> Tensor:
        """Bring a question into the space of text features, ``(text channels,)``; queries are conditioned on it."""
        return self.encode_speech(question.whole) if question.modality == "audio" else question.whole

    def find_objects(self, features: FrameFeatures, question: Question) -> FrameObjects:
        """Language-conditioned object queries of t frames."""
        return self.extractor.decoder(features, self.anchor(question))[-1]

    @torch.inference_mode()
    def answer(self, features: FrameFeatures, question: Question, stride: int = 1) -> LMPMppOutput:
        """Answer one question, N_o decoded greedily.

        Args:
            features: Of t frames.
            question: What is asked.
            stride: The language model reads the objects of every so manieth frame; masks are drawn in all.
        """
        parts = features.every(stride).split(FRAMES_PER_CHUNK)
        embeddings = torch.cat([self.find_objects(part, question).embeddings for part in parts])
        tokens = self.object_tokens(embeddings[None])
        everything = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        context = self.language.read_objects(tokens, everything, question.modality)
        embedded = self.project[question.modality](question.words)[None]
        asked = self.language.read_prompt(context, embedded, everything.new_ones(embedded.shape[:2]), question.modality)
        numerals = torch.tensor(self.language.prompt.numerals, device=asked.device)
        count = int(self.language.head(asked)[0, numerals].argmax())
        states = self.language.read_answer(context, torch.tensor([count], device=asked.device), max(1, count))
        return self._answer(torch.cat((asked[:, None], states), dim=1)[0], count, features, question)

    def forward_teacher_forced(
        self, features: FrameFeatures, embeddings: Tensor, question: Question, count: int
    ) -> LMPMppOutput:
        """Answer with N_o as it is (training).

        Args:
            features: Of t frames.
            embeddings: Object embeddings ``(t, n, c)`` that the language model reads; shuffled for equation 1.
            question: What is asked.
            count: N_o.
        """
        embedded = self.project[question.modality](question.words)[None]
        counts = torch.tensor([count], device=embeddings.device)
        states = self.language.read_at_once(
            self.object_tokens(embeddings[None]), embedded, counts, max(1, count), question.modality
        )
        return self._answer(states[0], count, features, question)

    def _answer(self, states: Tensor, count: int, features: FrameFeatures, question: Question) -> LMPMppOutput:
        seg = states[2 : 2 + count]
        masks = self.mask_decoder(seg, features.mask_features)
        return LMPMppOutput(self.language.head(states), count, self.anchor(question), self.contrast(seg), masks)


def parameter_counts(size: LMPMppConfig = PAPER) -> dict[str, int]:
    """Count the parameters of the paper variant without allocating them: all of them, and those that are trained.

    RoBERTa-base, frozen all the time, is in ``all``; ImageBind's audio trunk is not.
    """
    with torch.device("meta"):
        model, roberta = LMPMpp(size), build_roberta(pooler=True)
        model.language.add_adapters()
    everything = sum(p.numel() for module in (model, roberta) for p in module.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    adapters = sum(p.numel() for name, p in model.named_parameters() if ".lora_" in name)
    return {"all": everything, "trained": trained, "adapters": adapters}
