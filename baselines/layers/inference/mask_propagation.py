"""Masks of objects in a whole video from boxes or points in some of its frames, by SAM 2 or SAM 3's tracker.

Ravi et al., "SAM 2: Segment Anything in Images and Videos", 2024, through transformers' video sessions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn
from transformers.models.sam2_video.configuration_sam2_video import Sam2VideoConfig
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession, Sam2VideoModel

from baselines.layers.checkpoints.pretrained import DTYPES, load_pretrained
from baselines.layers.inference.frame_tensors import FrameTensors
from baselines.layers.inference.object_masks import ObjectMasks
from baselines.layers.inputs.resize import IMAGENET_MEAN, IMAGENET_STD
from baselines.layers.options import Precision, Sam2Size
from mevis_bench.records import Video

INSIDE, TOP_LEFT, BOTTOM_RIGHT = 1, 2, 3
"""Labels of SAM's point prompts: a point of the object, and the corners of a box."""


@dataclass(frozen=True, slots=True, eq=False)
class Seed:
    """Location of an object in one frame.

    Attributes:
        identity: Of the object.
        frame: Index of the frame.
        points: float ``(n, 2)``, ``x, y`` in pixels of the video.
        labels: Meaning of each point.
    """

    identity: int
    frame: int
    points: NDArray[Any]
    labels: tuple[int, ...]

    @classmethod
    def of_box(cls, identity: int, frame: int, box: NDArray[Any]) -> "Seed":
        """Take a box ``x0, y0, x1, y1`` in pixels, half-open."""
        return cls(identity, frame, box.reshape(2, 2), (TOP_LEFT, BOTTOM_RIGHT))

    @classmethod
    def of_points(cls, identity: int, frame: int, points: NDArray[Any]) -> "Seed":
        """Take points ``(n, 2)`` of the object."""
        return cls(identity, frame, points, (INSIDE,) * len(points))


