"""The bank of recommendations, out of a file or as it ships."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from livewarden.errors import SetupError

if TYPE_CHECKING:
    from models.library.recommendation import Advice


def load_bank(path: Path | None) -> tuple[Advice, ...]:
    """The bank of a file, or the one that ships."""
    from models.library.recommendation import parse_bank

    shipped = files("livewarden").joinpath("recommendations.toml")
    try:
        text = shipped.read_text("utf-8") if path is None else path.read_text(encoding="utf-8-sig")
        return parse_bank(text, "the shipped bank" if path is None else str(path))
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise SetupError(str(error)) from error
