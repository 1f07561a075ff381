"""Tables in Markdown."""

from collections.abc import Sequence


def grid(lines: Sequence[Sequence[str]]) -> str:
    """Words lines of cells, the first of them the heads."""
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([head, "|" + " --- |" * len(lines[0]), *body])
