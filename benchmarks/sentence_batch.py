"""CPU time of ReferFormer's decoding with the frames of 1, 4, ... sentences in one batch, at mini size. One thread.

    python -m benchmarks.sentence_batch [--sentences 1 4] [--rounds 3]

What follows the encoded clip is done once per sentence. A clip of k times as many frames is the work of k sentences in
one batch, plus the attention among their frames. The least of several rounds is printed.
"""

import argparse
import time

import torch

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES
from baselines.layers.nn.text_encoder import build_roberta
from baselines.referformer.model import ReferFormer

FRAMES = 5
SIZES = ((64, 96), (96, 160))
WORDS = 8


def milliseconds(network: ReferFormer, frames: torch.Tensor, rounds: int) -> float:
    """CPU milliseconds of one decoding of a clip."""
    seconds = []
    with torch.inference_mode():
        clip, text = network.encode(frames), network.read(torch.arange(WORDS)[None])
        for _ in range(rounds):
            start = time.process_time()
            network(clip, text)
            seconds.append(time.process_time() - start)
    return 1000 * min(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    size = LANGUAGE_QUERIES_SIZES["mini"]
    network = ReferFormer("resnet-mini", TextReference(build_roberta(size.text), size.channels), size).eval()
    for height, width in SIZES:
        for count in arguments.sentences:
            spent = milliseconds(network, torch.randn(count * FRAMES, 3, height, width), arguments.rounds)
            print(f"{FRAMES} frames of {height} x {width}, {count} together: {spent / count:.1f} ms a sentence")


if __name__ == "__main__":
    main()
