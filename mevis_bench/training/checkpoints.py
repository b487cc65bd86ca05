"""Checkpoints of a stage: safetensors only, complete or absent.

``<out>/checkpoints/<stage>.safetensors`` is the last one, ``<stage>.best.safetensors`` that of the best evaluation. A
checkpoint has the trained parameters and all buffers (``model.``), the optimizer's state (``optimizer.``), the moving
average (``ema.``), the loss sums since the last point of the curve (``sums.``), and as metadata ``state``, a
:class:`StageState` as JSON.
"""

import errno
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mevis_bench.files.atomic import atomic_path
from mevis_bench.records import DataError, MevisBenchError
from mevis_bench.schemas.json_files import decode_json, encode_line
from mevis_bench.schemas.stage_state import StageState

FOLDER = "checkpoints"

_HINT = "Remove the file to start the stage again, or restore it."


def trained_parameters(module: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters that require a gradient, by name."""
    return {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}


def model_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Trained parameters and all buffers: what a stage may change."""
    frozen = {name for name, parameter in module.named_parameters() if not parameter.requires_grad}
    return {name: value.detach() for name, value in module.state_dict().items() if name not in frozen}


def load_model(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load what `model_tensors` returned.

    Raises:
        DataError: The tensors belong to another module.
    """
    check_match(tensors, model_tensors(module), path)
    module.load_state_dict(dict(tensors), strict=False)


def check_match(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    """Compare names, shapes and kinds of numbers of a checkpoint's tensors with expected ones.

    Raises:
        DataError: They differ, so the checkpoint is of another model.
    """
    wrong = [name for name in {**expected, **tensors} if name not in expected or name not in tensors]
    wrong += [name for name in expected if name in tensors and _kind(expected[name]) != _kind(tensors[name])]
    if wrong:
        raise DataError(
            f"the checkpoint belongs to another model: {len(wrong)} tensors differ, for instance '{wrong[0]}'",
            location=str(path),
            hint="Give another --out, or remove the folder to start again.",
        )


def _kind(tensor: Tensor) -> tuple[tuple[int, ...], bool]:
    return tuple(tensor.shape), tensor.is_floating_point()


class CheckpointFiles:
    """Checkpoint files of one stage.

    Args:
        out: Folder of the training.
        stage: Name of the stage.
    """

    def __init__(self, out: Path, stage: str) -> None:
        self.last = out / FOLDER / f"{stage}.safetensors"
        self.best = out / FOLDER / f"{stage}.best.safetensors"

    def save(self, path: Path, tensors: Mapping[str, Tensor], state: StageState) -> None:
        """Write a checkpoint.

        Raises:
            MevisBenchError: The disk is full; the checkpoint before is kept.
        """
        tensors = {name: value.contiguous() for name, value in _without_aliases(tensors).items()}
        try:
            with atomic_path(path) as draft:
                save_file(tensors, draft, metadata={"state": encode_line(state).rstrip()})
                with draft.open("rb") as file:
                    os.fsync(file.fileno())
        except (OSError, SafetensorError) as error:
            if not _is_disk_full(error):
                raise
            raise MevisBenchError(
                f"the disk is full: the checkpoint of step {state.step} cannot be written; {self.describe()}",
                location=str(path),
                hint="Free some space and start the same command again: it continues.",
            ) from error

    def load(self, path: Path) -> tuple[dict[str, Tensor], StageState]:
        """Read a checkpoint.

        Raises:
            DataError: The file is not a checkpoint.
        """
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (a handle, not a dict)
                state = (file.metadata() or {}).get("state")
        except SafetensorError as error:
            raise DataError(f"not a checkpoint of a training: {error}", location=str(path), hint=_HINT) from error
        if state is None:
            raise DataError("not a checkpoint of a training: it has no state", location=str(path), hint=_HINT)
        return tensors, decode_json(state, StageState, f"{path}, state", hint=_HINT)

    def describe(self) -> str:
        """Return a description of the checkpoint from which training would continue."""
        if not self.last.is_file():
            return "no earlier checkpoint was found"
        _, state = self.load(self.last)
        return f"the last good checkpoint is that of step {state.step}, {self.last}"


def pack_optimizer(optimizer: torch.optim.Optimizer, trained: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """State of an optimizer by parameter and key."""
    return {
        f"optimizer.{name}/{key}": value
        for name, parameter in trained.items()
        for key, value in optimizer.state[parameter].items()
    }


def unpack_optimizer(
    optimizer: torch.optim.Optimizer,
    trained: Mapping[str, nn.Parameter],
    tensors: Mapping[str, Tensor],
    steps: int,
    path: Path,
) -> None:
    """Restore what `pack_optimizer` returned.

    Args:
        optimizer: AdamW.
        trained: Its parameters by name.
        tensors: All tensors of the checkpoint.
        steps: Optimizer steps that were done.
        path: The checkpoint.

    Raises:
        DataError: The state is that of another optimizer.
    """
    packed = part(tensors, "optimizer.")
    moved = {name: parameter for name, parameter in trained.items() if f"{name}/step" in packed}
    counts = {f"{name}/step": torch.tensor(float(steps)) for name in moved}
    moments = {f"{name}/{key}": value for name, value in moved.items() for key in ("exp_avg", "exp_avg_sq")}
    check_match(packed, {**counts, **moments}, path)
    for key, value in packed.items():
        name, _, field_name = key.rpartition("/")
        if field_name == "step" and not 1 <= float(value) <= steps:
            raise DataError(
                f"the optimizer's state is invalid: {float(value):g} steps of '{name}' in a training of {steps}",
                location=str(path),
                hint=_HINT,
            )
        optimizer.state[trained[name]][field_name] = value.to(trained[name].device) if value.dim() else value


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Tensors whose names start with ``prefix``, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _without_aliases(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors that share memory with an earlier one (tied weights): safetensors refuses them."""
    seen: set[int] = set()
    copied = {}
    for name, value in tensors.items():
        pointer = value.untyped_storage().data_ptr()
        copied[name] = value.clone() if pointer in seen else value
        seen.add(pointer)
    return copied


def _is_disk_full(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return any(f"(os error {number})" in str(error) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
