"""A stage before GIT's own training: the image encoder learns to tell what a video's sentences are about.

It stands in for the contrastive pretraining of the authors' image encoder (section 3.1 of the paper). An encoder from
nothing is ignored by the decoder, which then learns one sentence for all. Axes: b target sets, t frames, c channels, v
words of the vocabulary.
"""

from collections import Counter
from collections.abc import Sequence
from math import log

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import GitForCausalLM

from baselines.git.network import FRAMES
from mevis_bench.records import TrainingData


class WordReader(nn.Module):
    """The image encoder, and a linear layer over the mean tokens of all frames that is not kept.

    Args:
        network: Whose image encoder it is.
    """

    def __init__(self, network: GitForCausalLM) -> None:
        super().__init__()
        self.image_encoder = network.git.image_encoder
        self.head = nn.Linear(FRAMES * network.git.image_encoder.config.hidden_size, network.config.vocab_size)

    def forward(self, frames: Tensor) -> Tensor:
        """Map normalized frames ``(b, t, 3, h, w)`` to logits of words ``(b, v)``."""
        tokens = self.image_encoder(frames.flatten(0, 1)).last_hidden_state
        logits: Tensor = self.head(tokens.mean(1).unflatten(0, (-1, FRAMES)).flatten(1))
        return logits


def word_loss(logits: Tensor, words: Sequence[str], vocabulary: Tokenizer) -> Tensor:
    """Cross-entropy of words.

    Args:
        logits: ``(m, v)``.
        words: ``k * m`` entries of the vocabulary; row i is about ``words[i]``, ``words[m + i]``, ...
        vocabulary: The vocabulary.
    """
    ids = torch.tensor([vocabulary.token_to_id(word) for word in words], device=logits.device)
    return F.cross_entropy(logits.repeat(len(ids) // len(logits), 1), ids)


def topic_words(data: TrainingData, vocabulary: Tokenizer) -> dict[str, str]:
    """Return the token by which each video's sentences differ most from those of other videos.

    It is the one with the largest product of its count in the video and the logarithm of the inverse share of videos
    that have it; of equal ones the first.

    Args:
        data: The split; videos without sentences are left out.
        vocabulary: Of the sentences.
    """
    counts = {video_id: _count(data, video_id, vocabulary) for video_id in data.video_ids}
    videos = Counter(token for own in counts.values() for token in own)
    topics = {}
    for video_id, own in counts.items():
        if own:
            best = max(sorted(own), key=lambda token: own[token] * log(len(counts) / videos[token]))
            topics[video_id] = str(vocabulary.id_to_token(best))
    return topics


def _count(data: TrainingData, video_id: str, vocabulary: Tokenizer) -> Counter[int]:
    texts: Sequence[str] = [expression.text for expression in data.expressions(video_id)]
    return Counter(token for text in texts for token in vocabulary.encode(text, add_special_tokens=False).ids)
