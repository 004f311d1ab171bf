"""Channels from what the policy says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from livewarden.errors import SetupError
from sinks.channels.apprise_channel import AppriseChannel
from sinks.channels.channel import Channel, Target
from sinks.channels.file_channel import FileChannel


def open_channels(targets: Iterable[Target], environ: Mapping[str, str]) -> dict[str, Channel]:
    """The channels by name, none of them tried yet.

    SetupError, one line for each channel that cannot be: the variable that `url_from` names is not set, or what it
    holds is no address that Apprise knows. The line names the variable and never what it holds.
    """
    channels: dict[str, Channel] = {}
    mistakes = []
    for target in targets:
        try:
            channels[target.name] = _open(target, environ)
        except SetupError as error:
            mistakes.append(str(error))
    if mistakes:
        raise SetupError("\n".join(mistakes))
    return channels


def _open(target: Target, environ: Mapping[str, str]) -> Channel:
    if target.file:
        return FileChannel(target.name, Path(target.file))
    url = environ.get(target.url_from, "").strip()
    if not url:
        raise SetupError(f"channel {target.name!r}: the environment variable {target.url_from} is not set")
    return AppriseChannel(target.name, url, called=target.url_from)
