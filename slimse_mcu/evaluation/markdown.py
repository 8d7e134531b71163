"""An evaluation as Markdown, for model cards and for people who read files."""

from __future__ import annotations

from collections.abc import Iterable

from slimse_mcu.evaluation.activity import SPEECH_RANGE_DB
from slimse_mcu.evaluation.evaluate import Evaluation
from slimse_mcu.evaluation.statistics import DRAWS
from slimse_mcu.evaluation.tables import Table, all_tables


def markdown(evaluation: Evaluation) -> str:
    """All tables with what they mean and what was left out."""
    return "\n\n".join([*(table_text(one) for one in all_tables(evaluation)), _meaning(evaluation)]) + "\n"


def table_text(table: Table) -> str:
    """A title in bold, the table, its note."""
    rule = ["---"] * table.words + ["---:"] * (len(table.columns) - table.words)
    lines = [f"**{_cell(table.title)}**", "", _line(table.columns), "|" + "|".join(rule) + "|"]
    lines += [_line(row) for row in table.rows]
    lines += ["", table.note + "."] if table.note else []
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_cell(one) for one in cells) + " |"


def _cell(text: str) -> str:
    """Labels come from file names: nothing in them ends a cell or starts another meaning."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _meaning(evaluation: Evaluation) -> str:
    silence_dbfs = evaluation.settings.silence_dbfs
    lines = [
        f"Means of {len(evaluation.recordings)} recordings; ± is half of the 95 % confidence interval "
        f"(bootstrap over recordings, {DRAWS} draws). MACs and open ratios are means over frames. Silence: the noisy "
        f"input is below {silence_dbfs:g} dB full scale; speech: the reference is within {SPEECH_RANGE_DB:g} dB "
        f"of its loud parts; pauses: the rest. slimse-mcu {evaluation.tool_version}."
    ]
    if evaluation.left_out:
        lines += ["", f"Left out ({len(evaluation.left_out)}):", ""]
        lines += [
            f"- {_cell(one.name)}{f' with {_cell(one.model)}' if one.model else ''}: {_cell(one.reason)}"
            for one in evaluation.left_out
        ]
    return "\n".join(lines)
