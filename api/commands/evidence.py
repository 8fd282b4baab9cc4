"""``hezheng evidence``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from api.commands.base import data_option, follow, json_option, passphrase_option, put, say, unlock
from api.commands.client import CHECKOUT, Client, Failed, connected
from config.messages import render
from config.problems import BadInput, Conflict, EnvironmentProblem

ONE = "/api/v1/inspections"
unencrypted_option = click.option("--unencrypted", is_flag=True, help="没有机关证书时，确认不加密。")


@click.group(help="证据包")
def evidence() -> None:
    pass


@evidence.command("seal", help="封存一次督查；之后只能查看。设有机关证书时，存出的文件是加密的（.p7m）。")
@click.argument("inspection_id")
@click.option("--out", type=click.Path(path_type=Path), help="另存一份到此文件。")
@unencrypted_option
@passphrase_option
@data_option
@json_option
def evidence_seal(
    inspection_id: str,
    out: Path | None,
    unencrypted: bool,
    passphrase_fd: int | None,
    data: Path | None,
    as_json: bool,
) -> None:
    require_place(out)
    with connected(data) as client:
        unlock(client, passphrase_fd, inspection_id)
        body = {"unencrypted": unencrypted or confirmed_unencrypted(client)}
        sealed = follow(client, client.send("POST", f"{ONE}/{inspection_id}/bundles", body))["result"]
        put(saved(client, inspection_id, sealed, out), "bundle", as_json)


def confirmed_unencrypted(client: Client) -> bool:
    """Ask at a terminal whether to go on where nothing will be encrypted; elsewhere the appliance refuses."""
    try:
        client.get("/api/v1/office-certificate")
    except Failed as missing:
        return sys.stdin.isatty() and click.confirm(f"{missing.body['title']}\n不加密，继续？", err=True)
    return False


def require_place(out: Path | None) -> None:
    """Look before a seal, which nobody takes back, whether its copy can be written. Raises BadInput."""
    if out is None:
        return
    if out.is_dir() or not os.access(out.absolute().parent, os.W_OK):
        raise BadInput("evidence.no_folder_for_copy", path=str(out))
    if out.exists():
        raise BadInput("evidence.copy_exists", path=str(out))


def saved(client: Client, inspection_id: str, sealed: dict[str, Any], out: Path | None) -> dict[str, Any]:
    """The answer, after the file that leaves the laptop was written to ``out``.

    Raises EnvironmentProblem, which still tells digest and fingerprint, when that cannot be written or lies there.
    """
    if out is None:
        return sealed
    if sealed["encrypted"] and out.suffix != ".p7m":
        out = out.with_name(out.name + ".p7m")
    content = client.download(f"{ONE}/{inspection_id}/bundles/{sealed['id']}/file")
    try:
        with out.open("xb") as file:
            file.write(content)
    except OSError as error:
        told = {"digest": sealed["digest"], "fingerprint": sealed["fingerprint"], "inspection": inspection_id}
        raise EnvironmentProblem("evidence.copy_failed", path=str(out), detail=str(error.strerror), **told) from error
    return {**sealed, "path": str(out)}


@evidence.command("save", help="把最近一次封存的证据包另存一份；设有机关证书时是加密的（.p7m）。")
@click.argument("inspection_id")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="写入此文件。")
@data_option
@json_option
def evidence_save(inspection_id: str, out: Path, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        bundles = client.get(f"{ONE}/{inspection_id}/bundles")["items"]
        if not bundles:
            raise Conflict("evidence.not_sealed_yet")
        put(saved(client, inspection_id, bundles[-1], out), "bundle", as_json)


@evidence.command("list", help="列出证据包。")
@click.argument("inspection_id")
@data_option
@json_option
def evidence_list(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{ONE}/{inspection_id}/bundles")["items"]}, "bundles", as_json)


@evidence.command(
    "verify", help="核验证据包；不解压，不执行其中任何内容。认得本机数据目录封存过的签名人，其余须用 --signer。"
)
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--signer", help="签名人公钥指纹（纸质记录上的 64 位十六进制数）。")
@data_option
@json_option
@click.pass_context
def evidence_verify(context: click.Context, file: Path, signer: str | None, data: Path | None, as_json: bool) -> None:
    from appliance.evidence.verify import verify_bundle

    found = verify_bundle(file, () if signer else known_signers(data), signer)
    document = {
        "outcome": str(found.outcome),
        "digest": found.digest,
        "second_digest": found.second_digest,
        "fingerprint": found.fingerprint,
        "problems": [problem.to_json() for problem in found.problems],
    }
    put(document, "verification", as_json)
    context.exit(int(found.exit))


def known_signers(data: Path | None) -> set[str]:
    """Signers of this appliance's own bundles; none where there is no data folder."""
    from appliance.folder import DataFolder, locate

    if not DataFolder(locate(data, os.environ, CHECKOUT)).index.exists():
        return set()
    try:
        with connected(data) as client:
            return set(client.get("/api/v1/signers")["items"])
    except EnvironmentProblem as problem:  # a bundle can be checked all the same
        say(render(problem.message))
        return set()
