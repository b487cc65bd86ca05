import pytest
import torch
from torch import nn

from baselines.layers.nn.text_encoder import (
    FeatureResizer,
    FileTokenizer,
    HashTokenizer,
    build_roberta,
    open_tokenizer,
    padded_ids,
)
from mevis_bench.records import DataError
from tests.baselines.parity import SENTENCE, SENTENCE_IDS, fill_by_name, tiny_roberta


def byte_level_tokenizer(path, *, bos="<s>"):
    """A real byte-level BPE file of RoBERTa's kind, trained on two sentences."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = [bos, "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(special_tokens=special, show_progress=False, vocab_size=300,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())  # fmt: skip
    tokenizer.train_from_iterator(["the bird flying away", "the birds fly"], trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), (bos, 0), trim_offsets=True)
    tokenizer.save(str(path))
    return path


def test_hash_tokenizer_gives_the_ids_of_the_vectors():
    assert HashTokenizer().encode(SENTENCE).ids == SENTENCE_IDS


def test_hash_tokenizer_spans_point_at_the_words():
    text = "  a bird, a  bird "
    tokens = HashTokenizer().encode(text)
    assert [text[slice(*span)] for span in tokens.spans if span] == ["a", "bird,", "a", "bird"]
    assert HashTokenizer().encode("").ids == (0, 2)


def test_roberta_tokenizer_reads_a_tokenizer_file(tmp_path):
    tokenizer = open_tokenizer(byte_level_tokenizer(tmp_path / "tokenizer.json"))
    text = "the bird flies"
    tokens = tokenizer.encode(text)
    assert tokens.ids[0] == 0
    assert tokens.ids[-1] == 2
    assert tokens.spans[0] is tokens.spans[-1] is None
    assert "".join(text[slice(*span)] for span in tokens.spans[1:-1]) == "thebirdflies"


@pytest.mark.parametrize("content", ["", "{}", "\x80\x04cos\nsystem\n"])
def test_other_files_are_no_tokenizer(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(DataError, match="not a tokenizer file"):
        FileTokenizer.open(path)


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    path = byte_level_tokenizer(tmp_path / "tokenizer.json", bos="[CLS]")
    with pytest.raises(DataError, match="not RoBERTa's tokenizer"):
        FileTokenizer.open(path)


def test_ids_are_cut_and_padded():
    ids, mask = padded_ids([0, 9, 8, 2], 6, 0)
    assert ids.tolist() == [[0, 9, 8, 2, 0, 0]]
    assert mask.tolist() == [[1, 1, 1, 1, 0, 0]]
    ids, mask = padded_ids([0, 9, 8, 2], 3, 1)
    assert ids.tolist() == [[0, 9, 8]]
    assert mask.tolist() == [[1, 1, 1]]


def test_padding_does_not_reach_the_words():
    roberta = tiny_roberta().eval()
    fill_by_name(roberta, prefix="text_encoder.")
    alone = roberta(*padded_ids(SENTENCE_IDS, 7, 0)).last_hidden_state
    padded = roberta(*padded_ids(SENTENCE_IDS, 40, 0)).last_hidden_state
    torch.testing.assert_close(padded[:, :7], alone, atol=1e-4, rtol=1e-4)


def test_roberta_base_has_its_published_size():
    with torch.device("meta"):
        model = build_roberta()
    assert len([key for key in model.state_dict() if "position_ids" not in key and "token_type_ids" not in key]) == 199
    assert sum(p.numel() for p in model.parameters()) == 124_645_632


def test_resizer_normalizes_with_a_tiny_epsilon():
    resizer = FeatureResizer(6, 4).eval()
    x = torch.randn(3, 6) * 1e-4
    expected = nn.functional.layer_norm(resizer.fc(x), (4,), eps=1e-12)
    assert torch.equal(resizer(x), expected)
