"""What the speech recognizer made of a run's sentences, and how many words it got wrong."""

import json

from mevis_bench.files.atomic import atomic_write
from mevis_bench.methods.speech_recognition import Transcripts, word_error_rate
from mevis_bench.runs.plan import RunPlan
from mevis_bench.store.run_folder import RunFolder


def write_asr_report(plan: RunPlan, folder: RunFolder) -> float | None:
    """Write ``transcripts.json``: every sentence as written and as heard, and the word error rate over all of them.

    Returns:
        The word error rate; ``None``: the run took no bridge from speech, or nothing was heard.
    """
    bridge = plan.work.bridge
    if bridge is None or bridge.asr_model is None or bridge.transcripts is None:
        return None
    split = plan.dataset
    transcripts = Transcripts(bridge.asr_model, bridge.transcripts, plan.work.device)
    samples = {}
    for video in plan.videos:
        said = {expression.id: expression.text for expression in split.expressions(video.video_id)}
        for one in video.expression_ids:
            audio = split.audio(video.video_id, one)
            heard = None if audio is None else transcripts.known(audio)
            if heard is not None:
                samples[f"{video.video_id}/{one}"] = {"said": said[one], "heard": heard}
    rate = word_error_rate([(sample["said"], sample["heard"]) for sample in samples.values()])
    value = {"recognizer": bridge.asr_model.name, "word_error_rate": rate, "samples": samples}
    atomic_write(folder.path / "transcripts.json", json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    return rate
