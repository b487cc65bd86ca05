"""Training of the mini variant, stage by stage (``mevis-bench train --method lmpmpp --variant mini``).

The paper's LMPM++ is trained end to end: ``baselines/lmpmpp/train.py``.

1. ``extractor``: objects of single frames, as Mask2Former.
2. ``detection``: boxes from object embeddings (LMPM++_det). Then the tracks of all videos are computed and cached.
3. ``alignment``: tracks and sentences in one space (equation 1); the text encoder is frozen afterwards.
4. ``speech``: the speech encoder learns the text features; only if the split has speech.
5. ``language``: the whole language model learns "N_o <SEG> ... <SEG>" from text and speech prompts; equation 1 over
   trajectories continues.
6. ``adapters``: the language model is frozen; LoRA adapters learn equation 2, with equation 1 over <SEG> tokens, too.

Every stage leaves a checkpoint, a loss curve and validation metrics in ``args.out``.
"""

import json
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from baselines.layers.nn.lora import merge_lora
from baselines.layers.training.parameter_groups import group_by_shape
from baselines.lmpmpp.mini.checkpoint import save_mini
from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.model import MiniLMPMpp
from baselines.lmpmpp.mini.sentence_encoder import WordTokenizer
from baselines.lmpmpp.mini.training.augmentation import Augmentation
from baselines.lmpmpp.mini.training.split_features import SplitFeatures
from baselines.lmpmpp.mini.training.stage_alignment import (
    Alignment,
    BatchSampler,
    alignment_losses,
    encode_sentences,
    evaluate_selection,
    match_split,
)
from baselines.lmpmpp.mini.training.stage_detection import box_losses, evaluate_boxes, matched_objects
from baselines.lmpmpp.mini.training.stage_extractor import (
    evaluate_masks,
    extractor_losses,
    object_masks,
    sample_frames,
)
from baselines.lmpmpp.mini.training.stage_language import (
    ContrastiveTarget,
    PromptedBatch,
    language_losses,
    predict_split,
)
from baselines.lmpmpp.mini.training.stage_speech import (
    SpeechDistillation,
    augment_speech,
    encode_speech_split,
    speech_losses,
)
from baselines.lmpmpp.mini.training.train_options import StageOptions, TrainOptions
from baselines.lmpmpp.prompt import Modality
from mevis_bench.records import TrainingArguments
from mevis_bench.records.schedules import WarmupCosineSchedule
from mevis_bench.records.training import SamplePosition, TrainingStage

WEIGHTS_FILE = "mini.safetensors"

VAL_METRICS_FILE = "val_metrics.json"

ASPECT = MINI.extractor.long_side / MINI.extractor.short_side
"""Width of the training frames in frame heights."""

EVAL_FRAMES = 96
"""Validation frames on which stages 1 and 2 are evaluated."""


LossFn = Callable[[np.random.Generator], Mapping[str, Tensor]]
"""Losses of one step, whose random choices the generator makes."""


def train(args: TrainingArguments) -> None:
    """Run all stages that are not finished in ``args.out``, and write the weights there."""
    MiniTrainer(args, args.options).run()


@dataclass(frozen=True, slots=True)
class StageModules:
    """Trained module, losses and metrics of a stage.

    Attributes:
        module: Its parameters that require a gradient are trained.
        loss_fn: Losses of one step.
        evaluate: Metrics on the validation split.
    """

    module: nn.Module
    loss_fn: LossFn
    evaluate: Callable[[], dict[str, float]]


@dataclass(frozen=True, slots=True)
class MiniStage:
    """One stage.

    Attributes:
        name: Also the name of its files.
        options: Steps and learning rate.
        build: Called when all earlier stages are finished.
    """

    name: str
    options: StageOptions
    build: Callable[[], StageModules]


