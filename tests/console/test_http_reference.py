"""The reference of the console's addresses leaves none out."""

from __future__ import annotations

from cli.http_reference import http_reference
from console.app import PAGES, routes

UNNAMED = {"/", "/alive", "/static"}
"""The way in, the sign of life and our own files: docs/http.md says above the tables what there is to say of them."""


def test_every_address_is_in_the_reference() -> None:
    text = http_reference()
    paths = {route.path for route in routes(acts=True, builds=True)}
    assert paths > {page.path for page in PAGES}
    assert {path for path in paths - UNNAMED if f"`{path}`" not in text} == set()


def test_what_a_page_may_be_asked_for_is_in_its_section() -> None:
    sections = dict(part.partition("\n")[::2] for part in http_reference().split("\n### ")[1:])
    for page in PAGES:
        for name, field in page.query.model_fields.items():
            assert f"| `{field.alias or name}` |" in sections[f"GET `{page.path}`"], page.path
