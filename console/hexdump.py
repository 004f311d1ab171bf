"""Bytes that may be anything, shown safely."""

from __future__ import annotations

from collections.abc import Iterator


def as_text(data: bytes, most: int = 4096) -> str:
    r"""Bytes as text: what is no UTF-8, or cannot be seen, as an escape.

    >>> as_text(b"a\x00\xffb\n<b>")
    'a\\x00\\xffb\n<b>'
    """
    text = data[:most].decode("utf-8", errors="backslashreplace")
    return "".join(each if each.isprintable() or each in "\n\t" else _escape(each) for each in text)


def lines(data: bytes, most: int = 512) -> Iterator[tuple[str, str, str]]:
    """Offset, bytes and letters, sixteen a line.

    >>> list(lines(b"AB\\x00"))
    [('0000', '41 42 00', 'AB.')]
    """
    for start in range(0, min(len(data), most), 16):
        part = data[start : min(start + 16, most)]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"{start:04x}", part.hex(" "), letters


def _escape(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
