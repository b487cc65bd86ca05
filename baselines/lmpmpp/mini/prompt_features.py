"""Features of prompts by the mini variant's text and speech encoders. Axes: n prompts, c channels."""

from collections.abc import Sequence

import torch
from torch import Tensor

from baselines.lmpmpp.mini.sentence_encoder import SentenceEncoder, WordTokenizer
from baselines.lmpmpp.mini.speech_encoder import SpeechEncoder, pad, speech_bands
from mevis_bench.records import Prompt, SpeechPrompt, TextPrompt, UsageError


@torch.no_grad()
def prompt_features(
    prompts: Sequence[Prompt], tokenizer: WordTokenizer, sentences: SentenceEncoder, speech: SpeechEncoder, device: str
) -> Tensor:
    """Encode at least one prompt, all of text or all of speech: ``(n, c)``.

    Utterances are encoded one at a time, so that padding cannot change a feature.

    Raises:
        UsageError: A prompt is of another type than the first one, or neither text nor speech.
        DataError: A sound file is missing or broken.
    """
    spoken = [prompt for prompt in prompts if isinstance(prompt, SpeechPrompt)]
    texts = [prompt for prompt in prompts if isinstance(prompt, TextPrompt)]
    for prompt in prompts:
        if not isinstance(prompt, SpeechPrompt if spoken else TextPrompt):
            raise UsageError(f"lmpmpp does not support prompts of type {type(prompt).__name__}", location=prompt.id)
    if not spoken:
        features: Tensor = sentences(tokenizer([prompt.text for prompt in texts]).to(device))
        return features
    utterances = [pad([speech_bands(prompt.audio)]) for prompt in spoken]
    return torch.cat([speech(bands.to(device), lengths) for bands, lengths in utterances])
