"""AVOS: segment what a spoken sentence refers to; a method does not get its text (the paper, section 3.3)."""

from dataclasses import replace

from mevis_bench.records import DataError, Expression, SpeechPrompt
from mevis_bench.records.dataset import Dataset
from mevis_bench.tasks.rvos import RVOS


def _prompt(split: Dataset, video_id: str, expression: Expression) -> SpeechPrompt:
    audio = split.audio(video_id, expression.id)
    if audio is None:
        raise DataError("the expression has no audio", location=f"{split.root}, {video_id}/{expression.id}")
    return SpeechPrompt(expression.id, audio)


AVOS = replace(
    RVOS,
    name="avos",
    title="Audio-guided video object segmentation",
    make_prompt=_prompt,
    paper_tables=(11,),
    example="mevis-bench run --task avos --method lmpmpp",
)
