"""Variables of the environment that look like settings and are none."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

PREFIX = "LIVEWARDEN_"
_OF_TESTS = re.compile(r"LIVEWARDEN_(TEST_\w+|REQUIRE_SERVICES|WRITE_GOLDENS)")
_OF_KUBERNETES = re.compile(r"LIVEWARDEN_(\w+_)?(SERVICE_HOST|SERVICE_PORT\w*|PORT(_\d+_(TCP|UDP)\w*)?)")
"""Kubernetes puts these into every container beside a Service whose name begins with `livewarden`."""
_CLOSE = 0.8


def misspelt(
    environ: Mapping[str, str], settings: Collection[str], used: Collection[str] = ()
) -> Iterator[tuple[str, str]]:
    """Names that begin like a setting and are none, each with the setting that was most likely meant, else "".

    `used`: names that something else reads, such as a channel of the response file.

    >>> list(misspelt({"LIVEWARDEN_KAFAK": "x", "LIVEWARDEN_COLOUR": "blue"}, ["LIVEWARDEN_KAFKA"]))
    [('LIVEWARDEN_COLOUR', ''), ('LIVEWARDEN_KAFAK', 'LIVEWARDEN_KAFKA')]
    """
    plain = {name.removeprefix(PREFIX): name for name in settings}
    for name in sorted(environ):
        if not name.upper().startswith(PREFIX) or name.upper() in settings or name in used:
            continue
        if _OF_TESTS.fullmatch(name) or (_OF_KUBERNETES.fullmatch(name) and name not in settings):
            continue
        found = get_close_matches(name.upper().removeprefix(PREFIX), plain, 1, _CLOSE)
        yield name, plain[found[0]] if found else ""
