"""What the commands of simulated benches have in common: which seeds, and figures as a table or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from typing import Any


def parser_of(name: str, description: str, seeds: Sequence[int], what: str) -> argparse.ArgumentParser:
    """A parser with `--json` and `--seeds`; `what` each seed makes.

    >>> parser_of("quiet", "False alerts.", (401, 402), "which simulations").parse_args(["--seeds", "1,2"])
    Namespace(json=False, seeds=[1, 2])
    """
    parser = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=description)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--seeds", type=_numbers, default=list(seeds), help=what)
    return parser


def show(figures: dict[str, Any], table: Callable[[dict[str, Any]], str], *, as_json: bool) -> int:
    """Print figures; the exit code."""
    print(json.dumps(figures, indent=2) if as_json else table(figures))
    return 0


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]
