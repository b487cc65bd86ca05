"""Client of an OpenAI-compatible chat endpoint: retries, rate limit, time limit, token counts, cache."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from baselines.layers.chat.response_cache import ResponseCache
from mevis_bench.records import MethodError
from mevis_bench.records.retry import RESUME_HINT, MethodUnavailableError, RetryPolicy

TEMPORARY = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
"""HTTP statuses after which the same request may succeed."""

FATAL = frozenset({401, 402, 403, 404})
"""HTTP statuses that every other request would get, too: wrong key, no credit, no such model or address."""

MAX_WAIT_SECONDS = 60.0
"""Upper bound of the pause before a retry, whatever the server asks for."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A service and how it is used.

    Attributes:
        base_url: Address before ``/chat/completions``.
        key: Sent as a bearer token, stored nowhere; ``None``: the server needs none.
        timeout_seconds: Time limit of one request.
        max_attempts: Failures in a row of one request after which the run stops.
        requests_per_minute: Upper bound; ``None``: there is none.
    """

    base_url: str
    key: str | None
    timeout_seconds: float
    max_attempts: int
    requests_per_minute: float | None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the model.

    Attributes:
        text: As it came; may be empty.
        input_tokens: As the server counted them, 0 where it does not.
        output_tokens: The same, reasoning included.
        cached: Whether it came from the cache.
    """

    text: str
    input_tokens: int
    output_tokens: int
    cached: bool


class RateLimit:
    """Equal intervals between the starts of requests, over all threads.

    Args:
        per_minute: Upper bound of the requests per minute; ``None``: no limit.
    """

    def __init__(self, per_minute: float | None) -> None:
        self._interval = 60 / per_minute if per_minute else 0.0  # seconds
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next request may start."""
        with self._lock:
            start = max(time.monotonic(), self._next)
            self._next = start + self._interval
        time.sleep(max(0.0, start - time.monotonic()))


class ChatClient:
    """Requests to one endpoint, from any number of threads."""

    def __init__(self, endpoint: Endpoint, cache: ResponseCache) -> None:
        self.endpoint, self.cache = endpoint, cache
        headers = {} if endpoint.key is None else {"Authorization": f"Bearer {endpoint.key}"}
        self._http = httpx2.Client(headers=headers, timeout=endpoint.timeout_seconds)
        self._limit = RateLimit(endpoint.requests_per_minute)
        self._lock = threading.Lock()
        self._counts = {"requests": 0, "cached": 0, "input_tokens": 0, "output_tokens": 0}

    def complete(self, request: Mapping[str, object]) -> Answer:
        """Return the model's answer to a request, the body for ``/chat/completions``.

        Raises:
            MethodUnavailableError: The service keeps failing, or refuses every request.
            MethodError: It refuses this request, or its response is not one of a chat endpoint.
        """
        key = self.cache.key(self.endpoint.base_url, request)
        stored = self.cache.get(key)
        if stored is not None:
            answer = _parse(stored, cached=True)
        else:
            response = self._post(request)
            answer = _parse(response, cached=False)
            self.cache.put(key, response)
        with self._lock:
            self._counts["cached" if answer.cached else "requests"] += 1
            if not answer.cached:
                self._counts["input_tokens"] += answer.input_tokens
                self._counts["output_tokens"] += answer.output_tokens
        return answer

    def counts(self) -> Mapping[str, int]:
        """Return the numbers of answered requests, of answers from the cache, and of the requests' tokens."""
        with self._lock:
            return dict(self._counts)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _post(self, request: Mapping[str, object]) -> object:
        policy = RetryPolicy(self.endpoint.max_attempts)
        address = f"{self.endpoint.base_url.rstrip('/')}/chat/completions"
        wait = 1.0
        while True:
            self._limit.wait()
            try:
                response = self._http.post(address, json=request)
            except httpx2.HTTPError as error:
                policy.record_failure(f"{type(error).__name__}: {error}")
                pause = wait
            else:
                if response.status_code == 200:
                    return _json(response)
                failure = f"HTTP status {response.status_code}: {_message(response)}"
                if response.status_code in FATAL:
                    raise MethodUnavailableError(f"{address}: {failure}", hint=RESUME_HINT)
                if response.status_code not in TEMPORARY:
                    raise MethodError(f"{address}: {failure}")
                policy.record_failure(failure)
                pause = max(wait, _retry_after(response))
            policy.check(address)
            time.sleep(min(pause, MAX_WAIT_SECONDS))
            wait *= 2


def user_message(images: Sequence[str], text: str) -> dict[str, object]:
    """Return a message of images, as data URLs in order, and a text after them."""
    parts: list[dict[str, object]] = [{"type": "image_url", "image_url": {"url": url}} for url in images]
    return {"role": "user", "content": [*parts, {"type": "text", "text": text}]}


def _parse(response: object, *, cached: bool) -> Answer:
    body: Any = response
    try:
        text = body["choices"][0]["message"]["content"]
        usage = body.get("usage") or {}
        input_tokens, output_tokens = (int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens"))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise MethodError(f"not a response of a chat endpoint: {str(response)[:200]}") from error
    if text is not None and not isinstance(text, str):
        raise MethodError(f"not a response of a chat endpoint: {str(response)[:200]}")
    return Answer(text or "", input_tokens, output_tokens, cached)


def _json(response: httpx2.Response) -> object:
    try:
        body: object = response.json()
    except ValueError as error:
        raise MethodError(f"not a response of a chat endpoint: {response.text[:200]}") from error
    return body


def _message(response: httpx2.Response) -> str:
    """Return the server's words on an error."""
    try:
        return str(response.json()["error"]["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return response.text[:500] or response.reason_phrase


def _retry_after(response: httpx2.Response) -> float:
    """Return the seconds that the server asks to wait; 0: it does not say."""
    try:
        return max(0.0, float(response.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0
