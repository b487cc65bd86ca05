"""Training of the mini variant, stage by stage (``mevis-bench train --method lmpmpp --variant mini``).

1. ``extractor``: frames to objects, Mask2Former's way.
2. Every video goes through the extractor once; its objects are linked and kept in files.
3. ``alignment``: trajectories and sentences meet in one space; the text encoder is frozen from here on.
4. ``language``: the language model learns to answer "N_o <SEG> ... <SEG>", all of its weights.
5. ``adapters``: it is frozen, and LoRA adapters learn equation 2 with the contrastive loss of equation 1.

Every stage leaves a checkpoint, a loss curve, and a measurement on the held-out split in ``setup.out``.
"""

import json

import numpy as np
import torch
from torch import Tensor

from baselines.layers.fitting import Stage, fit
from baselines.lmpmpp.augmentation import Augmentation
from baselines.lmpmpp.checkpoint import build_mini, save_mini
from baselines.lmpmpp.curves import draw_curves
from baselines.lmpmpp.lora import merge_lora
from baselines.lmpmpp.model import LMPMpp
from baselines.lmpmpp.sentence_encoder import WordTokenizer
from baselines.lmpmpp.sizes import MINI
from baselines.lmpmpp.stage_alignment import (
    Alignment,
    BatchSampler,
    alignment_losses,
    match_all,
    selection_quality,
    sentence_features,
)
from baselines.lmpmpp.stage_extractor import extractor_losses, frame_quality, object_masks, sample_frames
from baselines.lmpmpp.stage_language import answer_all, language_losses
from baselines.lmpmpp.track_cache import TrackCache, open_track_cache
from baselines.lmpmpp.train_options import TrainOptions
from baselines.lmpmpp.training_cache import TrainingCache, open_cache
from mevis_bench.records import TrainSetup, UsageError

WEIGHTS_FILE = "mini.safetensors"

ASPECT = MINI.extractor.long_side / MINI.extractor.short_side
"""Width of the training frames in frame heights."""


def train(setup: TrainSetup) -> None:
    """Train all stages, or those that are not finished in ``setup.out``, and write the weights there.

    Raises:
        UsageError: The variant is not trained here, or an option is missing, unknown or of the wrong kind.
    """
    if setup.variant != "mini":
        raise UsageError(
            f"variant {setup.variant} of lmpmpp is not trained by this command", hint="Use --variant mini."
        )
    options = TrainOptions.read(setup.options)
    Training(setup, options).run()


