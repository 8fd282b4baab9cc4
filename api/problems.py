"""Every error leaves as ``application/problem+json`` (RFC 9457) with a Chinese sentence and an id, never a trace."""

from __future__ import annotations

import json
import logging
from typing import Any

from flask import Flask, Response, make_response
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, InternalServerError

from api.present import shown
from config.durable import disk_problem
from config.ids import Ids
from config.invalid import fault
from config.message import Message
from config.messages import render
from config.problems import Problem

LOG = logging.getLogger("hezheng.api")
CONTENT_TYPE = "application/problem+json"


def problem_json(message: Message, status: int, exit_code: int, problem_id: str = "") -> dict[str, Any]:
    """The body of a problem; ``exit`` is the exit code the command line ends with."""
    body: dict[str, Any] = {
        "type": f"urn:hezheng:problem:{message.code}",
        "title": shown(render(message)),
        "status": status,
        "code": message.code,
        "params": shown(dict(message.params)),
        "exit": exit_code,
    }
    return body | ({"id": problem_id} if problem_id else {})


def problem_response(body: dict[str, Any]) -> Response:
    """A response with the right content type."""
    response = make_response(json.dumps(body, ensure_ascii=False), body["status"])
    response.content_type = CONTENT_TYPE
    return response


def invalid_request(error: ValidationError) -> Response:
    """The answer to a request that does not fit its schema; names the first field, and what is wrong with it."""
    found = fault(error)
    message = Message("http.invalid", {**found, "name": str(found["field"]).split(".")[0]})
    return problem_response(problem_json(message, 422, 2))


def register(app: Flask, ids: Ids) -> None:
    """Install the handlers."""

    def on_problem(problem: Problem) -> Response:
        return problem_response(problem_json(problem.message, problem.status, int(problem.exit)))

    def on_disk(error: OSError) -> Response:
        problem = disk_problem(error)
        if problem is None:
            raise error
        return on_problem(problem)

    def on_http(error: HTTPException) -> Response:
        original = error.get_response()
        status = error.code or 500
        code = f"http.{status}" if status in (400, 401, 403, 404, 405, 413, 415, 429) else "http.other"
        exit_code = 4 if status in (401, 403) else 3
        response = problem_response(problem_json(Message.of(code, status=status), status, exit_code))
        for name in ("Allow", "Retry-After"):
            if name in original.headers:
                response.headers[name] = original.headers[name]
        return response

    def on_crash(_error: InternalServerError) -> Response:
        problem_id = ids.new()
        LOG.error("the request above is problem %s", problem_id)  # Flask has logged the trace
        return problem_response(problem_json(Message.of("http.500", id=problem_id), 500, 5, problem_id))

    def on_text(_error: UnicodeEncodeError | RecursionError) -> Response:
        return problem_response(problem_json(Message.of("http.bad_text"), 422, 2))

    app.register_error_handler(Problem, on_problem)
    app.register_error_handler(OSError, on_disk)
    app.register_error_handler(UnicodeEncodeError, on_text)
    app.register_error_handler(RecursionError, on_text)
    app.register_error_handler(HTTPException, on_http)
    app.register_error_handler(InternalServerError, on_crash)
