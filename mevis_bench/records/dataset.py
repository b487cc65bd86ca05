"""Facts of a data set, and the interface of one of its splits: all that runs, scoring and reports know of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mevis_bench.records.ground_truth import Expression, GroundTruth
from mevis_bench.records.hub_source import HubSource
from mevis_bench.records.task_names import TaskName
from mevis_bench.records.training import TrainingData


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """Facts of a data set, the same for all of its splits.

    Attributes:
        name: Registered name, for instance ``mevis_v2``; with ``version`` it is stored in manifest and results.
        version: Version of the data, which changes when its annotations do.
        title: Name in tables.
        tasks: Tasks that its expressions are samples of.
        splits: Names of the published splits; a folder may have others.
        license: License of the data, as its authors state it.
        protocol: Scoring protocol of its authors, for instance ``mevis_v2``.
        submission: Profile in ``configs/submission`` of its evaluation server; ``None``: it has none.
        default_split: Split that is meant where none is named.
        about: What it is, in a sentence or two.
        source: Where it can be had, and what has to be agreed to.
        layout: Expected files, as a tree.
        hub: By split, the place from which ``mevis-bench data get`` downloads it; a split that is not here is got by
            hand, see ``source``.
        counts: Known numbers of ``videos``, ``frames`` and ``expressions`` of the published splits, by split.
    """

    name: str
    version: str
    title: str
    tasks: tuple[TaskName, ...]
    splits: tuple[str, ...]
    license: str
    protocol: str
    submission: str | None = None
    default_split: str = "valid_u"
    about: str = ""
    source: str = ""
    layout: str = ""
    hub: Mapping[str, HubSource] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class Dataset(TrainingData, Protocol):
    """One split of a data set, opened. Implementations are in ``data/<name>/`` and registered in ``data.registry``.

    The unit of prediction is a sample, one :class:`Expression` of one video. Data sets of another shape are mapped to
    it when they are read:

    - **Several annotators** (Ref-DAVIS17): every annotator's sentence is an expression with an id of its own, for
      instance ``<object>_<annotator>``; expressions of one object share its ``annotation_ids``. The scoring protocol
      averages over annotators by that id.
    - **One mask per object, not per expression** (Refer-YouTube-VOS, Long-RVOS): ``annotation_ids`` has one entry.
    - **Union of objects** (MeViS, ReVOS): ``annotation_ids`` has several; ``GroundTruth.objects`` keeps them apart.
    - **Frame subsets** (Refer-YouTube-VOS: every fifth): :meth:`video` and :meth:`frame_names` list the frames that
      are predicted and scored, in order, and masks are given for these. A data set that scores single frames of a
      longer context (A2D-Sentences) makes one video per scored frame, with ``GroundTruth.scored``.
    - **0/1, 0/255 or palette masks** (PNG trees) and boxes (Refer-KITTI): the reader turns the pixels of one object
      into one ``Rle`` per frame, ``None`` where it has none; boxes are also in ``GroundTruth.boxes``. A frame
      without a file means what the data set's protocol says it means, absent or not annotated; the reader lists
      only annotated frames.
    - **Scored candidates** (A2D- and JHMDB-Sentences) belong to predictions: ``MaskPrediction.candidates``; ground
      truth stays one mask per sample.

    Attributes:
        info: Facts of the data set.
        split: Name of the split, for instance ``valid_u``.
        root: Its folder.
        has_ground_truth: Whether it can be scored here; hidden test splits are scored on a server.
        unscored_samples: Samples that the data set has but this split leaves out (Refer-KITTI: what the seqmap does not
            name). Predictions of them are ignored, and counted; of other unknown samples they are an error.
    """

    info: DatasetInfo
    split: str
    root: Path
    has_ground_truth: bool

    @property
    def unscored_samples(self) -> frozenset[str]:
        """See the class."""
        ...

    def frame_names(self, video_id: str) -> tuple[str, ...]:
        """Return the names of a video's frames, without suffix, in order; the files need not exist.

        Raises:
            UsageError: Unknown video.
            DataError: The video's entry is invalid.
        """
        ...

    def expressions(self, video_id: str) -> tuple[Expression, ...]:
        """Return the expressions of one video, in file order; raises like :meth:`frame_names`."""
        ...

    def ground_truth(self, video_id: str, expression_id: str) -> GroundTruth:
        """Return the ground truth of one expression.

        Raises:
            UsageError: Unknown video or expression, or the split has no ground truth.
            DataError: An annotation is missing or invalid.
        """
        ...
