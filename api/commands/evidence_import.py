"""``hezheng evidence import`` and ``merge``; with ``replay`` beside them the group is whole."""

from __future__ import annotations

from api.commands.evidence_replay import evidence

__all__ = ["evidence"]
