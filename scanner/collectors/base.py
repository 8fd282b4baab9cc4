"""What a collector is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from scanner.model import Platform, Record
from scanner.session import LinuxSession, WindowsSession

S = TypeVar("S", WindowsSession, LinuxSession)


@dataclass(frozen=True, slots=True)
class Collector(Generic[S]):
    """A named, versioned reader: ``collect`` yields records and raises SessionError when it cannot go on."""

    name: str
    version: int
    platform: Platform
    collect: Callable[[S], Iterable[Record]]


WindowsCollector = Collector[WindowsSession]
LinuxCollector = Collector[LinuxSession]
