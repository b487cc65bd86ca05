"""Parity of a track-query model with the stored frames of its original, array by array."""

import json
import re

import numpy as np
import torch
from numpy.typing import NDArray

from baselines.layers.inference.track_streaming import live_tracks
from baselines.layers.nn.position_encoding import sine_grid
from baselines.layers.nn.track_queries import TrackRules
from tests.baselines.parity import check_close
from tests.baselines.small_vectors import check_thinned


class StoredFrames:
    """The vectors of one file; remembers which arrays were compared, so that none is forgotten."""

    def __init__(self, vectors: dict[str, NDArray], numbers: int | None = None) -> None:
        """``numbers``: the arrays are thinned to about so many numbers (``small_vectors``)."""
        self.arrays, self.numbers = vectors, numbers
        self.meta = json.loads(bytes(vectors["in_meta"]))
        self.unseen = {name for name in vectors if name.startswith("out_")}

    @property
    def frames(self) -> torch.Tensor:
        """The frames that have outputs, ``(t, 3, h, w)``."""
        length = len({name.split("_")[1] for name in self.unseen})
        return torch.from_numpy(self.arrays["in_frames"])[:length]

    @property
    def rules(self) -> TrackRules:
        """Thresholds that the original was run with; nothing is hidden from the output."""
        meta = self.meta
        return TrackRules(
            birth_score=meta["score_thresh"], keep_score=meta["filter_score_thresh"],
            miss_tolerance=meta["miss_tolerance"],
            max_tracks=10_000, show_score=0.0, show_area=0.0, show_refer=0.0,
        )  # fmt: skip

    def close(self, frame: int, name: str, ours: torch.Tensor, *, atol: float = 1e-3) -> None:
        """Compare one array of one frame where the file has it."""
        stored = f"out_f{frame}_{name}"
        if stored in self.arrays:
            self.unseen.remove(stored)
            if self.numbers is None:
                check_close(stored, ours, self.arrays[stored], atol=atol)
            else:
                check_thinned(stored, ours, self.arrays[stored], atol=atol, numbers=self.numbers)

    def same(self, frame: int, name: str, ours: torch.Tensor) -> None:
        """Compare integers exactly."""
        stored = f"out_f{frame}_{name}"
        self.unseen.remove(stored)
        np.testing.assert_array_equal(ours.cpu().numpy(), self.arrays[stored], err_msg=stored)


@torch.no_grad()
def override(model: torch.nn.Module, overrides: dict[str, list[float]]) -> None:
    """Multiply and add where a key matches: plain random weights give every query the same score."""
    for key, tensor in model.state_dict().items():
        for pattern, (factor, summand) in overrides.items():
            if re.fullmatch(pattern, key):
                tensor.mul_(factor).add_(summand)


def check_image_and_text(stored: StoredFrames, frame: int, model, image, levels, words) -> None:
    """Compare what comes before the queries."""
    maps = model.backbone[0].body(image)[1:]
    for level, features in enumerate(maps):
        stored.close(frame, f"backbone{level}", features[0, ::16, ::2, ::2])
    stored.close(frame, "txt_proj", words.features[0])
    for level, features in enumerate(levels):
        position = sine_grid(features.shape[-2:], 128, centered=True)
        stored.close(frame, f"pos{level}", position[0, ::16, ::2, ::2])
        fused = model.fusion_module(features, words)
        stored.close(frame, f"fused{level}", fused[0].flatten(1).T[::4, ::8])


def check_queries(stored: StoredFrames, frame: int, model, encoded, queries) -> None:
    """Compare the decoder, its layers and the heads, before any refinement."""
    stored.close(frame, "in_ref_pts", queries.reference)
    stored.close(frame, "in_query_pos_s16", queries.embedding[:, ::16])
    stored.same(frame, "in_obj_idxes", queries.ids)
    stored.close(frame, "memory", encoded.memory[0, ::4, ::8])
    decoded = model.decode(encoded, queries)
    states, boxes = decoded.states[:, 0], decoded.boxes[:, 0]
    stored.close(frame, "dec0", states[0, :, ::8])
    stored.close(frame, "inter_references", boxes)
    stored.close(frame, "hs_s8", states[-1, :, ::8])
    stored.close(frame, "ref_pts", boxes[-2, :, :2])
    for layer in (0, 2, 4):
        stored.close(frame, f"aux{layer}_logits", model.class_embed[layer](states[layer]))
        stored.close(frame, f"aux{layer}_boxes", boxes[layer])
    found = model.detect(encoded, queries)
    stored.close(frame, "pred_logits", found.logits[:, None])
    stored.close(frame, "pred_refers", found.refers[:, None])
    stored.close(frame, "pred_boxes", found.boxes)


def check_step(stored: StoredFrames, frame: int, step, next_queries) -> None:
    """Compare the life cycle, the tracks that go on, and the boxes written out."""
    stored.close(frame, "scores", step.detections.scores)
    stored.same(frame, "obj_idxes", step.queries.ids)
    stored.same(frame, "disappear_time", step.queries.missed)
    stored.close(frame, "next_track_query_pos_s4", next_queries.embedding[:, ::4])
    stored.close(frame, "next_track_ref_pts", next_queries.reference)
    stored.same(frame, "next_track_ids", next_queries.ids)
    live = live_tracks(step, *stored.meta["ori_size"])
    stored.same(frame, "out_ids", live.ids)
    stored.close(frame, "out_boxes", live.boxes, atol=5e-3)
    stored.close(frame, "out_scores", live.scores)
    stored.close(frame, "out_refers", live.refers)
    merged = len(live.ids) + 300  # the original counts the next frame's fresh queries too
    stored.same(frame, "out_n", torch.tensor([merged, len(live.ids)]))
