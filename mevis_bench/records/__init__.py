"""Values that all layers share: video, prompt, prediction, truth, errors. Axes and units are stated here once."""

from mevis_bench.records.errors import (
    DataError,
    DeviceMemoryError,
    DownloadError,
    ExitCode,
    IncomparableError,
    MethodError,
    MevisBenchError,
    MissingWeightsError,
    NothingMeasuredError,
    UsageError,
)
from mevis_bench.records.ground_truth import Expression, GroundTruth
from mevis_bench.records.highlighted_video import HighlightedVideo
from mevis_bench.records.method import Method, MethodConfig
from mevis_bench.records.prediction import (
    CaptionPrediction,
    MaskPrediction,
    PointPrediction,
    Prediction,
    TrackPrediction,
)
from mevis_bench.records.prompt import Prompt, SpeechPrompt, TargetMasks, TextPrompt
from mevis_bench.records.rle import Rle
from mevis_bench.records.training import TrainingArguments, TrainingData
from mevis_bench.records.video import Video

__all__ = [
    "CaptionPrediction",
    "DataError",
    "DeviceMemoryError",
    "DownloadError",
    "ExitCode",
    "Expression",
    "GroundTruth",
    "HighlightedVideo",
    "IncomparableError",
    "MaskPrediction",
    "Method",
    "MethodConfig",
    "MethodError",
    "MevisBenchError",
    "MissingWeightsError",
    "NothingMeasuredError",
    "PointPrediction",
    "Prediction",
    "Prompt",
    "Rle",
    "SpeechPrompt",
    "TargetMasks",
    "TextPrompt",
    "TrackPrediction",
    "TrainingArguments",
    "TrainingData",
    "UsageError",
    "Video",
]
