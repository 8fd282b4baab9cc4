"""What the commands share: options, output, prompts, and the one place where problems become exit codes."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import click

from api.commands import human
from api.commands.client import Client, Failed
from api.present import clean, shown
from config.durable import disk_problem, file_problem
from config.message import Message
from config.messages import catalogue, render
from config.problems import BadInput, Exit, Problem

F = TypeVar("F", bound=Callable[..., Any])
POLL_SECONDS = 0.3


def data_option(function: F) -> F:
    """``--data DIR``."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path),
        help="数据目录；缺省取 HEZHENG_DATA、检出目录下的 data 或 /var/lib/hezheng。",
    )(function)


def json_option(function: F) -> F:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="在标准输出打印一个 JSON 对象。")(function)


def passphrase_option(function: F) -> F:
    """``--passphrase-fd N``."""
    return click.option("--passphrase-fd", type=int, help="从该文件描述符读取口令库密码（一行）；缺省则提示输入。")(
        function
    )


def say(text: str) -> None:
    """A line for the person, on standard error."""
    click.echo(clean(text), err=True)


def tell(code: str, **params: Any) -> None:
    """A message for the person, on standard error."""
    say(render(Message(code, params)))


def put(document: Mapping[str, Any], schema: str, as_json: bool) -> None:
    """The answer on standard output: one JSON object with its schema, or readable lines."""
    if as_json:
        click.echo(json.dumps({"schema": f"hezheng.{schema}/1", **shown(document)}, ensure_ascii=False))
    else:
        for line in human.lines(shown(document), schema, _terminal_width()):
            click.echo(line)


def _terminal_width() -> int | None:
    """Cells of the terminal; None where the answer goes into a file or another program."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def secret_from(descriptor: int | None, prompt: str, *, confirm: bool = False) -> str:
    """One line from a file descriptor, or a prompt without echo; never an argument or the environment."""
    if descriptor is not None:
        try:
            with os.fdopen(descriptor, encoding="utf-8") as file:
                return file.readline().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput("secret.unreadable", descriptor=descriptor, detail=str(error)) from error
    if not sys.stdin.isatty():
        raise BadInput("secret.no_terminal", prompt=prompt)
    return str(click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True))


def unlock(client: Client, passphrase_fd: int | None, inspection_id: str | None = None) -> None:
    """Open the vault when it exists and is locked: in this process it always is.

    Raises Failed for an unknown ``inspection_id`` before anybody is asked for a password.
    """
    if inspection_id is not None:
        client.get(f"/api/v1/inspections/{quote(inspection_id, safe='')}")
    vault = client.get("/api/v1/status")["vault"]
    if vault["exists"] and vault["locked"]:
        passphrase = secret_from(passphrase_fd, "口令库密码")
        client.send("POST", "/api/v1/vault/unlock", {"passphrase": passphrase})


def follow(client: Client, job: Mapping[str, Any]) -> dict[str, Any]:
    """Wait for a job and show how far it is on standard error. Raises Failed with the job's problem."""
    shown_before = ""
    while True:
        state = _state(client, job)
        progress = f"{_stage(state['stage'])} {state['done']}/{state['total']}"
        if progress != shown_before and state["total"]:
            say(progress)
            shown_before = progress
        if state["state"] == "failed":
            problem = state["problem"]
            raise Failed({"title": problem["text"], "exit": state["exit"], **problem})
        if state["state"] != "running":
            return state
        with _told_of_going_on(client, state):
            time.sleep(POLL_SECONDS)


def _state(client: Client, job: Mapping[str, Any]) -> dict[str, Any]:
    with _told_of_going_on(client, job):
        return client.get(f"/api/v1/jobs/{job['id']}")


@contextmanager
def _told_of_going_on(client: Client, job: Mapping[str, Any]) -> Generator[None]:
    """Ctrl-C ends the command alone where a running appliance does the work; people are told what becomes of it."""
    try:
        yield
    except KeyboardInterrupt:
        tell("job.left_stopped" if client.in_process else "job.left_running", kind=str(job["kind"]).partition(":")[0])
        raise


def _stage(name: str) -> str:
    return catalogue().get(f"label.stage.{name or 'running'}", name)


def guarded(run: Callable[[], Any]) -> int:
    """Run the command line and return its exit code; what people may cause ends with a sentence, never a trace."""
    try:
        ended = run()
    except Failed as failed:
        say(str(failed.body.get("title") or failed.body.get("code")))
        return failed.exit
    except Problem as problem:
        say(render(problem.message))
        return int(problem.exit)
    except click.exceptions.Abort:
        tell("usage.aborted")
        return int(Exit.INTERRUPTED)
    except click.ClickException as error:
        error.show()
        return int(Exit.USAGE)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.stderr.close()
        return int(Exit.INTERRUPTED)
    except OSError as error:
        told = disk_problem(error) or file_problem(error)
        if told is None:
            raise
        say(render(told.message))
        return int(told.exit)
    return ended if isinstance(ended, int) else int(Exit.DONE)  # click hands back what a command gave ctx.exit()
