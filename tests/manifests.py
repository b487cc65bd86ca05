"""Manifests for tests."""

from pathlib import Path

from mevis_bench.schemas.manifest import BUNDLED, Identity, Manifest


def manifest(
    *,
    task: str = "rvos",
    method: str = "m",
    variant: str = "v",
    samples: tuple[str, ...] = (),
    data: Path | None = None,
    split: str = "valid_u",
    fingerprint: str = "f00d",
) -> Manifest:
    """Return a manifest of a finished run."""
    identity = Identity(
        task=task,
        method=method,
        variant=variant,
        options={},
        weights={},
        code="c0de",
        bridge=None,
        split=split,
        fingerprint=fingerprint,
        samples=samples,
        perturb="none",
        seed=0,
        device="cpu",
        version="0.1.0",
    )
    return Manifest(
        identity=identity,
        status="finished",
        title="M",
        provenance="heuristic",
        config={"task": task, "method": f"{method}:{variant}"},
        data=BUNDLED if data is None else str(data),
        versions={"python": "3.11.7"},
        commit=None,
        machine={"host": "h"},
        started="2026-01-01T00:00:00+00:00",
        finished="2026-01-01T00:00:01+00:00",
    )
