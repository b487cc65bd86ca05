"""Grounding DINO with SAM 2 as a ``Method``: boxes of a sentence in one frame, their masks in all of them.

Detection sees one frame at a time, so motion is not understood: the row shows what appearance alone gives.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import GroundingDinoForObjectDetection

from baselines.gdino_sam2.detector import BEGIN, END, FULL_STOP, Boxes, Detector, base_config, mini_config, tiny_config
from baselines.gdino_sam2.options import Options
from baselines.layers.checkpoints.pretrained import DTYPES, load_pretrained, numbered_words, read_tokenizer
from baselines.layers.inference.mask_propagation import MaskPropagator, Seed, open_sam2
from baselines.layers.inputs.noun_phrase import noun_phrase
from mevis_bench.records import MaskPrediction, MethodConfig, Prompt, TextPrompt, Video


class GroundingSam2:
    """Detector and tracker.

    Args:
        detector: Grounding DINO.
        propagator: SAM 2.
        options: Options of the variant.
    """

    def __init__(self, detector: Detector, propagator: MaskPropagator, options: Options) -> None:
        self.detector, self.propagator, self.options = detector, propagator, options
        self.detecting_network, self.network = detector.network, propagator.network  # counted by the harness

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Yield one prediction per expression, objects kept apart; all that begin in one frame are tracked together.

        Raises:
            TypeError: A prompt is not a sentence.
        """
        if not len(prompts):
            return
        phrases = [self._phrase(prompt) for prompt in prompts]
        found = self._detect(video, phrases)
        owners = [(row, number) for row, (_, boxes) in enumerate(found) for number in range(len(boxes.boxes))]
        seeds = [
            Seed.of_box(identity, found[row][0], found[row][1].boxes[number])
            for identity, (row, number) in enumerate(owners)
        ]
        masks = self.propagator.propagate(video, seeds)
        for row, (_, boxes) in enumerate(found):
            mine = [identity for identity, (owner, _) in enumerate(owners) if owner == row]
            yield masks.prediction(boxes.best_score, self.options.target_threshold, mine)

    def close(self) -> None:
        """No-op."""

    def _phrase(self, prompt: Prompt) -> str:
        if not isinstance(prompt, TextPrompt):
            raise TypeError(f"Grounding DINO requires sentences, got {type(prompt).__name__}")
        return prompt.text if self.options.phrase == "sentence" else noun_phrase(prompt.text)

    def _detect(self, video: Video, phrases: Sequence[str]) -> list[tuple[int, Boxes]]:
        """Return, for every phrase, the frame with its best score, the earliest of equal ones, and its boxes there."""
        size = (video.height, video.width)
        best: list[tuple[int, Boxes] | None] = [None] * len(phrases)
        for index in seed_frames(len(video), self.options):
            pixels = self.detector.pixels(video.frame(index))
            for row, phrase in enumerate(phrases):
                boxes = self.detector.detect(pixels, phrase, size)
                before = best[row]
                if before is None or boxes.best_score > before[1].best_score:
                    best[row] = index, boxes
        return [one for one in best if one is not None]


def seed_frames(length: int, options: Options) -> list[int]:
    """Return the indices of the frames in which objects are detected, for a video of ``length`` frames."""
    match options.seed_frame:
        case "first":
            return [0]
        case "middle":
            return [length // 2]
        case "best":
            return sorted({int(index) for index in np.linspace(0, length - 1, options.frames).round()})


def load(config: MethodConfig[Options]) -> GroundingSam2:
    """Load both networks from folders of weights, or build them with seeded random ones.

    Raises:
        DataError: A folder is not the network's.
        MethodError: The device has too little memory.
    """
    options, device = config.options, config.device
    if config.weights is None:
        torch.manual_seed(config.seed)
        configs = {"tiny": tiny_config, "large": base_config, "mini": mini_config}
        network = GroundingDinoForObjectDetection(configs[options.size]()).eval()
        nn.Module.to(network, device, DTYPES[options.precision])
        words = network.config.text_config.vocab_size
        detector = Detector(network, lambda text: _numbered(text, words), options, device)
        return GroundingSam2(detector, open_sam2(None, options.size, config.seed, options.precision, device), options)
    folder = config.weights["detector"]
    network = load_pretrained(GroundingDinoForObjectDetection, folder, precision=options.precision, device=device)
    network.config.disable_custom_kernels = True
    tokenizer: Any = read_tokenizer(folder)
    detector = Detector(network, lambda text: list(tokenizer(text).input_ids), options, device)
    tracker = open_sam2(config.weights["tracker"], options.size, config.seed, options.precision, device)
    return GroundingSam2(detector, tracker, options)


def _numbered(text: str, words: int) -> list[int]:
    return [BEGIN, *numbered_words(text.rstrip("."), FULL_STOP + 1, words), FULL_STOP, END]
