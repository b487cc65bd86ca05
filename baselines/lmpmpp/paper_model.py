"""LMPM++ in the paper's sizes and form: language-conditioned queries, T * N1 object tokens, plain mask features.

Backbone and pixel decoder run once a video (``encode_frames``); queries, language model and masks once a sentence.
Axes: t frames, n = N1 queries, s <SEG> tokens, c = C mask channels, h and w at stride 4, D hidden channels, v tokens.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.layers.text_encoder import build_roberta
from baselines.lmpmpp.extractor import FrameEncoder, FrameFeatures, FrameObjects, ObjectDecoder
from baselines.lmpmpp.language_model import LanguageModel, PromptTokens
from baselines.lmpmpp.mask_decoder import MaskDecoder
from baselines.lmpmpp.object_tokens import FrameObjectTokens
from baselines.lmpmpp.sizes import PAPER, LMPMppSize
from baselines.lmpmpp.stage_extractor import Extractor


@dataclass(frozen=True, slots=True)
class PaperAnswer:
    """The answer to one sentence, and what its losses need.

    Attributes:
        objects: What every decoder layer found, conditioned on the sentence.
        logits: Next-token logits after the question, the numeral and each <SEG>, ``(2 + s, v)``.
        count: N_o.
        seg: <SEG> states in the space of the text features, ``(s, text channels)``: a' of equation 1.
        mask_logits: ``(N_o, t, h, w)``.
    """

    objects: list[FrameObjects]
    logits: Tensor
    count: int
    seg: Tensor
    mask_logits: Tensor


class PaperLMPMpp(nn.Module):
    """LMPM++ as section 4 describes it."""

    def __init__(self, size: LMPMppSize = PAPER, prompt: PromptTokens | None = None) -> None:
        super().__init__()
        extractor, language = size.extractor, size.language
        self.extractor = Extractor(FrameEncoder(extractor), ObjectDecoder(extractor, language.text_channels))
        self.object_tokens = FrameObjectTokens(extractor.channels, language.hidden)
        self.project = nn.ModuleDict(
            {
                "text": nn.Linear(language.text_channels, language.hidden),
                "audio": nn.Linear(language.audio_channels, language.hidden),
            }
        )
        self.language = LanguageModel(language, prompt or PromptTokens.of_words(language.max_objects))
        self.language.add_adapters()
        self.mask_decoder = MaskDecoder(language.hidden, extractor.channels)
        self.contrast = nn.Linear(language.hidden, language.text_channels)

    def encode_frames(self, frames: Tensor) -> FrameFeatures:
        """Encode resized frames ``(t, 3, H, W)``, 0..255, whatever is asked about them."""
        return self.extractor.encoder(frames)

    def answer(
        self, features: FrameFeatures, sentence: Tensor, words: Tensor, count: int | None = None, modality: str = "text"
    ) -> PaperAnswer:
        """Answer one sentence.

        Args:
            features: Of t frames.
            sentence: The frozen encoder's feature of the whole sentence, ``(text channels,)``.
            words: Its features between <Text> and </Text>, ``(l, text channels)``.
            count: N_o as it is (training); ``None``: decoded greedily.
            modality: ``text`` or ``audio``.
        """
        objects = self.extractor.decoder(features, sentence)
        tokens = self.object_tokens(objects[-1].embeddings[None])
        everything = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        context = self.language.read_objects(tokens, everything, modality)
        embedded = self.project[modality](words)[None]
        question = self.language.read_prompt(context, embedded, everything.new_ones(1, len(words)), modality)
        if count is None:
            numerals = torch.tensor(self.language.prompt.numerals, device=question.device)
            count = int(self.language.head(question)[0, numerals].argmax())
        states = self.language.read_answer(context, torch.tensor([count], device=question.device), max(1, count))
        logits = self.language.head(torch.cat((question[:, None], states), dim=1))[0]
        seg = states[0, 1 : 1 + count]
        return PaperAnswer(objects, logits, count, self.contrast(seg), self.mask_decoder(seg, features.mask_features))


def parameter_counts(size: LMPMppSize = PAPER) -> dict[str, int]:
    """Count the parameters of the paper variant without allocating them: all of them, and those that are trained.

    RoBERTa-base, frozen all the time, is in ``all``; ImageBind's audio trunk is not.
    """
    with torch.device("meta"):
        model, roberta = PaperLMPMpp(size), build_roberta(pooler=True)
    everything = sum(p.numel() for module in (model, roberta) for p in module.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    adapters = sum(p.numel() for name, p in model.named_parameters() if ".lora_" in name)
    return {"all": everything, "trained": trained, "adapters": adapters}