class Training:
    """One training of the mini variant."""

    def __init__(self, setup: TrainSetup, options: TrainOptions) -> None:
        self.setup, self.options = setup, options
        self.tokenizer = WordTokenizer.from_sentences(
            truth.expression.text for video in setup.data.video_ids for truth in setup.data.truths(video)
        )
        torch.manual_seed(setup.seed)
        self.model: LMPMpp = build_mini(len(self.tokenizer)).to(setup.device)
        measured = setup.out / "held_out.json"
        self.measured = json.loads(measured.read_text()) if measured.is_file() else {}

    def run(self) -> None:
        """Run the stages in order."""
        data = self._cache(self.setup.data, "train")
        held_out = self._cache(self.setup.held_out, "held_out")
        self.train_extractor(data, held_out)
        tracks = self._tracks(data, "train")
        held_out_tracks = self._tracks(held_out, "held_out")
        self.train_alignment(tracks, held_out_tracks)
        self.train_language(tracks, held_out_tracks)
        self.train_adapters(tracks, held_out_tracks)
        path = self.setup.out / WEIGHTS_FILE
        merge_lora(self.model)
        save_mini(self.model, self.tokenizer, path, fingerprint=self.setup.data.fingerprint, seed=self.setup.seed)
        draw_curves(self.setup.out, self.setup.out / "curves.png")

    def train_extractor(self, data: TrainingCache, held_out: TrainingCache) -> None:
        """Stage 1."""
        options, extractor, device = self.options.extractor, self.model.extractor, self.setup.device

        def compute(rng: np.random.Generator) -> dict[str, Tensor]:
            frames, labels = sample_frames(data, options.frames, rng, device)
            return extractor_losses(extractor(frames), object_masks(labels))

        self._fit(
            "extractor",
            options.steps,
            options.learning_rate,
            extractor,
            compute,
            lambda: frame_quality(extractor, held_out, 96, self.setup.seed, device),
        )

    def train_alignment(self, tracks: TrackCache, held_out: TrackCache) -> None:
        """Stage 3, and with it row (i) of Table 4."""
        options, model = self.options.alignment, self.model
        alignment = Alignment(model.matcher, model.sentences)
        words = self._words(tracks)
        sample = BatchSampler(tracks, options.videos, options.sentences)
        augment = Augmentation(self.tokenizer, tracks, words, ASPECT)

        def compute(rng: np.random.Generator) -> dict[str, Tensor]:
            batch = sample(rng)
            varied = augment(batch, rng)
            return alignment_losses(alignment, tracks, batch, varied.tracks, varied.words)

        def measure() -> dict[str, float]:
            features = sentence_features(model.sentences, self._words(held_out))
            return selection_quality(match_all(model.matcher, held_out, features), held_out)

        self._fit("alignment", options.steps, options.learning_rate, alignment, compute, measure)
        model.sentences.requires_grad_(False)
        model.language.trajectories.load_state_dict(model.matcher.trajectories.state_dict())

    def train_language(self, tracks: TrackCache, held_out: TrackCache) -> None:
        """Stage 4: stands in for the pretraining that Video-LLaMA comes with."""
        options = self.options.language
        self._fit_language("language", options.steps, options.learning_rate, tracks, held_out, contrastive=False)

    def train_adapters(self, tracks: TrackCache, held_out: TrackCache) -> None:
        """Stage 5: equation 2 with LoRA."""
        options = self.options.adapters
        self.model.language.language.add_adapters()
        self.model.to(self.setup.device)
        self._fit_language(
            "adapters", options.steps, options.learning_rate, tracks, held_out, contrastive=options.contrastive
        )

    def _fit_language(
        self, name: str, steps: int, rate: float, tracks: TrackCache, held_out: TrackCache, *, contrastive: bool
    ) -> None:
        options, part = self.options.language, self.model.language
        sample = BatchSampler(tracks, options.videos, options.sentences)
        words = self._words(tracks)
        augment = Augmentation(self.tokenizer, tracks, words, ASPECT)
        plain, mirrored = (sentence_features(self.model.sentences.eval(), w) for w in (words, augment.mirrored_words))
        held_out_features = sentence_features(self.model.sentences, self._words(held_out))

        def compute(rng: np.random.Generator) -> dict[str, Tensor]:
            batch = sample(rng)
            varied = augment(batch, rng)
            features = torch.where(
                varied.mirrored[batch.rows][:, None], mirrored[batch.sentences], plain[batch.sentences]
            )
            return language_losses(
                part,
                tracks,
                batch,
                varied.tracks,
                features,
                rng,
                contrastive=contrastive,
                shuffled_videos=options.shuffled_videos,
            )

        def measure() -> dict[str, float]:
            return selection_quality(answer_all(part, held_out, held_out_features)[0], held_out)

        self._fit(name, steps, rate, part, compute, measure)

    def _fit(self, name, steps, rate, module, compute, measure) -> None:
        def report(stage: str, step: int, total: int, losses: dict[str, float]) -> None:
            if step % self.options.measure_every == 0 or step == total:
                module.eval()
                self.measured[name] = measure()
                (self.setup.out / "held_out.json").write_text(json.dumps(self.measured, indent=1) + "\n")
                module.train()
                losses = {**losses, **{f"held_out_{key}": value for key, value in self.measured[name].items()}}
            self.setup.progress(stage, step, total, losses)

        fit(Stage(name, steps, rate), module, compute, self.setup.out, self.setup.seed, report)

    def _cache(self, data, name: str) -> TrainingCache:
        return open_cache(data, MINI.extractor, self.setup.out / "cache" / name)

    def _tracks(self, cache: TrainingCache, name: str) -> TrackCache:
        def report(done: int, total: int) -> None:
            if done % 50 == 0 or done == total:
                self.setup.progress(f"tracks of {name}", done, total, {})

        path = self.setup.out / "cache" / f"{name}_tracks.safetensors"
        return open_track_cache(self.model.extractor, cache, MINI.trajectory, path, self.setup.device, report)

    def _words(self, cache: TrackCache) -> Tensor:
        return self.tokenizer(cache.texts).to(self.setup.device)
