"""One module per flash tool, each with a ``TOOL``; a new tool is a new module."""
