"""``slimse zoo``."""

from __future__ import annotations

import click

from slimse_mcu.commands.options import json_option, print_json


@click.command("zoo")
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the bundled models, or show the card of one.

    A card says what a model is, what data it was trained on and how good it is. Bundled models are named zoo:NAME
    wherever a model is expected.
    """
    from slimse_mcu import screen, zoo

    if name is None:
        models = [(one, zoo.path(one).stat().st_size, _summary(zoo.card(one))) for one in zoo.entries()]
        if as_json:
            print_json([{"name": one, "bytes": count, "summary": text} for one, count, text in models])
        else:
            screen.print_zoo(models)
        return
    name = name.removeprefix("zoo:")
    card = zoo.card(name)
    if as_json:
        print_json({"name": name, "path": str(zoo.path(name)), "card": card})
    else:
        screen.print_card(card)


def _summary(card: str) -> str:
    """The first paragraph of a card, one line."""
    paragraphs = [part for part in card.split("\n\n") if part.strip() and not part.startswith("#")]
    return " ".join(paragraphs[0].split()) if paragraphs else ""
