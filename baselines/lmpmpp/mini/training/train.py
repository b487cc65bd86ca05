"""Training of the mini variant, stage by stage (``mevis-bench train --method lmpmpp --variant mini``).

The paper variant is trained end to end: ``baselines/lmpmpp/train.py``.

1. ``extractor``: frames to objects, Mask2Former's way.
2. ``detection``: boxes from object embeddings (LMPM++_det). Then every video goes through the extractor once; its
   objects are linked and kept in files.
3. ``alignment``: trajectories and sentences meet in one space (equation 1); the text encoder is frozen from here on.
4. ``speech``: a spoken sentence gets the feature of its words; only where the split has speech.
5. ``language``: the language model learns to answer "N_o <SEG> ... <SEG>", all of its weights, asked by text or speech;
   equation 1 on trajectories goes on.
6. ``adapters``: it is frozen, and LoRA adapters learn equation 2 with the contrastive loss of equation 1, now on <SEG>
   tokens, too.

Every stage leaves a checkpoint, a loss curve, and a measurement on the held-out split in ``setup.out``.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from baselines.layers.training.trainer import Compute, Stage, fit
from baselines.lmpmpp.lora import merge_lora
from baselines.lmpmpp.mini.checkpoint import build_mini, save_mini
from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.model import MiniLMPMpp
from baselines.lmpmpp.mini.sentence_encoder import WordTokenizer
from baselines.lmpmpp.mini.training.augmentation import Augmentation
from baselines.lmpmpp.mini.training.curves import draw_curves
from baselines.lmpmpp.mini.training.stage_alignment import (
    Alignment,
    BatchSampler,
    alignment_losses,
    match_all,
    selection_quality,
    sentence_features,
)
from baselines.lmpmpp.mini.training.stage_detection import box_losses, box_quality, matched_objects
from baselines.lmpmpp.mini.training.stage_extractor import extractor_losses, frame_quality, object_masks, sample_frames
from baselines.lmpmpp.mini.training.stage_language import Contrasted, answer_all, language_losses
from baselines.lmpmpp.mini.training.stage_speech import (
    SpeechCache,
    SpeechTraining,
    disturbed,
    encode_speech_split,
    open_speech_cache,
    speech_losses,
)
from baselines.lmpmpp.mini.training.track_cache import TrackCache, open_track_cache
from baselines.lmpmpp.mini.training.train_options import TrainOptions
from baselines.lmpmpp.mini.training.training_cache import TrainingCache, open_cache
from mevis_bench.records import TrainingArguments, TrainingData, UsageError

WEIGHTS_FILE = "mini.safetensors"

STAGES = ("extractor", "detection", "alignment", "speech", "language", "adapters")

ASPECT = MINI.extractor.long_side / MINI.extractor.short_side
"""Width of the training frames in frame heights."""


def train(setup: TrainingArguments) -> None:
    """Train all stages, or those that are not finished in ``setup.out``, and write the weights there.

    Raises:
        UsageError: The variant is not trained here, or an option is missing, unknown or of the wrong kind.
    """
    if setup.variant != "mini":
        raise UsageError(f"variant {setup.variant} of lmpmpp is not trained", hint="Use --variant mini or paper.")
    options = TrainOptions.read(setup.options)
    Training(setup, options).run()


@dataclass(frozen=True, slots=True)
class Asked:
    """A split as the language model meets it.

    Attributes:
        tracks: What the extractor found.
        features: Frozen ``text`` and ``audio`` features of all n sentences, ``(n, c)``.
        spoken: Which sentences are spoken, bool ``(n,)``; the ``audio`` of the others is 0.
    """

    tracks: TrackCache
    features: Mapping[str, Tensor]
    spoken: Tensor


class Training:
    """One training of the mini variant."""

    def __init__(self, setup: TrainingArguments, options: TrainOptions) -> None:
        self.setup, self.options = setup, options
        self.tokenizer = WordTokenizer.from_sentences(
            ground_truth.expression.text
            for video in setup.data.video_ids
            for ground_truth in setup.data.ground_truths(video)
        )
        torch.manual_seed(setup.seed)
        self.model: MiniLMPMpp = build_mini(len(self.tokenizer)).to(setup.device)
        measured = setup.out / "held_out.json"
        self.measured = json.loads(measured.read_text()) if measured.is_file() else {}

    def run(self) -> None:
        """Run the stages in order."""
        data = self._cache(self.setup.data, "train")
        held_out = self._cache(self.setup.held_out, "held_out")
        self.train_extractor(data, held_out)
        self.train_detection(data, held_out)
        tracks = self._tracks(data, "train")
        held_out_tracks = self._tracks(held_out, "held_out")
        self.train_alignment(tracks, held_out_tracks)
        speech, held_out_speech = self._speech(self.setup.data, data), self._speech(self.setup.held_out, held_out)
        if len(speech):
            self.train_speech(tracks, speech, held_out_tracks, held_out_speech)
        learned = self._asked(tracks, speech)
        measured = self._asked(held_out_tracks, held_out_speech)
        self.train_language(learned, measured)
        self.train_adapters(learned, measured)
        path = self.setup.out / WEIGHTS_FILE
        merge_lora(self.model)
        made_from = {"data_fingerprint": self.setup.data.fingerprint, "seed": str(self.setup.seed)}
        save_mini(self.model, self.tokenizer, path, supports_speech=len(speech) > 0, made_from=made_from)
        draw_curves(self.setup.out, STAGES, self.setup.out / "curves.png")

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

    def train_detection(self, data: TrainingCache, held_out: TrainingCache) -> None:
        """Stage 2."""
        options, head, device = self.options.detection, self.model.detection, self.setup.device
        extractor = self.model.extractor.requires_grad_(False)

        def compute(rng: np.random.Generator) -> dict[str, Tensor]:
            frames, labels = sample_frames(data, options.frames, rng, device)
            embeddings, suggested, boxes = matched_objects(extractor.eval(), frames, object_masks(labels))
            return box_losses(head(embeddings, suggested), boxes)

        self._fit(
            "detection",
            options.steps,
            options.learning_rate,
            head,
            compute,
            lambda: box_quality(extractor, head, held_out, 96, self.setup.seed, device),
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
            return alignment_losses(
                alignment, tracks, batch, varied.tracks, varied.words, contrastive=self.options.contrastive
            )

        def measure() -> dict[str, float]:
            features = sentence_features(model.sentences, self._words(held_out))
            return selection_quality(match_all(model.matcher, held_out, features), held_out)

        self._fit("alignment", options.steps, options.learning_rate, alignment, compute, measure)
        model.sentences.requires_grad_(False)
        model.language.trajectories.load_state_dict(model.matcher.trajectories.state_dict())

    def train_speech(
        self, tracks: TrackCache, speech: SpeechCache, held_out: TrackCache, held_out_speech: SpeechCache
    ) -> None:
        """Stage 4."""
        options, model, device = self.options.speech, self.model, self.setup.device
        words = self._words(tracks)[speech.sentences.to(device)]
        features = sentence_features(model.sentences, words)

        def compute(rng: np.random.Generator) -> dict[str, Tensor]:
            chosen = rng.integers(len(speech), size=options.utterances)
            utterances = [disturbed(bands, rng) for bands in speech.of(chosen)]
            return speech_losses(training, utterances, words[chosen], features[chosen])

        def measure() -> dict[str, float]:
            heard, _ = encode_speech_split(model.speech, held_out_speech, len(held_out.texts), device)
            return selection_quality(match_all(model.matcher, held_out, heard), held_out)

        torch.manual_seed(self.setup.seed)  # what starts new here starts the same after a stop
        training = SpeechTraining(model.speech, len(self.tokenizer)).to(device)
        self._fit("speech", options.steps, options.learning_rate, training, compute, measure)
        model.speech.requires_grad_(False)

    def train_language(self, learned: Asked, measured: Asked) -> None:
        """Stage 5: stands in for the pretraining that Video-LLaMA comes with."""
        options, part = self.options.language, self.model.language
        part.project["audio"].load_state_dict(part.project["text"].state_dict())
        self._fit_language("language", options.steps, options.learning_rate, learned, measured, ["trajectories"])

    def train_adapters(self, learned: Asked, measured: Asked) -> None:
        """Stage 6: equation 2 with LoRA."""
        options = self.options.adapters
        torch.manual_seed(self.setup.seed)  # as in stage 4
        self.model.language.language.add_adapters()
        self.model.to(self.setup.device)
        contrasted: list[Contrasted] = ["trajectories", "segments"]
        self._fit_language("adapters", options.steps, options.learning_rate, learned, measured, contrasted)

    def _fit_language(
        self,
        name: str,
        steps: int,
        rate: float,
        learned: Asked,
        measured: Asked,
        contrasted: Collection[Contrasted],
    ) -> None:
        options, part = self.options.language, self.model.language
        tracks, share = learned.tracks, self.options.speech.share if learned.spoken.any() else 0.0
        sample_text = BatchSampler(tracks, options.videos, options.sentences)
        sample_speech = BatchSampler(tracks, options.videos, options.sentences, learned.spoken) if share else None
        augment = Augmentation(self.tokenizer, tracks, self._words(tracks), ASPECT)
        mirrored = sentence_features(self.model.sentences, augment.mirrored_words)

        def compute(rng: np.random.Generator) -> dict[str, Tensor]:
            modality = "audio" if rng.random() < share else "text"
            batch = (sample_speech if modality == "audio" else sample_text)(rng)
            varied = augment(batch, rng, mirroring=modality == "text")
            plain = learned.features[modality][batch.sentences]
            features = torch.where(varied.mirrored[batch.rows][:, None], mirrored[batch.sentences], plain)
            return language_losses(
                part,
                tracks,
                batch,
                varied.tracks,
                features,
                rng,
                contrastive=contrasted if self.options.contrastive else (),
                shuffled_videos=options.shuffled_videos,
                modality=modality,
            )

        def measure() -> dict[str, float]:
            values = {}
            for modality, prefix in (("text", ""), ("audio", "heard ")):
                if modality == "text" or measured.spoken.all():
                    chosen, _ = answer_all(part, measured.tracks, measured.features[modality], modality)
                    quality = selection_quality(chosen, measured.tracks)
                    values |= {f"{prefix}{key}": value for key, value in quality.items()}
            return values

        self._fit(name, steps, rate, part, compute, measure)

    def _speech(self, data: TrainingData, cache: TrainingCache) -> SpeechCache:
        if self.options.speech.steps == 0:
            return SpeechCache.nothing()
        name = "held_out" if data is self.setup.held_out else "train"
        return open_speech_cache(data, cache, self.setup.out / "cache" / f"{name}_speech.safetensors")

    def _asked(self, tracks: TrackCache, speech: SpeechCache) -> Asked:
        text = sentence_features(self.model.sentences.eval(), self._words(tracks))
        audio, spoken = encode_speech_split(self.model.speech, speech, len(tracks.texts), self.setup.device)
        return Asked(tracks, {"text": text, "audio": audio}, spoken)

    def _fit(
        self,
        name: str,
        steps: int,
        rate: float,
        module: nn.Module,
        compute: Compute,
        measure: Callable[[], dict[str, float]],
    ) -> None:
        def report(stage: str, step: int, total: int, losses: dict[str, float]) -> None:
            if step % self.options.measure_every == 0 or step == total:
                module.eval()
                self.measured[name] = measure()
                (self.setup.out / "held_out.json").write_text(json.dumps(self.measured, indent=1) + "\n")
                module.train()
                losses = {**losses, **{f"held_out_{key}": value for key, value in self.measured[name].items()}}
            self.setup.progress(stage, step, total, losses)

        fit(Stage(name, steps, rate), module, compute, self.setup.out, self.setup.seed, report)

    def _cache(self, data: TrainingData, name: str) -> TrainingCache:
        return open_cache(data, MINI.extractor, self.setup.out / "cache" / name)

    def _tracks(self, cache: TrainingCache, name: str) -> TrackCache:
        def report(done: int, total: int) -> None:
            if done % 50 == 0 or done == total:
                self.setup.progress(f"tracks of {name}", done, total, {})

        path = self.setup.out / "cache" / f"{name}_tracks.safetensors"
        return open_track_cache(self.model.extractor, cache, MINI.trajectory, path, self.setup.device, report)

    def _words(self, cache: TrackCache) -> Tensor:
        return self.tokenizer(cache.texts).to(self.setup.device)
