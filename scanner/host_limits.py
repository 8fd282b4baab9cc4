"""What one host may cost, as the section ``[scan]`` of the settings says; pure."""

from __future__ import annotations

from typing import Any

from config.settings import Scan

GENTLE_LANES = 8
MIB = 1 << 20


def reading_seconds(settings: Scan) -> int:
    """A reading stops by itself a little before its worker is killed, so that what it holds is still sent up."""
    return max(1, round(settings.host_deadline_seconds * 0.9))


def smb_limits(settings: Scan) -> dict[str, Any]:
    """Arguments of ``SmbLimits``."""
    return {
        "connect_seconds": settings.connect_timeout_seconds,
        "answer_seconds": settings.answer_timeout_seconds,
        "deadline_seconds": reading_seconds(settings),
        "lanes": min(settings.lanes, GENTLE_LANES) if settings.gentle else settings.lanes,
        "value_bytes": settings.registry_value_limit_kb * 1024,
        "keys": settings.registry_keys_limit,
        "total_bytes": settings.host_bytes_limit_mb * MIB,
    }


def ssh_limits(settings: Scan) -> dict[str, Any]:
    """Arguments of ``SshLimits``."""
    return {
        "connect_seconds": settings.connect_timeout_seconds,
        "answer_seconds": settings.answer_timeout_seconds,
        "deadline_seconds": reading_seconds(settings),
        "output_bytes": settings.line_limit_mb * MIB // 2,
        "total_bytes": settings.host_bytes_limit_mb * MIB,
    }
