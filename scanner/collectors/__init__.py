"""All collectors, written by hand: a thin reader and module-level pure parsers each."""

from __future__ import annotations
