"""``hezheng vault``, ``credential``. Secrets come from a prompt or a file descriptor."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.base import data_option, json_option, passphrase_option, put, secret_from, unlock
from api.commands.client import connected

V1 = "/api/v1"


@click.group(help="口令库")
def vault() -> None:
    pass


@vault.command("create", help="新建口令库。")
@passphrase_option
@data_option
@json_option
def vault_create(passphrase_fd: int | None, data: Path | None, as_json: bool) -> None:
    passphrase = secret_from(passphrase_fd, "新的口令库密码", confirm=True)
    with connected(data, create=True) as client:
        put(client.send("POST", f"{V1}/vault", {"passphrase": passphrase}), "vault", as_json)


@vault.command("unlock", help="解锁正在运行的核正的口令库。")
@passphrase_option
@data_option
@json_option
def vault_unlock(passphrase_fd: int | None, data: Path | None, as_json: bool) -> None:
    passphrase = secret_from(passphrase_fd, "口令库密码")
    with connected(data) as client:
        put(client.send("POST", f"{V1}/vault/unlock", {"passphrase": passphrase}), "vault", as_json)


@vault.command("lock", help="锁上正在运行的核正的口令库。")
@data_option
@json_option
def vault_lock(data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(client.send("POST", f"{V1}/vault/lock"), "vault", as_json)


@click.group(help="登录账号（由被检查单位人员录入）")
def credential() -> None:
    pass


@credential.command("add", help="录入账号；口令提示输入，或用 --secret-fd。")
@click.argument("inspection_id")
@click.argument("protocol", type=click.Choice(["smb", "ssh"]))
@click.argument("username")
@click.option("--kind", type=click.Choice(["domain", "local"]), default="local", help="domain 域账号、local 本机账号。")
@click.option("--domain", default="")
@click.option("--range", "ranges", multiple=True, help="只用于这些网段，可多次；缺省用于全部授权网段。")
@click.option("--label", default="")
@click.option("--sudo", is_flag=True, help="仅 ssh：允许用 sudo 以 root 身份再读一次普通账号无权读取的内容。")
@click.option("--secret-fd", type=int, help="口令从该文件描述符读取（一行）。")
@passphrase_option
@data_option
@json_option
def credential_add(
    inspection_id: str,
    protocol: str,
    username: str,
    kind: str,
    domain: str,
    ranges: tuple[str, ...],
    label: str,
    sudo: bool,
    secret_fd: int | None,
    passphrase_fd: int | None,
    data: Path | None,
    as_json: bool,
) -> None:
    body = {"kind": kind, "protocol": protocol, "username": username, "domain": domain, "label": label}
    with connected(data) as client:
        unlock(client, passphrase_fd, inspection_id)
        secret = secret_from(secret_fd, f"账号 {username} 的口令")
        request = {**body, "ranges": list(ranges), "secret": secret, "sudo": sudo}
        put(client.send("POST", f"{V1}/inspections/{inspection_id}/credentials", request), "credential", as_json)


@credential.command("list", help="列出账号（不含口令）。")
@click.argument("inspection_id")
@data_option
@json_option
def credential_list(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{V1}/inspections/{inspection_id}/credentials")["items"]}, "credentials", as_json)


@credential.command("reenter", help="重新录入口令（账号被停用后）。")
@click.argument("inspection_id")
@click.argument("credential_id")
@click.option("--secret-fd", type=int, help="口令从该文件描述符读取（一行）。")
@passphrase_option
@data_option
@json_option
def credential_reenter(
    inspection_id: str,
    credential_id: str,
    secret_fd: int | None,
    passphrase_fd: int | None,
    data: Path | None,
    as_json: bool,
) -> None:
    with connected(data) as client:
        unlock(client, passphrase_fd, inspection_id)
        body = {"secret": secret_from(secret_fd, "口令")}
        path = f"{V1}/inspections/{inspection_id}/credentials/{credential_id}/secret"
        put(client.send("PUT", path, body), "credential", as_json)


@credential.command("remove", help="删除账号。")
@click.argument("inspection_id")
@click.argument("credential_id")
@data_option
@json_option
def credential_remove(inspection_id: str, credential_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        client.send("DELETE", f"{V1}/inspections/{inspection_id}/credentials/{credential_id}")
        put({"removed": credential_id}, "credential", as_json)
