"""``manifest.json`` of a run folder: what ran."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from mevis_bench.records.task_names import TaskName
from mevis_bench.schemas.json_files import Upgrade

RunStatus = Literal["running", "finished", "failed", "interrupted"]
Provenance = Literal["official", "trained-here", "api", "untrained", "heuristic"]

BUNDLED = "bundled"
"""Value of a manifest's ``data`` for the split that is shipped with the package."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Everything that decides a run's bytes. Runs of equal identity have one plan; one continues the other.

    Attributes:
        task: Name of the task.
        method: Name of the method.
        variant: Name of its variant.
        options: The variant's options, settings put over them.
        weights: sha256 by name in ``method.yaml``; ``None``: random weights of ``seed``.
        code: sha256 of the method's folder and of the layers it shares.
        bridge: Name and settings of the bridge that derives this task from another one; ``None``: the method supports
            the task itself.
        split: Name of the split.
        fingerprint: Hash of the split's annotation files.
        samples: ``<video>/<expression>``, in order of the data set.
        perturb: Change of the frames or the words before the method sees them; ``none``: unchanged.
        seed: Seed of all random numbers.
        device: ``cpu`` or ``cuda``.
        version: Version of mevis-bench.
        compile: Whether the networks' repeated layers were compiled, which changes the last digits of their outputs.
    """

    task: TaskName
    method: str
    variant: str
    options: Mapping[str, object]
    weights: Mapping[str, str] | None
    code: str
    bridge: Mapping[str, object] | None
    split: str
    fingerprint: str
    samples: tuple[str, ...]
    perturb: str
    seed: int
    device: str
    version: str
    compile: bool = False


@dataclass(frozen=True, slots=True)
class FrameFingerprint:
    """Fingerprint of the frame files of one video.

    Attributes:
        files: Hash of their names, sizes and times of change. It differs in a copy of the data.
        content: Hash of their names and bytes, compared where ``files`` differs.
    """

    files: str
    content: str


def _upgrade_2(manifest: dict[str, Any]) -> dict[str, Any]:
    """Schema 3 calls the shipped split ``bundled`` and a method without weights ``heuristic``."""
    upgraded = dict(manifest)
    if manifest.get("data") == "embedded":
        upgraded["data"] = BUNDLED
    if manifest.get("provenance") == "floor":
        upgraded["provenance"] = "heuristic"
    return upgraded


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about a run but its samples.

    Attributes:
        identity: Everything that decides its bytes.
        status: ``running`` (or killed: then no process holds the lock), ``finished``: every sample is ok, ``failed``:
            all were tried and some failed, ``interrupted``: Ctrl-C or a full disk.
        title: The variant's title, for tables.
        provenance: Origin of the weights: ``official``, ``trained-here``, ``untrained``; ``api``: they are behind an
            API; ``heuristic``: there are none.
        config: The resolved configuration.
        data: Folder of the split; ``bundled``: the one that is shipped.
        versions: Versions of Python and of the packages that results depend on.
        commit: Commit of the checkout that mevis-bench runs from; ``None``: not a checkout.
        machine: Names of host, processor, device, system.
        started: Time of the first start, ISO 8601 UTC.
        finished: Time of the end; ``None``: not ended.
        costs: Speed, parameters and memory; empty until the run ends.
        dataset: ``name`` and ``version`` of the data set; empty in files of older versions.
        frames: By video, the frames that were predicted on; without videos whose frames could not be opened, and empty
            in files of older versions.
        schema: Number of this layout.
    """

    identity: Identity
    status: RunStatus
    title: str
    provenance: Provenance
    config: Mapping[str, object]
    data: str
    versions: Mapping[str, str]
    commit: str | None
    machine: Mapping[str, str]
    started: str
    finished: str | None = None
    costs: Mapping[str, object] = field(default_factory=dict)
    dataset: Mapping[str, str] = field(default_factory=dict)
    frames: Mapping[str, FrameFingerprint] = field(default_factory=dict)
    schema: Literal[3] = 3

    upgrades: ClassVar[Mapping[int, Upgrade]] = {2: _upgrade_2}
