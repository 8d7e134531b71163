"""``slimse doctor``."""

from __future__ import annotations

import click

from slimse_mcu.commands.options import json_option, print_json


@click.command("doctor")
@json_option
def command(as_json: bool) -> int:
    """Say what is installed, what is missing, how to get it.

    Ends with exit code 2 if something is missing that a virtual board needs.
    """
    from dataclasses import asdict

    from slimse_mcu import screen
    from slimse_mcu.doctor import examine

    findings = examine()
    if as_json:
        print_json([{**asdict(one), "status": one.status} for one in findings])
    else:
        screen.print_findings(findings)
    return 2 if any(one.status == "missing" for one in findings) else 0
