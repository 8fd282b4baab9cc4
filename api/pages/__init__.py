"""The page: served as one document; everything it shows comes from the API, its words from ``config/messages``."""

from __future__ import annotations

from flask import Blueprint, render_template

from config.messages import catalogue

AREAS = ("label", "page", "policy", "rate")
"""Message areas whose sentences the page puts together itself."""

pages = Blueprint("pages", __name__, template_folder="../templates")


@pages.get("/")
def index() -> str:
    """The console."""
    return render_template("index.html", words=words())


def words() -> list[tuple[str, str]]:
    """``(code, sentence)`` in the order of the message files, with their ``{parameters}`` still open."""
    return [(code, text) for code, text in catalogue().items() if code.partition(".")[0] in AREAS]
