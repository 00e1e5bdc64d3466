"""Tables in pages of the documentation, between the marks that say which table belongs there."""

from __future__ import annotations

from pathlib import Path


def put_table(page: Path, name: str, table: str) -> None:
    """Put a markdown table in its place, between `<!-- table: name -->` and `<!-- end: name -->`."""
    opening, closing = f"<!-- table: {name} -->\n", f"\n<!-- end: {name} -->"
    head, rest = page.read_text(encoding="utf-8").split(opening)
    page.write_text(head + opening + table + closing + rest.split(closing, 1)[1], encoding="utf-8")