class MiniTrainer:
    """One training of the mini variant."""

    def __init__(self, args: TrainingArguments, options: TrainOptions) -> None:
        self.args, self.options = args, options
        self.tokenizer = WordTokenizer.from_sentences(
            ground_truth.expression.text
            for video in args.data.video_ids
            for ground_truth in args.data.ground_truths(video)
        )
        torch.manual_seed(args.seed)
        self.model: MiniLMPMpp = MiniLMPMpp(MINI, len(self.tokenizer)).to(args.device)
        self.train_split, self.val_split = (
            SplitFeatures(name, data, self.model, self.tokenizer, args, speech=options.speech.steps > 0)
            for name, data in (("train", args.data), ("val", args.val_data))
        )
        self.metrics_path = args.out / VAL_METRICS_FILE
        self.metrics = json.loads(self.metrics_path.read_text()) if self.metrics_path.is_file() else {}

    def run(self) -> None:
        """Run the stages in order and write the weights."""
        self.model.supports_speech = len(self.train_split.speech) > 0
        for stage in self.stages():
            self._run_stage(stage)
        if not self.args.trainer.is_main_process:
            return
        merge_lora(self.model)
        metadata = {"data_fingerprint": self.args.data.fingerprint, "seed": str(self.args.seed)}
        save_mini(self.model, self.tokenizer, self.args.out / WEIGHTS_FILE, metadata)

    def stages(self) -> list[MiniStage]:
        """Stages in order; without ``speech`` if the training split has none."""
        options = self.options
        stages = [
            MiniStage("extractor", options.extractor, self.build_extractor),
            MiniStage("detection", options.detection, self.build_detection),
            MiniStage("alignment", options.alignment, self.build_alignment),
            MiniStage("speech", options.speech, self.build_speech),
            MiniStage("language", options.language, self.build_language),
            MiniStage("adapters", options.adapters, self.build_adapters),
        ]
        return [stage for stage in stages if stage.name != "speech" or self.model.supports_speech]

    def build_extractor(self) -> StageModules:
        """Stage 1."""
        options, extractor, device = self.options.extractor, self.model.extractor, self.args.device
        train, val = self.train_split.frames, self.val_split.frames

        def loss_fn(rng: np.random.Generator) -> dict[str, Tensor]:
            frames, labels = sample_frames(train, options.frames, rng, device)
            return extractor_losses(extractor(frames), object_masks(labels))

        def evaluate() -> dict[str, float]:
            return evaluate_masks(extractor, val, EVAL_FRAMES, self.args.seed, device)

        return StageModules(extractor, loss_fn, evaluate)

    def build_detection(self) -> StageModules:
        """Stage 2."""
        options, head, device = self.options.detection, self.model.detection, self.args.device
        train, val = self.train_split.frames, self.val_split.frames
        extractor = self.model.extractor.requires_grad_(False)

        def loss_fn(rng: np.random.Generator) -> dict[str, Tensor]:
            frames, labels = sample_frames(train, options.frames, rng, device)
            embeddings, mask_boxes, targets = matched_objects(extractor.eval(), frames, object_masks(labels))
            return box_losses(head(embeddings, mask_boxes), targets)

        def evaluate() -> dict[str, float]:
            return evaluate_boxes(extractor, head, val, EVAL_FRAMES, self.args.seed, device)

        return StageModules(head, loss_fn, evaluate)

    def build_alignment(self) -> StageModules:
        """Stage 3."""
        options, model = self.options.alignment, self.model
        train, val = self.train_split.tracks, self.val_split.tracks
        alignment = Alignment(model.matcher, model.sentences)
        sample = BatchSampler(train, options.videos, options.sentences)
        augment = Augmentation(self.tokenizer, train, self.train_split.words, ASPECT)
        temperature = self.options.temperature if self.options.contrastive else None

        def loss_fn(rng: np.random.Generator) -> dict[str, Tensor]:
            batch = sample(rng)
            augmented = augment(batch, rng)
            return alignment_losses(alignment, train, batch, augmented.tracks, augmented.words, temperature)

        def evaluate() -> dict[str, float]:
            features = encode_sentences(model.sentences, self.val_split.words)
            return evaluate_selection(match_split(model.matcher, val, features), val)

        return StageModules(alignment, loss_fn, evaluate)

    def build_speech(self) -> StageModules:
        """Stage 4."""
        options, model, device = self.options.speech, self.model, self.args.device
        train, val, val_tracks = self.train_split.speech, self.val_split.speech, self.val_split.tracks
        words = self.train_split.words[train.sentences.to(device)]
        targets = encode_sentences(model.sentences.requires_grad_(False), words)
        torch.manual_seed(self.args.seed)  # new parameters are the same after a resume
        distillation = SpeechDistillation(model.speech, len(self.tokenizer)).to(device)

        def loss_fn(rng: np.random.Generator) -> dict[str, Tensor]:
            indices = rng.integers(len(train), size=options.utterances)
            utterances = [augment_speech(bands, rng) for bands in train.select(indices.tolist())]
            return speech_losses(distillation, utterances, words[indices], targets[indices])

        def evaluate() -> dict[str, float]:
            features, _ = encode_speech_split(model.speech, val, len(val_tracks.texts), device)
            return evaluate_selection(match_split(model.matcher, val_tracks, features), val_tracks)

        return StageModules(distillation, loss_fn, evaluate)

    def build_language(self) -> StageModules:
        """Stage 5; it stands in for the pretraining of Video-LLaMA."""
        part = self.model.language
        part.trajectories.load_state_dict(self.model.matcher.trajectories.state_dict())
        part.project["audio"].load_state_dict(part.project["text"].state_dict())
        return self._build_language_stage(["trajectories"])

    def build_adapters(self) -> StageModules:
        """Stage 6: equation 2 with LoRA."""
        torch.manual_seed(self.args.seed)  # new parameters are the same after a resume
        self.model.language.language.add_adapters()
        self.model.to(self.args.device)
        return self._build_language_stage(["trajectories", "seg_tokens"])

    def _build_language_stage(self, contrastive: Collection[ContrastiveTarget]) -> StageModules:
        options, part = self.options.language, self.model.language
        self.model.sentences.requires_grad_(False)
        self.model.speech.requires_grad_(False)
        tracks, encoded = self.train_split.tracks, self.train_split.encoded
        speech_share = self.options.speech.share if bool(encoded.has_speech.any()) else 0.0
        sample: dict[Modality, BatchSampler] = {"text": BatchSampler(tracks, options.videos, options.sentences)}
        if speech_share:
            sample["audio"] = BatchSampler(tracks, options.videos, options.sentences, encoded.has_speech)
        augment = Augmentation(self.tokenizer, tracks, self.train_split.words, ASPECT)
        mirrored_features = encode_sentences(self.model.sentences, augment.mirrored_words)

        def loss_fn(rng: np.random.Generator) -> dict[str, Tensor]:
            modality: Modality = "audio" if rng.random() < speech_share else "text"
            batch = sample[modality](rng)
            augmented = augment(batch, rng, mirroring=modality == "text")
            features = torch.where(
                augmented.mirrored[batch.video_index][:, None],
                mirrored_features[batch.sentences],
                encoded.features[modality][batch.sentences],
            )
            return language_losses(
                part,
                tracks,
                PromptedBatch(batch, augmented.tracks, features, modality),
                rng,
                contrastive=contrastive if self.options.contrastive else (),
                temperature=self.options.temperature,
                shuffled_videos=options.shuffled_videos,
            )

        return StageModules(part, loss_fn, self._evaluate_language)

    def _evaluate_language(self) -> dict[str, float]:
        """Metrics of text prompts and, with the prefix "heard ", of speech prompts if all sentences have speech."""
        tracks, encoded = self.val_split.tracks, self.val_split.encoded
        modalities: dict[Modality, str] = {"text": ""}
        if bool(encoded.has_speech.all()):
            modalities["audio"] = "heard "
        metrics: dict[str, float] = {}
        for modality, prefix in modalities.items():
            selected = predict_split(self.model.language, tracks, encoded.features[modality], modality)
            metrics |= {f"{prefix}{key}": value for key, value in evaluate_selection(selected, tracks).items()}
        return metrics

    def _run_stage(self, plan: MiniStage) -> None:
        modules = plan.build()

        def sample(rng: np.random.Generator, position: SamplePosition) -> np.random.Generator:
            return rng  # features are cached in memory: the losses draw the batch themselves

        def evaluate() -> dict[str, float]:
            self.metrics[plan.name] = modules.evaluate()
            if self.args.trainer.is_main_process:
                self.metrics_path.write_text(json.dumps(self.metrics, indent=1) + "\n")
            return self.metrics[plan.name]

        stage = TrainingStage(
            name=plan.name,
            module=modules.module,
            groups=group_by_shape(modules.module, plan.options.learning_rate, 0.05),
            sample=sample,
            collate=operator.itemgetter(0),
            loss_fn=modules.loss_fn,
            steps=plan.options.steps,
            schedule=WarmupCosineSchedule(100),
            betas=(0.9, 0.98),
            max_gradient_norm=1.0,
            evaluate=evaluate,
            evaluate_every=self.options.eval_every,
        )
        self.args.trainer.fit(stage)
