"""Every stored format with a schema, for the reference documentation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mevis_bench.schemas.baseline import Baseline
from mevis_bench.schemas.external import (
    A2dQuery,
    BoxDict,
    CocoGroundTruth,
    GroundMoreQuestions,
    JhmdbQuery,
    LongRvosExpressions,
    MaskDict,
    MevisExpressions,
    PredictionFile,
    ReasonVosExpressions,
    ReferKittiExpression,
    ReferredExpressions,
    RevosExpressions,
    RevosForeground,
)
from mevis_bench.schemas.history import HistoryEntry
from mevis_bench.schemas.license_agreements import LicenseAgreements
from mevis_bench.schemas.manifest import Manifest
from mevis_bench.schemas.method_file import MethodSpec
from mevis_bench.schemas.paper_table import PublishedTable
from mevis_bench.schemas.predictions import CandidatesLine, CaptionLine, MasksLine, PointsLine, TracksLine
from mevis_bench.schemas.published_results import PublishedResults
from mevis_bench.schemas.push_record import PushRecord
from mevis_bench.schemas.run_config import RunConfig
from mevis_bench.schemas.samples import SampleStatus
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.schemas.stage_state import StageCurves, StageState
from mevis_bench.schemas.submission import SubmissionProfile, SubmissionRecord
from mevis_bench.schemas.suite import Suite
from mevis_bench.schemas.train_config import TrainSections
from mevis_bench.schemas.training import TrainingRecord
from mevis_bench.schemas.transcripts import CachedTranscript, TranscriptReport
from mevis_bench.schemas.weights_record import WeightsRecord


@dataclass(frozen=True, slots=True)
class Format:
    """One stored format.

    Attributes:
        name: Name of its page and of its JSON Schema.
        kind: Type of one document, or of one line.
        encoding: ``lines``: one JSON document per line.
        files: Where such files are.
        other_keys: Whether a file has keys in addition to the fields of ``kind``, which the method checks.
        external: Whether other tools write such files: keys that are not read are ignored.
    """

    name: str
    kind: Any
    encoding: Literal["yaml", "json", "lines"]
    files: str
    other_keys: bool = False
    external: bool = False


_PREDICTIONS = "`predictions/<video>.jsonl` of a run folder, one line per sample, `expression` first:"

FORMATS: tuple[Format, ...] = (
    Format("manifest", Manifest, "json", "`manifest.json` of a run folder"),
    Format("samples", SampleStatus, "lines", "`samples.jsonl` of a run folder: one line per finished sample"),
    Format("predicted-masks", MasksLine, "lines", f"{_PREDICTIONS} masks, by methods for `rvos` and `avos`"),
    Format("predicted-candidates", CandidatesLine, "lines", f"{_PREDICTIONS} masks with other candidates"),
    Format("predicted-tracks", TracksLine, "lines", f"{_PREDICTIONS} boxes with identities, for `rmot`"),
    Format("predicted-points", PointsLine, "lines", f"{_PREDICTIONS} points with identities, for `rvos` and `avos`"),
    Format("predicted-caption", CaptionLine, "lines", f"{_PREDICTIONS} a sentence, for `rmeg`"),
    Format("scores", SampleScore, "lines", "`scores.jsonl` of a scored folder: one line per sample, sorted"),
    Format("results", Results, "json", "`results.json` of a scored folder"),
    Format("method", MethodSpec, "yaml", "`method.yaml` of a method's folder"),
    Format("run-config", RunConfig, "yaml", "the file of `mevis-bench run FILE`"),
    Format("suite", Suite, "yaml", "`configs/suites/<name>.yaml`, the file of `mevis-bench suite FILE`"),
    Format("train-config", TrainSections, "yaml", "`configs/train/<method>-<variant>.yaml`", other_keys=True),
    Format("slices", Mapping[str, str], "yaml", "the file of `mevis-bench score --slices FILE`: conditions by name"),
    Format("baseline", Baseline, "json", "`configs/suites/<suite>.expected.json`, from `mevis-bench accept`"),
    Format(
        "history", HistoryEntry, "lines", "`history.jsonl`: one line per run and date, from `mevis-bench history add`"
    ),
    Format("paper-table", PublishedTable, "yaml", "`configs/paper/table_<NN>.yaml`"),
    Format("published-results", PublishedResults, "yaml", "`configs/published/<name>.yaml`"),
    Format("submission-profile", SubmissionProfile, "yaml", "`configs/submission/<name>.yaml`"),
    Format("submission-record", SubmissionRecord, "json", "`<zip>.manifest.json`, from `mevis-bench submit pack`"),
    Format("weights-record", WeightsRecord, "json", "`<file>.origin.json` next to weights in the user's store"),
    Format(
        "license-agreements",
        LicenseAgreements,
        "json",
        "`licenses.json` in `~/.cache/mevis-bench`, from `mevis-bench weights get` and `data get`",
    ),
    Format("push-record", PushRecord, "json", "`push.json` of a repository, from `mevis-bench push`"),
    Format("training", TrainingRecord, "json", "`training.json` of a training's folder, from `mevis-bench train`"),
    Format("stage-state", StageState, "json", "the entry `state` in the metadata of `checkpoints/<stage>.safetensors`"),
    Format("stage-curves", StageCurves, "json", "`curves/<stage>.json` of a training's folder"),
    Format("transcripts", TranscriptReport, "json", "`transcripts.json` of a run with the bridge `speech_to_text`"),
    Format(
        "cached-transcript",
        CachedTranscript,
        "json",
        "`transcripts/<recognizer>/<sound>.json` in `~/.cache/mevis-bench`, named by hashes of both files",
    ),
    Format(
        "mevis-expressions", MevisExpressions, "json", "`meta_expressions*.json` of a split of MeViS", external=True
    ),
    Format("mevis-masks", MaskDict, "json", "`mask_dict.json` of a split of MeViS", external=True),
    Format("mevis-boxes", BoxDict, "json", "`box_dict.json` of a split that `data import` wrote"),
    Format(
        "refer-youtube-vos-expressions",
        ReferredExpressions,
        "json",
        "`meta_expressions.json` of Refer-YouTube-VOS and of data sets in its layout, with ground truth",
        external=True,
    ),
    Format("revos-expressions", RevosExpressions, "json", "`meta_expressions_<split>_.json` of ReVOS", external=True),
    Format(
        "revos-foreground",
        Mapping[str, RevosForeground],
        "json",
        "`mask_dict_foreground.json` of ReVOS, by video",
        external=True,
    ),
    Format(
        "long-rvos-expressions",
        LongRvosExpressions,
        "json",
        "`<split>/meta_expressions.json` of Long-RVOS",
        external=True,
    ),
    Format(
        "reason-vos-expressions", ReasonVosExpressions, "json", "`meta_expressions.json` of ReasonVOS", external=True
    ),
    Format("groundmore-questions", GroundMoreQuestions, "json", "`<split>_v2.json` of GroundMoRe", external=True),
    Format(
        "a2d-sentences-queries",
        tuple[A2dQuery, ...],
        "json",
        "`a2d_sentences_single_frame_<split>_annotations.json` of A2D-Sentences: a list of lists of sentence, clip, "
        "frame from 1 and instance from 0",
        external=True,
    ),
    Format(
        "jhmdb-sentences-queries",
        tuple[JhmdbQuery, ...],
        "json",
        "`jhmdb_sentences_samples_metadata.json` of JHMDB-Sentences: a list of lists of video, path of the frame, path "
        "of the mask, number of usable frames and sentence",
        external=True,
    ),
    Format(
        "coco-ground-truth",
        CocoGroundTruth,
        "json",
        "`*_annotations_in_coco_format.json` of A2D- and JHMDB-Sentences",
        external=True,
    ),
    Format(
        "refer-kitti-expression",
        ReferKittiExpression,
        "json",
        "`expression/<video>/<name>.json` of Refer-KITTI",
        external=True,
    ),
    Format(
        "json-predictions",
        PredictionFile,
        "json",
        "predictions of other tools in one file, for `mevis-bench score`",
        external=True,
    ),
)
