"""Run a job of a GitHub workflow on this machine.

``python -m scripts.run_workflow .github/workflows/nightly.yml nightly``: bash executes the steps with ``run`` in order,
in the repository, as GitHub does (``bash -e``). Of the actions, checkout and set-up do nothing here, caches are folders
below ``--state``, and uploads are copied there. An unknown action or condition is an error: a workflow that passes has
no step that was not understood.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]


class Workflow:
    """One run of a job.

    Args:
        folder: The working directory of its steps.
        state: Folder of caches, uploads and the summary; kept from one run to the next.
        run_id: Number of this run, larger than those before.
    """

    def __init__(self, folder: Path, state: Path, run_id: int) -> None:
        self.folder, self.state, self.run_id = folder, state, run_id
        self.failed = False
        state.mkdir(parents=True, exist_ok=True)

    def run(self, job: Mapping[str, Any]) -> bool:
        """Run the steps of a job and return whether all passed."""
        for step in job["steps"]:
            if self.failed and step.get("if") != "always()":
                continue
            if step.get("if") not in (None, "always()"):
                raise ValueError(f"unknown condition: {step['if']}")
            if "run" in step:
                self._execute(step["run"])
            else:
                self._act(step["uses"].split("@")[0], step.get("with", {}))
        return not self.failed

    def _execute(self, command: str) -> None:
        print(f"$ {command}", flush=True)
        environment = {**os.environ, "CI": "true", "GITHUB_STEP_SUMMARY": str(self.state / "summary.md")}
        done = subprocess.run(["bash", "-e", "-c", command], cwd=self.folder, env=environment, check=False)
        self.failed = self.failed or done.returncode != 0

    def _act(self, action: str, values: Mapping[str, str]) -> None:
        given = {name: self._filled(str(value)) for name, value in values.items()}
        match action:
            case "actions/checkout" | "actions/setup-python":
                return
            case "actions/cache/restore":
                found = self._cache(given["key"], given["restore-keys"])
                if found is not None:
                    shutil.copytree(found, self.folder / given["path"], dirs_exist_ok=True)
            case "actions/cache/save":
                self._keep(given["path"], self.state / "caches" / given["key"])
            case "actions/upload-artifact":
                self._keep(given["path"], self.state / "artifacts" / given["name"])
            case "actions/upload-pages-artifact":
                self._keep(given["path"], self.state / "artifacts" / "github-pages")
            case _:
                raise ValueError(f"unknown action: {action}")
        print(f"{action}: {given}", flush=True)

    def _filled(self, text: str) -> str:
        filled = re.sub(r"\$\{\{ *github\.run_id *\}\}", str(self.run_id), text)
        if "${{" in filled:
            raise ValueError(f"unknown expression: {text}")
        return filled

    def _cache(self, key: str, prefix: str) -> Path | None:
        folders = list((self.state / "caches").glob(f"{prefix}*"))
        exact = [folder for folder in folders if folder.name == key]
        return max(exact or folders, key=lambda folder: int(folder.name.removeprefix(prefix)), default=None)

    def _keep(self, path: str, target: Path) -> None:
        if not (self.folder / path).exists():
            print(f"warning: nothing at {path}", flush=True)
            return
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.folder / path, target)


def main() -> int:
    """Run the command line; return 0 if every step passed, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workflow", type=Path)
    parser.add_argument("job")
    parser.add_argument("--state", type=Path, default=ROOT / "build" / "workflow", help="folder of caches and uploads")
    parser.add_argument("--run-id", type=int, default=1, help="number of the run, larger than those before")
    arguments = parser.parse_args()
    jobs = yaml.safe_load(arguments.workflow.read_text())["jobs"]
    return int(not Workflow(ROOT, arguments.state, arguments.run_id).run(jobs[arguments.job]))


if __name__ == "__main__":
    sys.exit(main())
