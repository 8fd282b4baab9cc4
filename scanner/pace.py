"""How long a scan will still take, said only when there is something to say it from; pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

WINDOW = 64
FEWEST = 5
SHORTEST_SECONDS = 3.0


@dataclass
class Pace:
    """Remembers when the last units of work ended. Times are monotonic seconds."""

    started: float
    _ends: deque[tuple[float, int]] = field(default_factory=lambda: deque[tuple[float, int]](maxlen=WINDOW))

    def finished(self, at: float, units: int = 1) -> None:
        """Some units ended at ``at``."""
        self._ends.append((at, units))

    def remaining(self, left: int, at: float) -> int | None:
        """Whole seconds for ``left`` units, at the pace of the last ones; None while too few have ended.

        The time since the last end counts: when nothing moves any more the estimate grows instead of standing still.
        """
        if left <= 0:
            return 0
        full = len(self._ends) == WINDOW
        since, units = (
            (self._ends[0][0], sum(u for _, u in self._ends) - self._ends[0][1])
            if full
            else (
                self.started,
                sum(u for _, u in self._ends),
            )
        )
        passed = at - since
        if len(self._ends) < FEWEST or units <= 0 or passed < SHORTEST_SECONDS:
            return None
        return round(left * passed / units)
