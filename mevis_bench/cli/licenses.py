"""Agreement of the user to licenses before a download, each once."""

import sys
from collections.abc import Mapping

import typer

from mevis_bench.cli.console import err
from mevis_bench.records import UsageError
from mevis_bench.store.license_agreements import agreements_file, open_licenses, record_agreement


def agree(licenses: Mapping[str, str], *, accept: bool) -> None:
    """Show licenses that the user has not agreed to yet, have them agreed to, and record that.

    Args:
        licenses: License by repository.
        accept: The user agreed by an option.

    Raises:
        UsageError: The user does not agree, or there is no terminal for the question.
    """
    file = agreements_file()
    open_ = open_licenses(licenses, file)
    if not open_:
        return
    for repo, text in open_.items():
        err().print(f"{repo}: license {text}", markup=False, soft_wrap=True)
    if not accept:
        if not sys.stdin.isatty():
            raise UsageError("the license has to be agreed to before the download", hint="Give --accept-license.")
        if not typer.confirm("Agree?", err=True):
            raise UsageError("not downloaded: the license was not agreed to")
    record_agreement(open_, file)