def mini_sam2_config() -> Sam2VideoConfig:
    """Return small sizes for tests; the tracker's width has to exceed its memory's, 64."""
    side = 128
    vision = {
        "backbone_config": {
            "model_type": "sam2_hiera_det_model", "hidden_size": 8, "num_attention_heads": 1, "image_size": [side] * 2,
            "blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": [8, 16, 32, 64],
            "num_attention_heads_per_stage": [1, 2, 4, 8], "window_size_per_stage": [4] * 4,
            "global_attention_blocks": [3], "window_positional_embedding_background_size": [4, 4],
        },
        "backbone_channel_list": [64, 32, 16, 8], "fpn_hidden_size": 128,
        "backbone_feature_sizes": [[side // 4] * 2, [side // 8] * 2, [side // 16] * 2],
    }  # fmt: skip
    return Sam2VideoConfig(
        vision_config=vision, image_size=side,
        prompt_encoder_config={"hidden_size": 128, "image_size": side, "patch_size": 16},
        mask_decoder_config={"hidden_size": 128, "mlp_dim": 64, "num_attention_heads": 4, "iou_head_hidden_dim": 32},
        memory_attention_hidden_size=128, memory_attention_num_layers=1, memory_attention_feed_forward_hidden_size=64,
        memory_attention_rope_feat_sizes=[side // 16] * 2, memory_encoder_hidden_size=128,
        memory_encoder_output_channels=64, mask_downsampler_embed_dim=128, memory_fuser_embed_dim=128,
        memory_fuser_intermediate_dim=64,
    )  # fmt: skip


class MaskPropagator:
    """SAM 2 on a video.

    Args:
        network: The network, in evaluation mode.
        precision: Its data type.
        device: Its device.
    """

    def __init__(self, network: Sam2VideoModel, precision: Precision, device: str) -> None:
        self.network, self.dtype, self.device = network, DTYPES[precision], device
        config: Any = network.config
        self.side = int(config.image_size)

    @torch.inference_mode()
    def propagate(self, video: Video, seeds: Sequence[Seed]) -> ObjectMasks:
        """Track objects from their seeds to both ends of a video.

        Objects with seeds in the same frames share one pass, in which each frame is encoded once; they do not see each
        other. From an object's first seed the video is followed forward, each further seed added when it is reached,
        then backward from the first.

        Args:
            video: The video.
            seeds: At most one per object and frame; an object without any has no masks.
        """
        frames_of: dict[int, list[int]] = {}
        for seed in sorted(seeds, key=lambda seed: (seed.identity, seed.frame)):
            frames_of.setdefault(seed.identity, []).append(seed.frame)
        masks = ObjectMasks(video)
        for frames in sorted({tuple(frames) for frames in frames_of.values()}):
            group = [seed for seed in seeds if tuple(frames_of[seed.identity]) == frames]
            self._propagate_group(video, group, frames, masks)
        return masks

    def _propagate_group(self, video: Video, seeds: Sequence[Seed], frames: Sequence[int], masks: ObjectMasks) -> None:
        session: Any = Sam2VideoInferenceSession(
            video_height=video.height,
            video_width=video.width,
            inference_device=self.device,
            inference_state_device=self.device,
            dtype=self.dtype,
        )
        session.processed_frames = FrameTensors(video, self.side, IMAGENET_MEAN, IMAGENET_STD, self.device, self.dtype)
        for place, frame in enumerate(frames):
            self._prompt(session, video, [seed for seed in seeds if seed.frame == frame])
            end = frames[place + 1] if place + 1 < len(frames) else len(video)
            self._follow(session, video, frame, end - frame - 1, masks, reverse=False)
        self._follow(session, video, frames[0], frames[0], masks, reverse=True)

    def _prompt(self, session: Any, video: Video, seeds: Sequence[Seed]) -> None:
        scale = torch.tensor([self.side / video.width, self.side / video.height])
        for seed in seeds:
            points = torch.as_tensor(seed.points).float() * scale
            inputs = {
                "point_coords": points[None, None].to(self.device, self.dtype),
                "point_labels": torch.tensor([[seed.labels]], dtype=torch.int32, device=self.device),
            }
            session.add_point_inputs(session.obj_id_to_idx(seed.identity), seed.frame, inputs)
        session.obj_with_new_inputs = [seed.identity for seed in seeds]
        self.network(session, frame_idx=seeds[0].frame)

    def _follow(self, session: Any, video: Video, first: int, steps: int, masks: ObjectMasks, *, reverse: bool) -> None:
        size = (video.height, video.width)
        for output in self.network.propagate_in_video_iterator(
            session, start_frame_idx=first, max_frame_num_to_track=steps, reverse=reverse
        ):
            logits = F.interpolate(output.pred_masks.float(), size, mode="bilinear", align_corners=False)
            found = (logits[:, 0] > 0).cpu().numpy()
            masks.add(output.frame_idx, dict(zip(output.object_ids, found, strict=True)))


def large_sam2_config() -> Sam2VideoConfig:
    """Return the sizes of sam2.1-hiera-large, 224.4 M parameters."""
    backbone = {
        "model_type": "sam2_hiera_det_model", "hidden_size": 144, "num_attention_heads": 2,
        "blocks_per_stage": [2, 6, 36, 4], "embed_dim_per_stage": [144, 288, 576, 1152],
        "num_attention_heads_per_stage": [2, 4, 8, 16], "window_size_per_stage": [8, 4, 16, 8],
        "global_attention_blocks": [23, 33, 43],
    }  # fmt: skip
    return Sam2VideoConfig(vision_config={"backbone_config": backbone, "backbone_channel_list": [1152, 576, 288, 144]})


def open_sam2(folder: Path | None, size: Sam2Size, seed: int, precision: Precision, device: str) -> MaskPropagator:
    """Load SAM 2 from a folder of weights, or build it with seeded random ones.

    Args:
        folder: The folder; ``None``: random weights.
        size: Of a network with random weights.
        seed: Of the random weights.
        precision: Type of the weights in memory.
        device: Torch device string.

    Raises:
        DataError: The folder is not SAM 2's.
        DeviceMemoryError: The device has too little memory.
    """
    if folder is not None:
        network = load_pretrained(Sam2VideoModel, folder, precision=precision, device=device)
    else:
        torch.manual_seed(seed)
        configs = {"tiny": Sam2VideoConfig, "large": large_sam2_config, "mini": mini_sam2_config}
        network = Sam2VideoModel(configs[size]()).eval()
        nn.Module.to(network, device, DTYPES[precision])
    return MaskPropagator(network, precision, device)
