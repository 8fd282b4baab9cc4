"""The page: served as one document; everything it shows comes from the API."""

from __future__ import annotations

from flask import Blueprint, render_template

pages = Blueprint("pages", __name__, template_folder="../templates")


@pages.get("/")
def index() -> str:
    """The console."""
    return render_template("index.html")
