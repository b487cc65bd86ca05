"""Reads ReVOS: one mask dictionary for all splits, several objects per expression, kinds of expressions."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from mevis_bench.data.frame_folders import Track, VideoTruth
from mevis_bench.data.mask_dictionaries import MaskDictionary
from mevis_bench.data.mevis.annotations import parse_track
from mevis_bench.files.strict_json import read_json
from mevis_bench.masks.rle import to_rles
from mevis_bench.records import Expression
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.schemas.decode import decode_external, decode_key
from mevis_bench.schemas.external import RevosExpression, RevosForeground

KINDS = ("referring", "reasoning", "no_target")
"""Kinds of expressions by ``type_id``."""


class RevosSplit(MaskDictionary):
    """One split of ReVOS."""

    def __init__(self, info: DatasetInfo, root: Path, split: str, meta: Path) -> None:
        super().__init__(info, root, split, meta=meta, masks=root / "mask_dict.json", frames="JPEGImages")
        self._foreground_path = root / "mask_dict_foreground.json"

    def annotation_files(self) -> Sequence[Path]:
        """See :class:`FrameFolders`."""
        return [*super().annotation_files(), *([self._foreground_path] if self._foreground_path.is_file() else [])]

    def parse_expression(self, expression_id: str, raw: object, location: str) -> Expression:
        """See :class:`MaskDictionary`."""
        entry = decode_external(raw, RevosExpression, location)
        ids = self.object_ids(entry.anno_id, location)
        return Expression(expression_id, entry.exp, ids, kind=KINDS[entry.type_id])

    def regions_of(self, video_id: str, truth: VideoTruth) -> Mapping[str, Track]:
        """Return the released foreground; without its file the union of the objects that this split refers to."""
        length = len(self._entry(video_id).frames)
        if self._foreground is None:
            union = np.zeros((length, truth.height, truth.width), bool)
            for track in truth.objects.values():
                for frame, mask in zip(union, track, strict=True):
                    frame |= False if mask is None else mask.decode()
            return {"foreground": to_rles(union)}
        location = f"{self._foreground_path}, video {video_id}"
        masks = decode_key(self._foreground.get(video_id), RevosForeground, "masks_rle", location, deep=False)
        return {"foreground": parse_track(masks, length, location)}

    @cached_property
    def _foreground(self) -> Mapping[str, object] | None:
        """Masks of all objects that are referred to, by video; ``None``: the file is not there."""
        path = self._foreground_path
        if not path.is_file():
            return None
        return decode_external(read_json(path), dict[str, object], str(path))
