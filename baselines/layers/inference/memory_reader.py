"""Next words of BERT as a decoder with cross-attention, while the memory that it attends to stays the same."""

from torch import Tensor
from transformers import BertLMHeadModel
from transformers.cache_utils import DynamicCache, EncoderDecoderCache


class MemoryReader:
    """Word probabilities for some beginnings at a time; the keys and values of the memory are kept between words.

    Args:
        decoder: BERT, causal and with cross-attention.
        memory: ``(1, m, c)``.
    """

    def __init__(self, decoder: BertLMHeadModel, memory: Tensor) -> None:
        self.decoder, self.memory = decoder, memory
        self._kept, self._rows = DynamicCache(), 0

    def last_logits(self, ids: Tensor) -> Tensor:
        """Compute the output at the last position of k rows ``ids`` int64 ``(k, l)``: logits ``(k, v)``."""
        if len(ids) != self._rows:
            self._kept, self._rows = DynamicCache(), len(ids)
        logits: Tensor = self.decoder(
            ids,
            encoder_hidden_states=self.memory.expand(len(ids), -1, -1),
            past_key_values=EncoderDecoderCache(DynamicCache(), self._kept),
            use_cache=True,
            logits_to_keep=1,
        ).logits
        return logits[:, -1]
