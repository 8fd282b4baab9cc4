"""The version that runs, as it is written into bundles and shown on pages."""

from __future__ import annotations

from importlib.metadata import version

VERSION = version("hezheng")
