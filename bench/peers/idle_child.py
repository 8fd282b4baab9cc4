"""A child that only starts; in a module of its own because children never see the program's main module."""

from __future__ import annotations

from scanner.process import Emit, Job


def nothing(job: Job, emit: Emit) -> None:
    """Say that it runs."""
    emit({})
