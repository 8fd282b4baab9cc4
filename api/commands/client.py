"""How the command line reaches the appliance: over HTTP when one is running, in this process otherwise.

Both ways go through the same API, so that a command and a button do exactly the same.
"""

from __future__ import annotations

import http.client
import json
import os
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from appliance.folder import DataFolder, locate, read_holder, writing
from config.clock import SystemClock
from config.problems import BadInput, EnvironmentProblem, Exit

CHECKOUT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 600
POLL_SECONDS = 0.3
MARKS = ("appliance.db", "hezheng.toml", "lock")
"""What tells a data folder from any other."""


class Failed(Exception):
    """The API answered with a problem; ``body`` is the problem+json object."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        super().__init__(body.get("title", ""))
        self.body = body

    @property
    def exit(self) -> int:
        """The exit code that belongs to the problem."""
        return int(self.body.get("exit", Exit.ENVIRONMENT))


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of one answer."""

    status: int
    body: bytes


class Transport(Protocol):
    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer: ...


@dataclass(frozen=True, slots=True)
class HttpTransport:
    """A running appliance on loopback."""

    address: str
    token: str

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        host, _, port = self.address.removeprefix("http://").rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, {**headers, "Authorization": f"Bearer {self.token}"})
            response = connection.getresponse()
            return Answer(response.status, response.read())
        except OSError as error:
            detail = error.strerror or str(error)
            raise EnvironmentProblem("serve.unreachable", address=self.address, detail=detail) from error
        finally:
            connection.close()


class LocalTransport:
    """The same application inside this process, which holds the writer's lock."""

    def __init__(self, folder: DataFolder) -> None:
        from werkzeug.test import Client as WsgiClient

        from api.built import build

        self._built = build(folder, SystemClock())
        self._client = WsgiClient(self._built.app)

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        token = {"Authorization": f"Bearer {self._built.gate.api_token}"}
        response = self._client.open(
            path, method=method, data=body, headers={**headers, **token}, base_url="http://127.0.0.1"
        )
        return Answer(response.status_code, response.get_data())

    def close(self) -> None:
        """Stop what runs, and close its logs."""
        self._built.appliance.jobs.stop()
        self._built.appliance.close_logs()


@dataclass
class Client:
    """JSON in, JSON out. Raises :class:`Failed` for a problem."""

    transport: Transport
    in_process: bool

    def get(self, path: str, **query: Any) -> Any:
        """GET; query values that are None are left out."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return self._json("GET", f"{path}?{urlencode(wanted)}" if wanted else path, None, {})

    def all(self, path: str, **query: Any) -> list[Any]:
        """All items of a list, page by page."""
        items: list[Any] = []
        after: Any = None
        while True:
            page = self.get(path, after=after, **query)
            items += page["items"]
            after = page["next"]
            if after is None:
                return items

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """POST, PUT, PATCH or DELETE with a JSON body."""
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return self._json(method, path, data, {"Content-Type": "application/json"})

    def upload(self, path: str, file: Path, fields: Mapping[str, str]) -> Any:
        """POST a file as multipart form data (RFC 7578)."""
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        name = file.name.replace('"', "'").replace("\r", " ").replace("\n", " ")
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        body = b"".join([*parts, head, file.read_bytes(), f"\r\n--{boundary}--\r\n".encode()])
        return self._json("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})

    def upload_all(self, path: str, files: Mapping[str, bytes], fields: Mapping[str, str]) -> Any:
        """POST several files as multipart form data, all in the field ``files``."""
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        for name, content in files.items():
            safe = name.replace('"', "'").replace("\r", " ").replace("\n", " ")
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{safe}"\r\n\r\n'
            parts += [head.encode(), content, b"\r\n"]
        body = b"".join([*parts, f"--{boundary}--\r\n".encode()])
        return self._json("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})

    def post_for_file(self, path: str) -> bytes:
        """POST without a body where the answer is a file."""
        return self._send("POST", path, None, {})

    def download(self, path: str) -> bytes:
        """GET a file."""
        return self._send("GET", path, None, {})

    def _json(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        answer = self._send(method, path, body, headers)
        return json.loads(answer) if answer else None

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        answer = self.transport.send(method, path, body, {**headers, "X-Hezheng": "1"})
        if answer.status >= 400:
            raise Failed(json.loads(answer.body))
        return answer.body


@contextmanager
def connected(data: Path | None, *, create: bool = False) -> Generator[Client]:
    """A client of the data folder's appliance, wherever it runs; only ``create`` starts a new data folder.

    Raises BadInput for a folder that is not a data folder, Busy when another command is writing.
    """
    folder = data_folder(data, create=create)
    running = _running(folder)
    if running is not None:
        yield Client(running, in_process=False)
        return
    with writing(folder, ""):
        transport = LocalTransport(folder)
        try:
            yield Client(transport, in_process=True)
        finally:
            transport.close()


def data_folder(data: Path | None, *, create: bool) -> DataFolder:
    """The data folder that is meant. Raises BadInput for a missing (unless ``create``) or foreign one."""
    folder = DataFolder(locate(data, os.environ, CHECKOUT))
    if any((folder.root / name).exists() for name in MARKS):
        return folder
    if folder.root.exists() and not folder.root.is_dir():
        raise BadInput("data.not_a_folder", path=str(folder.root))
    if folder.root.exists() and any(folder.root.iterdir()):
        raise BadInput("data.foreign", path=str(folder.root))
    if not create:
        raise BadInput("data.nothing_there", path=str(folder.root))
    return folder


def _running(folder: DataFolder) -> HttpTransport | None:
    token = folder.run / "token"
    address = str(read_holder(folder)["address"])
    if not address or not token.exists():
        return None
    transport = HttpTransport(address, token.read_text("utf-8"))
    try:
        transport.send("GET", "/api/v1/status", None, {})
    except EnvironmentProblem:
        return None  # a leftover of an appliance that was killed; the lock decides
    return transport
