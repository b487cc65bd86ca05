"""Trainings of networks so small that they learn in seconds, which several tests start."""

from dataclasses import replace

import pytest

import baselines.mttr.config
from baselines.layers.nn import language_queries, referring_detector
from baselines.layers.nn.video_swin import VideoSwinSize
from tests.baselines.overfit import HEIGHT, WIDTH, Case, with_tokenizer

QUERIES = replace(language_queries.LANGUAGE_QUERIES_SIZES["mini"], depth=1, feedforward=64, queries=2)
WINDOWS = replace(
    baselines.mttr.config.SIZES["mini"], backbone=VideoSwinSize(16, (1, 1, 1), (1, 1, 2)), feedforward=64, queries=4
)
TRACKER = replace(referring_detector.SIZES["mini"], levels=3, detect_queries=6)


def shrink_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the size ``mini`` of ReferFormer and its successors, of MTTR, LoSh, and of the trackers a tiny one."""
    monkeypatch.setitem(language_queries.LANGUAGE_QUERIES_SIZES, "mini", QUERIES)
    monkeypatch.setitem(baselines.mttr.config.SIZES, "mini", WINDOWS)
    monkeypatch.setitem(referring_detector.SIZES, "mini", TRACKER)


def query_case(method: str, *settings: str, variant: str) -> Case:
    """ReferFormer or one of its successors."""
    fixed = (
        "batch_size=2", "sentences=null", "num_frames=3", "scales=[64]", "max_size=96", "augment=false", "lr=2e-3",
        "lr_backbone=2e-3", "lr_text_encoder=2e-3", "lr_linear_proj_mult=0.3",
    )  # fmt: skip
    return Case(method, (*fixed, *settings), {"short": 64}, variant)


def window_case(method: str, *settings: str, variant: str) -> Case:
    """MTTR or LoSh."""
    fixed = (
        "batch_size=2", "sentences=null", "window_size=4", "train_short_size=64", "train_max_size=96",
        "horizontal_flip=false", "lr=1e-3", "lr_backbone=1e-3", "text_encoder_lr=1e-3",
    )  # fmt: skip
    return Case(method, (*fixed, *settings), {"short": 64, "longest": 96}, variant)


def tracker_case(method: str, *settings: str) -> Case:
    """TransRMOT or TempRMOT from frames."""
    fixed = (
        "sampler_lengths=2", f"scales=[{HEIGHT}]", f"max_size={WIDTH}", "sentences=null", "lr=1.5e-3",
        "lr_backbone=1.5e-3", "lr_linear_proj_mult=1.0", "epochs=4", "lr_drop=3",
    )  # fmt: skip
    return Case(
        method, (*fixed, *settings), {"short": HEIGHT, "longest": WIDTH}, variant="scratch", files=with_tokenizer
    )


def caption_case(method: str, *settings: str) -> Case:
    """VAST or CEN."""
    fixed = ("batch_size=2", "sentences=2", "warm_up=1", "flip=1.0")
    return Case(
        method,
        (*fixed, *settings),
        {"frames": 2, "max_new_tokens": 3},
        files=lambda path: {"model": path, "vocabulary": path.with_name(f"{method}_scratch_tokenizer.json")},
        variant="scratch",
    )
