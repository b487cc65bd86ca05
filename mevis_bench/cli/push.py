"""``mevis-bench push``: upload a run."""

from mevis_bench.cli import arguments, options


def command(
    run: arguments.FinishedRun,
    repo: arguments.HubRepo,
    to: options.PushTarget = "hub",
    private: options.PrivateRepo = False,
    dry_run: options.PushPlan = False,
    json: options.Json = False,
) -> None:
    """Upload a finished run (results, manifest, predictions) to the Hugging Face hub as a data set with a card."""
    from pathlib import Path

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.reports.hub_card import hub_card
    from mevis_bench.runs.push import facts_to_push, files_to_push, push
    from mevis_bench.store.run_folder import RunFolder
    from mevis_bench.store.score_files import read_results

    files = files_to_push(run)
    results = read_results(run) if (run / "results.json").is_file() else None
    card = hub_card(RunFolder(run).read_manifest(), results, facts_to_push(run), repo)
    if dry_run:
        sizes = {
            name: content.stat().st_size if isinstance(content, Path) else len(content)
            for name, content in files.items()
        }
        if json:
            print_json({"repo": repo, "to": to, "files": sizes, "card": card})
        else:
            for name, size in sizes.items():
                out().print(f"{size:>12,}  {name}", markup=False, soft_wrap=True)
            out().print(card, markup=False, soft_wrap=True)
        return
    pushed = push(files, card, repo, private=private)
    if json:
        print_json({"repo": repo, "commit": pushed.commit, "url": pushed.url})
    else:
        out().print(f"{pushed.url}\nback: mevis-bench pull {repo} --out DIR", markup=False, soft_wrap=True)
