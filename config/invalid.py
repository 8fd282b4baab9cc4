"""What pydantic says of a value that does not fit, as parameters of a message; its sentences: ``invalid.toml``."""

from __future__ import annotations

from pydantic import ValidationError

from config.message import Param


def fault(error: ValidationError) -> dict[str, Param]:
    """The first thing that is wrong: ``field`` (dotted), ``detail`` (pydantic's error type, to be shown as
    ``{detail:invalid}``) and the values its sentence needs.

    Types and values: https://docs.pydantic.dev/latest/errors/validation_errors/
    """
    first = error.errors(include_url=False, include_input=False)[0]
    values: dict[str, Param] = {name: _listed(value) for name, value in first.get("ctx", {}).items()}
    return values | {"field": ".".join(str(part) for part in first["loc"]) or "body", "detail": first["type"]}


def _listed(value: object) -> str:
    return str(value).replace(" or ", ", ").replace(", ", "、")
