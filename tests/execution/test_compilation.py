"""``run --compile``."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from mevis_bench.execution.compilation import compile_layers
from mevis_bench.records import UsageError
from tests.fixtures.runs import run_once
from tests.fixtures.tiny_split import write_fake_method


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.stages = nn.ModuleList(
            [nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)]), nn.ModuleList([nn.Linear(4, 4)])]
        )
        self.last = nn.Sequential(nn.Linear(4, 4))
        self.last.layers = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.ModuleList([nn.Linear(4, 4)]))])


def compiled(network: nn.Module) -> set[str]:
    return {name for name, module in network.named_modules() if module._compiled_call_impl is not None}


def test_repeated_layers_are_compiled_and_nothing_inside_or_around_them() -> None:
    network = Network()
    method: Any = SimpleNamespace(inner=SimpleNamespace(network=network, options=None))
    compile_layers(method, "fake")
    assert compiled(network) == {"stages.0.0", "stages.0.1", "stages.1.0", "last.layers.0"}


@pytest.mark.parametrize("attributes", [{}, {"network": nn.Linear(4, 4)}])
def test_a_method_without_such_layers_is_refused(attributes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="fake has no layers that can be compiled in this process") as raised:
        compile_layers(SimpleNamespace(**attributes), "fake")  # type: ignore[arg-type]
    assert raised.value.location == "--compile"


def test_run_compiles_the_method_that_it_loads(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.Module, "compile", lambda module: setattr(module, "compiled_by_run", True))
    code = """
import torch

class FakeNetwork(Fake):
    def __init__(self, setup):
        super().__init__(setup)
        self.network = torch.nn.Sequential(torch.nn.ModuleList([torch.nn.Linear(1, 1)]))

    def predict(self, video, prompts):
        assert self.network[0][0].compiled_by_run
        return super().predict(video, prompts)

def load(setup):
    return FakeNetwork(setup)
"""
    write_fake_method(workspace / "methods", code)
    assert run_once(workspace, compile=True).failed == ()
    with pytest.raises(UsageError, match="compile: expected False, found True"):
        run_once(workspace)
