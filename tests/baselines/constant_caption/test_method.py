"""The constant caption is one sentence for every target, by default the most frequent one of mini's training split."""

import zlib
from collections import Counter

import numpy as np

from baselines.constant_caption.method import load
from baselines.constant_caption.options import Options
from mevis_bench.data.synthetic.expressions import Annotator
from mevis_bench.data.synthetic.facts import Facts
from mevis_bench.data.synthetic.grammar import Realizer
from mevis_bench.data.synthetic.plan import OPPOSITE_ORDERS, make_plan
from mevis_bench.data.synthetic.sprites import KINDS
from mevis_bench.methods.registry import find_methods
from mevis_bench.records import MethodConfig, TargetMasks, Video


def test_every_target_gets_the_sentence() -> None:
    method = load(MethodConfig("rmeg", "default", Options(sentence="the cat"), {}, "cpu", 0))
    video = Video("v", ("",) * 2, (), 4, 4)
    prompts = [TargetMasks("0", ()), TargetMasks("1", ((None, None),))]
    assert [caption.text for caption in method.predict(video, prompts)] == ["the cat", "the cat"]


def test_the_default_is_the_most_frequent_sentence_of_the_first_training_videos() -> None:
    texts: Counter[str] = Counter()
    for index in range(150):
        rng = np.random.default_rng((zlib.crc32(b"train"), 1000, index))
        kind = KINDS[rng.integers(len(KINDS))]
        sentences = Annotator(Facts(make_plan(rng, OPPOSITE_ORDERS)), Realizer(kind, rng), rng).write()
        texts.update(
            s.text.lower().replace(kind.plural, "objects").replace(kind.noun, "object") for s in sentences if s.targets
        )
    variant = find_methods().methods["constant_caption"].spec.variants["default"]
    assert variant.options["sentence"] in [text for text, _ in texts.most_common(2)]
