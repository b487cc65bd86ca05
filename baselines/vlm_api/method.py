"""Frames with marked targets, as JPEG data URLs, and an instruction: to a chat endpoint; its answer: the sentence."""

import base64
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from baselines.layers.chat.client import ChatClient, Endpoint, user_message
from baselines.layers.chat.response_cache import ResponseCache, default_cache
from baselines.layers.inference.caption_view import sample_frames
from baselines.layers.inputs.marks import MarkStyle, mark_frames
from baselines.vlm_api.answer_text import answer_text
from baselines.vlm_api.options import Options
from mevis_bench.records import CaptionPrediction, DataError, MethodConfig, Prompt, TargetMasks, UsageError, Video


class VlmApi:
    """A model behind a chat endpoint.

    Args:
        client: Client of the endpoint.
        options: The variant's options.
        seed: Sent with every request; services may ignore it.
    """

    def __init__(self, client: ChatClient, options: Options, seed: int) -> None:
        self.client, self.options, self.seed = client, options, seed

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[CaptionPrediction]:
        """Yield one sentence per target set, in order; up to ``concurrency`` requests are under way.

        Raises:
            TypeError: A prompt is not a target set.
            MethodUnavailableError: The service keeps failing.
            MethodError: It refuses a request.
        """
        indices = sample_frames(len(video), self.options.frames)
        decoded = {index: video.frame(index) for index in sorted(set(indices))} if len(prompts) else {}
        frames = [decoded[index] for index in indices if decoded]
        with ThreadPoolExecutor(self.options.concurrency) as pool:
            pending = [pool.submit(self.describe, video, frames, indices, prompt) for prompt in prompts]
            try:
                for future in pending:
                    yield future.result()
            finally:
                for future in pending:
                    future.cancel()

    def describe(
        self, video: Video, frames: Sequence[NDArray[np.uint8]], indices: Sequence[int], prompt: Prompt
    ) -> CaptionPrediction:
        """Return the sentence about one target set, from frames ``(h, w, 3)`` at ``indices``."""
        if not isinstance(prompt, TargetMasks):
            raise TypeError(f"vlm_api requires target masks, got {type(prompt).__name__}")
        options = self.options
        red, green, blue = options.color
        style = MarkStyle(options.mark, (red, green, blue), options.alpha, options.line, options.margin)
        marked = mark_frames(np.stack(frames), target_masks(video, prompt, indices), style)
        images = [data_url(frame, options.longest, options.jpeg_quality) for frame in marked]
        request: dict[str, object] = {
            "model": options.model,
            "messages": [user_message(images, options.prompt)],
            options.token_limit_key: options.max_tokens,
            "seed": self.seed,
        }
        if options.temperature is not None:
            request["temperature"] = options.temperature
        raw = self.client.complete(request).text
        text = answer_text(raw)
        return CaptionPrediction(text, raw=None if raw == text else raw)

    def usage_counters(self) -> Mapping[str, float]:
        """See :class:`mevis_bench.records.usage_counters.CountsUsage`."""
        counts = self.client.counts()
        options = self.options
        dollars = counts["input_tokens"] * options.input_price + counts["output_tokens"] * options.output_price
        return {**counts, "usd": dollars / 1e6}

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


def target_masks(video: Video, target: TargetMasks, indices: Sequence[int]) -> NDArray[np.bool_]:
    """Return the masks of the target objects in some frames: bool ``(n, t, h, w)``.

    Raises:
        DataError: A mask is broken or not of the video's size.
    """
    masks = np.zeros((len(target.objects), len(indices), video.height, video.width), bool)
    for number, rles in enumerate(target.objects):
        for position, index in enumerate(indices):
            rle, location = rles[index], f"{video.id}/{target.id}, frame {index}"
            if rle is None:
                continue
            if (rle.height, rle.width) != (video.height, video.width):
                size = f"{rle.width}x{rle.height}"
                raise DataError(f"mask is {size}, the video is {video.width}x{video.height}", location=location)
            masks[number, position] = rle.decode(location)
    return masks


def data_url(frame: NDArray[np.uint8], longest: int, quality: int) -> str:
    """Encode RGB ``(h, w, 3)`` as JPEG in a data URL; a longer side than ``longest`` pixels is scaled down to it."""
    image = Image.fromarray(frame)
    image.thumbnail((longest, longest), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def load(config: MethodConfig[Options]) -> VlmApi:
    """Prepare the client; nothing is sent.

    Raises:
        UsageError: Endpoint, model or key is missing.
    """
    options = config.options
    base_url = options.base_url or os.environ.get("OPENAI_BASE_URL")
    if not base_url:
        raise UsageError(
            "no endpoint is given",
            location="method.base_url",
            hint="Give --set method.base_url=http://HOST:PORT/v1, or set OPENAI_BASE_URL.",
        )
    if not options.model:
        raise UsageError("no model is given", location="method.model", hint="Give --set method.model=NAME.")
    key = None if options.key_variable is None else os.environ.get(options.key_variable)
    if options.key_variable is not None and not key:
        raise UsageError(
            f"the environment variable {options.key_variable} is not set",
            location="method.key_variable",
            hint="Set it to the key, or give --set method.key_variable=null where the server needs none.",
        )
    endpoint = Endpoint(base_url, key, options.timeout_seconds, options.max_attempts, options.requests_per_minute)
    return VlmApi(ChatClient(endpoint, ResponseCache(default_cache())), options, config.seed)
