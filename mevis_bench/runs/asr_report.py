"""Transcripts of a run's spoken expressions, and their word error rate."""

from mevis_bench.files.atomic import atomic_write
from mevis_bench.methods.speech_recognition import Transcripts, word_error_rate
from mevis_bench.runs.plan import RunPlan
from mevis_bench.schemas.json_files import encode_document
from mevis_bench.schemas.transcripts import SampleTranscript, TranscriptReport
from mevis_bench.store.run_folder import RunFolder


def write_asr_report(plan: RunPlan, folder: RunFolder) -> float | None:
    """Write ``transcripts.json``: every sentence, its transcript, and the word error rate over all of them.

    Returns:
        The word error rate; ``None``: the run has no bridge from speech, or no transcript.
    """
    bridge = plan.predictor.bridge
    if bridge is None or bridge.asr_model is None or bridge.transcripts is None:
        return None
    split = plan.dataset
    transcripts = Transcripts(bridge.asr_model, bridge.transcripts, plan.predictor.device)
    samples = {}
    for video in plan.videos:
        texts = {expression.id: expression.text for expression in split.expressions(video.video_id)}
        for expression_id in video.expression_ids:
            audio = split.audio(video.video_id, expression_id)
            transcript = None if audio is None else transcripts.cached(audio)
            if transcript is not None:
                samples[f"{video.video_id}/{expression_id}"] = SampleTranscript(texts[expression_id], transcript)
    rate = word_error_rate([(sample.sentence, sample.transcript) for sample in samples.values()])
    report = TranscriptReport(bridge.asr_model.name, rate, samples)
    atomic_write(folder.path / "transcripts.json", encode_document(report, indent=1))
    return rate
