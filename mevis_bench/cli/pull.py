"""``mevis-bench pull``: get a pushed run."""

from mevis_bench.cli import arguments, options


def command(
    repo: arguments.HubRepo,
    out: options.NewFolder,
    revision: options.PulledRevision = None,
    json: options.Json = False,
) -> None:
    """Download a run that was pushed to the Hugging Face hub, and verify every file and that it is complete."""
    from mevis_bench.cli.console import out as stdout
    from mevis_bench.cli.console import print_json
    from mevis_bench.runs.push import pull

    commit = pull(repo, out, revision)
    if json:
        print_json({"run": str(out), "repo": repo, "commit": commit})
    else:
        stdout().print(f"{out}: {repo} at {commit}, verified", markup=False, soft_wrap=True)
