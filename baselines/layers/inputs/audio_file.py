"""Reading of audio files as the waveforms that audio encoders take."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from baselines.layers.inputs.sinc_resample import resample
from mevis_bench.records import DataError


def read_audio(path: Path, rate: int) -> NDArray[np.float32]:
    """Read an audio file (wav, flac, ogg, mp3) as one channel at a given rate.

    Args:
        path: The file, any rate, any number of channels; the channels are averaged.
        rate: Output rate in Hz, > 0.

    Returns:
        float32 ``(n,)``, full scale is -1..1 (band-limited interpolation may overshoot it a little), n >= 1.

    Raises:
        DataError: The file is missing, not an audio file, or empty.
    """
    import soundfile

    try:
        samples, file_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        reason = "file is missing" if not path.is_file() else str(error)
        raise DataError(f"cannot read audio: {reason}", location=str(path)) from error
    if len(samples) == 0:
        raise DataError("audio file has no samples", location=str(path))
    waveform = torch.from_numpy(samples.mean(axis=1))
    resampled: NDArray[np.float32] = resample(waveform, file_rate, rate).numpy()
    return resampled
