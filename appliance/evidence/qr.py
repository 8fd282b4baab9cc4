"""A QR code as the path of an SVG; the only file that knows segno.

References:
    - ISO/IEC 18004; error correction M survives a fold or a stamp over 15 % of it
"""

from __future__ import annotations

from dataclasses import dataclass

import segno

BORDER = 4
"""Quiet zone in modules, as the standard asks for."""


@dataclass(frozen=True, slots=True)
class QrCode:
    """``text`` as it is read back; ``size`` of the square with its border, ``path`` in the same units."""

    text: str
    size: int
    path: str


def qr_code(text: str) -> QrCode:
    """Encode ASCII text."""
    matrix = segno.make(text, error="m", micro=False, boost_error=False).matrix
    dark = ((x, y) for y, row in enumerate(matrix) for x, bit in enumerate(row) if bit)
    path = "".join(f"M{x + BORDER} {y + BORDER}h1v1h-1z" for x, y in dark)
    return QrCode(text, len(matrix) + 2 * BORDER, path)
