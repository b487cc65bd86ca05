"""The mini variants as methods of the benchmark."""

from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from baselines.layers.inference.video_chunks import video_chunks
from baselines.lmpmpp.mini.checkpoint import build_random, load_mini
from baselines.lmpmpp.mini.model import MiniLMPMpp
from baselines.lmpmpp.mini.prompt_features import prompt_features
from baselines.lmpmpp.mini.sentence_encoder import WordTokenizer
from baselines.lmpmpp.mini.tracker import Trajectories
from baselines.lmpmpp.options import Options
from baselines.lmpmpp.postprocess import full_size_masks
from baselines.lmpmpp.prompt import Modality
from mevis_bench.records import (
    DataError,
    MaskPrediction,
    MethodConfig,
    Prompt,
    SpeechPrompt,
    TrackPrediction,
    Video,
)

PROMPTS_PER_BATCH = 32


def load(config: MethodConfig[Options]) -> "MiniMethod":
    """Load a variant; without weights the model is randomly initialized from ``config.seed``.

    Raises:
        UsageError: An option has an invalid value.
        DataError: The weights file is invalid, or the task needs speech and the weights were trained without.
    """
    options = config.options
    if config.weights is None:
        model, tokenizer = build_random(config.seed)
    else:
        model, tokenizer = load_mini(config.weights["model"])
        if config.task == "avos" and not model.supports_speech:
            raise DataError(
                "these weights were trained without speech",
                location=str(config.weights["model"]),
                hint="Train on a split with speech, or transcribe the speech: --bridge speech_to_text.",
            )
    model = model.to(config.device).eval()
    return MiniMethod(
        model, tokenizer, config.device, matcher=options.selection == "matcher", boxes=options.output == "boxes"
    )


class MiniMethod:
    """A loaded mini variant."""

    def __init__(
        self, model: MiniLMPMpp, tokenizer: WordTokenizer, device: str, *, matcher: bool = False, boxes: bool = False
    ) -> None:
        self.model, self.tokenizer, self.device = model, tokenizer, device
        self.matcher, self.boxes = matcher, boxes

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction | TrackPrediction]:
        """Encode the video once, then run the prompts in batches."""
        if not prompts:
            return
        select = self.model.match if self.matcher else self.model.generate
        modality: Modality = "audio" if isinstance(prompts[0], SpeechPrompt) else "text"
        encoded = self.model.encode_video(video_chunks(video, self.device), modality)
        model = self.model
        for first in range(0, len(prompts), PROMPTS_PER_BATCH):
            batch = prompts[first : first + PROMPTS_PER_BATCH]
            features = prompt_features(batch, self.tokenizer, model.sentences, model.speech, self.device)
            for selection in select(encoded, features):
                if self.boxes:
                    yield predict_boxes(self.model, encoded.trajectories, selection.tracks, video)
                else:
                    yield predict_masks(encoded.trajectories, selection.tracks, video, selection.target_score)

    def close(self) -> None:
        """Release the model's memory."""
        del self.model


def predict_boxes(model: MiniLMPMpp, trajectories: Trajectories, tracks: Tensor, video: Video) -> TrackPrediction:
    """Return the boxes of some tracks by the detection head, in the frames in which the object is present.

    Args:
        model: Has the detection head.
        trajectories: Tracks of the video.
        tracks: Indices of the tracks, int64 ``(n,)``; none: no target.
        video: The video, whose size the boxes have.
    """
    scale = np.array([video.width, video.height, video.width, video.height], dtype=np.float64)
    indices = tracks.tolist()
    boxes = [model.detect(trajectories, track).double().cpu().numpy().clip(0, 1) * scale for track in indices]
    present = [trajectories.present[track].cpu().numpy() for track in indices]
    return TrackPrediction.from_boxes(boxes, present)


def predict_masks(
    trajectories: Trajectories, tracks: Tensor, video: Video, target_score: float | None = None
) -> MaskPrediction:
    """Return the masks of some tracks at the video's size, and their union, which is empty where there is none.

    Args:
        trajectories: Tracks of the video.
        tracks: Indices of the tracks, int64 ``(n,)``; none: no target.
        video: The video, whose size the masks have.
        target_score: Probability that there is a target, 0..1; ``None``: not estimated.
    """
    logits = trajectories.mask_logits[tracks]
    objects = tuple(full_size_masks(x, video.height, video.width).cpu().numpy() for x in logits)
    if len(objects) == 1:
        return MaskPrediction(objects[0], objects, target_score)
    masks = np.zeros((len(video), video.height, video.width), dtype=np.bool_)
    for mask in objects:
        masks |= mask
    return MaskPrediction(masks, objects, target_score)
