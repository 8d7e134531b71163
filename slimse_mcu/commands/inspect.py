"""``slimse inspect``."""

from __future__ import annotations

from pathlib import Path

import click

from slimse_mcu.commands.options import json_option, print_json
from slimse_mcu.errors import ModelError


@click.command("inspect")
@click.argument("what", metavar="MODEL|PROJECT")
@json_option
def command(what: str, as_json: bool) -> None:
    """Show what is in a model or in a compiled project.

    For a .keras file or zoo:NAME: layers, gates and what they skip, MACs with all gates open and closed. For a folder
    that `slimse compile` wrote: provenance, memory, MACs and layers.
    """
    from slimse_mcu import screen

    if Path(what).is_dir():
        from slimse_mcu.emit import read_project

        manifest = read_project(Path(what)).manifest
        if as_json:
            print_json(manifest)
            return
        try:
            screen.print_manifest(manifest)
        except (LookupError, TypeError, ValueError) as error:
            raise ModelError(f"The project.json of {what} was changed by hand.", hint="Compile it again.") from error
        return
    from dataclasses import asdict

    from slimse_mcu.compile import find_model
    from slimse_mcu.inspect import summarize
    from slimse_mcu.load import load

    summary = summarize(load(find_model(what)))
    if as_json:
        print_json(asdict(summary))
    else:
        screen.print_model(summary)
