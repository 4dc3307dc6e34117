"""`tradecore doctor`: what is wrong with this machine or workspace, and what to do about it."""

from __future__ import annotations

from typing import Annotated

import typer

from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import Json, Workspace
from tradecore.interfaces.cli.screen import Screen

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor(
    compile_kernels: Annotated[
        bool, typer.Option("--compile", help="Compile all kernels now, so that no later command waits for them.")
    ] = False,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Check this machine and workspace, with a remedy for what is wrong. Ends with 1 when something fails.

    Example: tradecore doctor --compile
    """
    from tradecore.core.errors import NothingThereError
    from tradecore.ops.doctor import Finding, Health, examine

    screen = Screen(as_json)
    if compile_kernels:
        from tradecore.control.kernels import compile_all

        with screen.progress() as progress:
            compiled = compile_all(progress)
        screen.say(f"compiled {compiled.functions} functions in {compiled.seconds:.0f} s; the rest was ready")
    try:
        findings = examine(open_lab(workspace))
    except NothingThereError as error:
        findings = [*examine(None), Finding("workspace", Health.WARNING, str(error), "tradecore init")]
    screen.table(("check", "", "seen"), [(item.check, item.health, item.seen) for item in findings])
    for item in findings:
        if item.remedy:
            screen.paragraph(f"{item.check}: {item.remedy}")
    failed = [item for item in findings if item.health is Health.BAD]
    screen.say(f"{len(failed)} of {len(findings)} checks failed" if failed else "all is well")
    screen.answer({"healthy": not failed, "findings": findings})
    if failed:
        raise typer.Exit(1)
