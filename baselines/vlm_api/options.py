"""Options of the variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from baselines.layers.options import Color, Count, Fraction

Price = Annotated[float, Meta(ge=0)]
"""Price of a million tokens, in US dollars."""

Positive = Annotated[float, Meta(gt=0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        base_url: Address before ``/chat/completions``; ``None``: the environment variable ``OPENAI_BASE_URL``.
        model: The model's name at the endpoint; empty: none is chosen yet.
        key_variable: Environment variable with the key; ``None``: the server needs none. The key is stored nowhere.
        prompt: Instruction, sent after the frames.
        mark: Mark of the targets in the frames.
        color: Color of overlay and contour.
        alpha: Opacity of the overlay, 0..1.
        line: Width of contours, in pixels of the video.
        margin: Margin of the crop, as a fraction of the longer side of the targets' box.
        frames: Number of frames, the middles of equal parts of the video.
        longest: Upper bound of the long side of a frame that is sent, in pixels.
        jpeg_quality: 1..95.
        temperature: 0: the most likely answer; ``None``: not sent, for models that do not take it.
        max_tokens: Upper bound of an answer's tokens.
        token_limit_key: Key of the request that holds ``max_tokens``; newer services know the second one only.
        concurrency: Requests at the same time, per process.
        requests_per_minute: Upper bound per process; ``None``: there is none.
        timeout_seconds: Time limit of one request.
        max_attempts: Failures in a row of one request after which the run stops.
        input_price: Of a million input tokens, US dollars.
        output_price: Of a million output tokens, US dollars.
    """

    base_url: str | None
    model: str
    key_variable: str | None
    prompt: str
    mark: Literal["overlay", "contour", "crop", "numbers"]
    color: Color
    alpha: Fraction
    line: Count
    margin: Annotated[float, Meta(ge=0)]
    frames: Count
    longest: Annotated[int, Meta(ge=32)]
    jpeg_quality: Annotated[int, Meta(ge=1, le=95)]
    temperature: Annotated[float, Meta(ge=0, le=2)] | None
    max_tokens: Count
    token_limit_key: Literal["max_tokens", "max_completion_tokens"]
    concurrency: Count
    requests_per_minute: Positive | None
    timeout_seconds: Positive
    max_attempts: Count
    input_price: Price
    output_price: Price
