"""The page: served as one document; everything it shows comes from the API, its words from ``config/messages``."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, render_template

from config.messages import catalogue

AREAS = ("label", "page", "policy", "rate", "replay")
"""Message areas whose sentences the page puts together itself."""

STATIC = Path(__file__).parents[1] / "static"

pages = Blueprint("pages", __name__, template_folder="../templates")


@pages.get("/")
def index() -> str:
    """The console."""
    return render_template("index.html", words=words())


def words() -> list[tuple[str, str]]:
    """``(code, sentence)`` in the order of the message files, with their ``{parameters}`` still open."""
    return [(code, text) for code, text in catalogue().items() if code.partition(".")[0] in AREAS]


def label(kind: str, value: str) -> str:
    """What people call a value of ours: ``label("phase", "final")`` is 定稿."""
    return catalogue().get(f"label.{kind}.{value}", value)


def style_sheet(name: str) -> str:
    """The text of one of our style sheets, for a document that is kept as a file."""
    return (STATIC / name).read_text("utf-8")
