"""The commands and examples of README.md, for the tests and for CI: `python tests/readme.py test-command`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def blocks(language: str, text: str | None = None) -> list[str]:
    """The fenced code blocks of README.md in a language."""
    text = (ROOT / "README.md").read_text(encoding="utf-8") if text is None else text
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def command(ending: str) -> str:
    """The one line of README's shell blocks that ends with these words."""
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.rstrip().endswith(ending)]
    if len(lines) != 1:
        raise SystemExit(f"README.md should hold one command ending with {ending!r}, found {len(lines)}")
    return lines[0]


if __name__ == "__main__":
    if sys.argv[1:] == ["test-command"]:
        print(command("-m pytest -q -n auto"))
    elif sys.argv[1:] == ["demo-command"]:
        print(command("skinscan demo"))
    else:
        raise SystemExit("usage: python tests/readme.py test-command | demo-command")
