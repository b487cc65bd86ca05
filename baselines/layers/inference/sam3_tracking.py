"""SAM 3 on a video: every object of a phrase, detected in each frame and tracked with its identity.

Carion et al., "SAM 3: Segment Anything with Concepts", 2025. Each phrase has a session of its own, so that its answer
does not depend on the others; a frame goes through the image encoder once for all of them.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers.models.sam3_video.modeling_sam3_video import Sam3VideoInferenceSession, Sam3VideoModel

from baselines.layers.checkpoints.pretrained import DTYPES, load_pretrained, numbered_words, read_tokenizer
from baselines.layers.inference.frame_tensors import FrameTensors
from baselines.layers.inference.object_masks import ObjectMasks
from baselines.layers.inference.sam3_network import TEXT_LENGTH, build, install_operations
from baselines.layers.options import Sam3Options
from mevis_bench.records import Video

HALF = (0.5, 0.5, 0.5)
"""RGB mean and standard deviation of the network's input."""

Tokenize = Callable[[str], tuple[Tensor, Tensor]]
"""From a phrase to token ids and attention mask, int64 ``(1, 32)`` each."""


class PerFrame:
    """A function of a frame whose result is kept until the next frame."""

    def __init__(self, compute: Callable[..., Any]) -> None:
        self.compute = compute
        self._result: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute, or return what was computed since ``clear``."""
        if self._result is None:
            self._result = self.compute(*args, **kwargs)
        return self._result

    def clear(self) -> None:
        """Forget the result."""
        self._result = None


class Track:
    """One phrase on its way through a video.

    Args:
        session: Its session.
        video: The video.

    Attributes:
        masks: Masks of its objects so far.
        scores: Best detection score of every object that has a mask, 0..1.
    """

    def __init__(self, session: Sam3VideoInferenceSession, video: Video) -> None:
        self.session = session
        self.masks = ObjectMasks(video)
        self.scores: dict[int, float] = {}
        self.waiting: list[Any] = []


class Sam3Tracker:
    """The network with its sessions.

    Args:
        network: The network, in evaluation mode.
        tokenize: Tokenizer of phrases.
        options: Sam3Options of the variant.
        device: Device of the network.
    """

    def __init__(self, network: Sam3VideoModel, tokenize: Tokenize, options: Sam3Options, device: str) -> None:
        self.network, self.tokenize, self.options, self.device = network, tokenize, options, device
        self.sentences = options.sentences
        network.score_threshold_detection = options.detection_threshold
        network.new_det_thresh = options.new_object_threshold
        network.max_num_objects = options.max_objects
        self.side = int(network.config.image_size)
        self._shared = (
            PerFrame(network.detector_model.get_vision_features),
            PerFrame(network.get_vision_features_for_tracker),
        )
        patched: Any = network
        patched.detector_model.get_vision_features, patched.get_vision_features_for_tracker = self._shared

    def track(self, video: Video, phrases: Sequence[str]) -> Iterator[Track]:
        """Yield the objects of every phrase; ``options.sentences`` are tracked together."""
        done = 0
        while done < len(phrases):
            group = phrases[done : done + self.sentences]
            yield from self._track(video, group)
            done += len(group)

    def reduce_memory(self) -> bool:
        """Halve the expressions that are tracked together; ``False`` if it is one."""
        if self.sentences == 1:
            return False
        self.sentences //= 2
        return True

    @torch.inference_mode()
    def _track(self, video: Video, phrases: Sequence[str]) -> list[Track]:
        dtype = DTYPES[self.options.precision]
        frames = FrameTensors(video, self.side, HALF, HALF, self.device, dtype)
        tracks = [Track(self._session(frames, phrase), video) for phrase in phrases]
        for index in range(len(video)):
            for shared in self._shared:
                shared.clear()
            for track in tracks:
                self._step(track, index, last=index == len(video) - 1)
        return tracks

    def _session(self, frames: FrameTensors, phrase: str) -> Sam3VideoInferenceSession:
        session = Sam3VideoInferenceSession(
            video_height=frames.video.height,
            video_width=frames.video.width,
            inference_device=self.device,
            inference_state_device="cpu" if self.options.offload else self.device,
            dtype=DTYPES[self.options.precision],
        )
        session.processed_frames = frames  # type: ignore[assignment]  # a mapping is all that it needs
        number = session.add_prompt(phrase)
        ids, mask = self.tokenize(phrase)
        session.prompt_input_ids[number] = ids.to(self.device)
        session.prompt_attention_masks[number] = mask.to(self.device)
        return session

    def _step(self, track: Track, index: int, *, last: bool) -> None:
        """Track one frame; a frame's masks are final only after ``hotstart_delay`` frames, as some objects are dropped.

        The order is that of ``propagate_in_video_iterator``, which goes through a whole video at once.
        """
        output = self.network(inference_session=track.session, frame_idx=index)
        track.waiting.append(output)
        delay = self.network.hotstart_delay
        if delay > 0:
            track.session.hotstart_removed_obj_ids.update(output.removed_obj_ids)
        ready = len(track.waiting) if last else max(0, len(track.waiting) - max(delay, 1) + 1)
        for waited in track.waiting[:ready]:
            masks = masks_of(track.session, waited, track.masks.shape[1:])
            track.masks.add(waited.frame_idx, masks)
            for identity in masks:
                score = min(1.0, max(0.0, float(waited.obj_id_to_score[identity])))
                track.scores[identity] = max(track.scores.get(identity, 0.0), score)
        del track.waiting[:ready]


def masks_of(session: Sam3VideoInferenceSession, output: Any, size: tuple[int, ...]) -> dict[int, NDArray[np.bool_]]:
    """Return the visible objects of one frame, as ``Sam3VideoProcessor.postprocess_outputs``, which needs torchvision.

    Args:
        session: One phrase's session.
        output: transformers' output for the frame.
        size: Rows and columns of the video.

    Returns:
        Non-empty masks ``(h, w)`` by identity; a pixel belongs to the object with the best tracker score.
    """
    hidden = set(output.suppressed_obj_ids or ()) | set(session.hotstart_removed_obj_ids)
    identities = sorted(identity for identity in output.obj_id_to_mask if identity not in hidden)
    if not identities:
        return {}
    logits = torch.cat([output.obj_id_to_mask[identity] for identity in identities]).float()
    masks = F.interpolate(logits[:, None], tuple(size), mode="bilinear", align_corners=False)[:, 0] > 0
    visible = masks.flatten(1).any(1)
    identities = [identity for identity, seen in zip(identities, visible.tolist(), strict=True) if seen]
    masks = masks[visible]
    if len(identities) > 1:
        scores = [float(output.obj_id_to_tracker_score.get(identity, 0.0)) for identity in identities]
        weights = torch.tensor(scores, device=masks.device)[:, None, None]
        owner = torch.where(masks, weights, 0.0).argmax(0)
        masks = masks & (owner == torch.arange(len(identities), device=masks.device)[:, None, None])
    return dict(zip(identities, masks.cpu().numpy(), strict=True))


def open_sam3(folder: Path | None, size: str, seed: int, options: Sam3Options, device: str) -> Sam3Tracker:
    """Load SAM 3 from a folder of weights, or build it with seeded random ones.

    Args:
        folder: The folder; ``None``: random weights.
        size: ``mini``, else the published one; without a folder.
        seed: Of the random weights.
        options: Thresholds and precision.
        device: Torch device string.

    Raises:
        DataError: The folder is not SAM 3's.
        MethodError: The device has too little memory.
    """
    install_operations()
    if folder is None:
        torch.manual_seed(seed)
        network = build(size).eval()
        nn.Module.to(network, device, DTYPES[options.precision])
        network.set_attn_implementation(options.attention)
        return Sam3Tracker(network, _untrained_tokenize(network), options, device)
    network = load_pretrained(Sam3VideoModel, folder, precision=options.precision, device=device)
    network.set_attn_implementation(options.attention)
    tokenizer = read_tokenizer(folder)

    def tokenize(phrase: str) -> tuple[Tensor, Tensor]:
        encoded: Any = tokenizer(
            phrase, padding="max_length", max_length=TEXT_LENGTH, truncation=True, return_tensors="pt"
        )
        return encoded.input_ids, encoded.attention_mask

    return Sam3Tracker(network, tokenize, options, device)


def _untrained_tokenize(network: Sam3VideoModel) -> Tokenize:
    config: Any = network.config
    text = config.detector_config.text_config

    def tokenize(phrase: str) -> tuple[Tensor, Tensor]:
        words = numbered_words(phrase, 3, text.vocab_size)[: TEXT_LENGTH - 2]
        row = [text.bos_token_id, *words, text.eos_token_id]
        ids, mask = torch.full((1, TEXT_LENGTH), text.pad_token_id), torch.zeros(1, TEXT_LENGTH, dtype=torch.int64)
        ids[0, : len(row)] = torch.tensor(row)
        mask[0, : len(row)] = 1
        return ids, mask

    return tokenize
