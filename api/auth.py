"""Who may talk to the local API: a launch token used once for a browser session, and a token file for the command line.

The page gets the launch token in the URL fragment, which browsers never send, and posts it once; the answer is a cookie
that is HttpOnly and SameSite=Strict. Requests that change something must come from our own origin and carry a header
that a foreign form cannot set.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from flask import Flask, Response, abort, request

from config.clock import Clock
from config.durable import replace_file
from config.problems import Refused

COOKIE = "hezheng_session"
HEADER = "X-Hezheng"
SESSION_SECONDS = 12 * 3600
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OPEN_PATHS = ("/", "/api/v1/session", "/static/")
ATTEMPTS_A_MINUTE = 10


@dataclass
class Gate:
    """Tokens and sessions of this process."""

    clock: Clock
    api_token: str = field(repr=False)
    launch_token: str | None = field(default=None, repr=False)
    _sessions: dict[str, float] = field(default_factory=dict[str, float], repr=False)
    _failures: deque[float] = field(default_factory=deque[float])
    _lock: Lock = field(default_factory=Lock, repr=False)

    def new_launch_token(self) -> str:
        """A fresh launch token; the one before is void."""
        self.launch_token = secrets.token_urlsafe(32)
        return self.launch_token

    def open_session(self, token: str) -> str:
        """Exchange the launch token, once, for a session id. Raises Refused; too many tries answer 429."""
        with self._lock:
            self._limit()
            if self.launch_token is None or not hmac.compare_digest(token.encode(), self.launch_token.encode()):
                self._failures.append(self.clock.monotonic())
                raise Refused("auth.bad_launch_token")
            self.launch_token = None
            session = secrets.token_urlsafe(32)
            self._sessions[_digest(session)] = self.clock.boottime() + SESSION_SECONDS
            return session

    def admits(self, session: str | None, authorization: str | None) -> bool:
        """Whether a cookie or a bearer token is good."""
        if authorization is not None:
            return hmac.compare_digest(authorization.encode(), f"Bearer {self.api_token}".encode())
        expiry = self._sessions.get(_digest(session)) if session else None
        return expiry is not None and self.clock.boottime() < expiry

    def _limit(self) -> None:
        now = self.clock.monotonic()
        while self._failures and now - self._failures[0] > 60:
            self._failures.popleft()
        if len(self._failures) >= ATTEMPTS_A_MINUTE:
            abort(429)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def write_api_token(run: Path) -> str:
    """Make the command line's token and keep it in ``DATA/run/token`` (0600)."""
    token = secrets.token_urlsafe(32)
    replace_file(run / "token", token.encode())
    return token


def register(app: Flask, gate: Gate) -> None:
    """Check every request before it is routed, and harden every answer."""

    def check() -> None:
        if request.method not in SAFE_METHODS:
            _check_origin()
        if request.path == "/" or request.path.startswith(OPEN_PATHS[1:]):
            return
        if not gate.admits(request.cookies.get(COOKIE), request.headers.get("Authorization")):
            abort(401)

    app.before_request(check)
    app.after_request(_harden)


def _check_origin() -> None:
    """A browser sends Origin with every unsafe request; the command line sends none but has the header."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        abort(403)
    if HEADER not in request.headers:
        abort(403)


def _harden(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if not request.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"
    return response
