"""``hezheng evidence``: the signing sheet, the second seal, the custody log, certificates and decryption."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.base import data_option, follow, json_option, passphrase_option, put, secret_from, tell, unlock
from api.commands.client import connected
from api.commands.evidence import ONE, confirmed_unencrypted, require_place, saved, unencrypted_option
from api.commands.evidence_import import evidence
from config.problems import Exit

OFFICE = "/api/v1/office-certificate"
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT = click.Path(dir_okay=False, path_type=Path)


@evidence.command("sheet", help="封存后生成签字页（HTML，含二维码和摘要），用浏览器打开后打印，由双方签字。")
@click.argument("inspection_id")
@click.option("--out", type=OUT, required=True, help="写入此文件（.html）。")
@data_option
@json_option
def evidence_sheet(inspection_id: str, out: Path, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        out.write_bytes(client.download(f"{ONE}/{inspection_id}/signing-sheet?standalone=true"))
    tell("evidence.sheet_written", path=str(out))
    _put_path(out, as_json)


def _put_path(out: Path, as_json: bool) -> None:
    if as_json:
        put({"path": str(out.absolute())}, "file", as_json)


@evidence.command("sign", help="第二次封存：加入双方签字的扫描件（PDF、图片、OFD），与第一次封存相连。")
@click.argument("inspection_id")
@click.argument("papers", nargs=-1, type=FILE)
@click.option("--out", type=OUT, help="另存一份到此文件。")
@unencrypted_option
@passphrase_option
@data_option
@json_option
def evidence_sign(
    inspection_id: str,
    papers: tuple[Path, ...],
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
        for paper in papers:
            client.upload(f"{ONE}/{inspection_id}/papers", paper, {})
        sealed = follow(client, client.send("POST", f"{ONE}/{inspection_id}/second-seal", body))["result"]
        put(saved(client, inspection_id, sealed, out), "bundle", as_json)


@evidence.command("custody", help="核对操作日志，显示末行序号和摘要；被改动时退出码为 1。")
@click.argument("inspection_id")
@data_option
@json_option
@click.pass_context
def evidence_custody(context: click.Context, inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        found = client.get(f"{ONE}/{inspection_id}/custody")
    put(found, "custody", as_json)
    context.exit(int(Exit.DONE if found["intact"] else Exit.NO))


@evidence.command("certificate", help="显示本机封存所用的证书和指纹；首次使用时生成，需要口令库密码。")
@passphrase_option
@data_option
@json_option
def evidence_certificate(passphrase_fd: int | None, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        unlock(client, passphrase_fd)
        put(client.get("/api/v1/seal-certificate"), "certificate", as_json)


@evidence.group("office-certificate", help="接收证据包的机关证书；设置后，存出的证据包一律加密。")
def office_certificate() -> None:
    pass


@office_certificate.command("set", help="设置机关证书（PEM）。")
@click.argument("file", type=FILE)
@data_option
@json_option
def office_certificate_set(file: Path, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        body = {"pem": file.read_text("ascii", "replace")}
        put(client.send("PUT", OFFICE, body), "certificate", as_json)


@office_certificate.command("show", help="显示机关证书。")
@data_option
@json_option
def office_certificate_show(data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(client.get(OFFICE), "certificate", as_json)


@office_certificate.command("remove", help="不再加密；封存时须逐次确认。")
@data_option
@json_option
def office_certificate_remove(data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        client.send("DELETE", OFFICE)
    tell("evidence.office_certificate_removed")
    if as_json:
        put({"removed": True}, "certificate", as_json)


@evidence.command("timestamp-query", help="生成时间戳请求（RFC 3161，.tsq），带到时间戳机构；其中只有封存摘要。")
@click.argument("inspection_id")
@click.option("--out", type=OUT, required=True, help="写入此文件。")
@data_option
@json_option
def evidence_timestamp_query(inspection_id: str, out: Path, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        out.write_bytes(client.download(f"{ONE}/{inspection_id}/timestamp-query"))
    tell("evidence.timestamp_query_written", path=str(out))
    _put_path(out, as_json)


@evidence.command("timestamp", help="收下时间戳机构的答复（.tsr），用机构证书核对，第二次封存时写入证据包。")
@click.argument("inspection_id")
@click.argument("token", type=FILE)
@click.option("--authority", type=FILE, required=True, help="时间戳机构的证书链（PEM）。")
@data_option
@json_option
def evidence_timestamp(inspection_id: str, token: Path, authority: Path, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        fields = {"authority": authority.read_text("ascii", "replace")}
        put(client.upload(f"{ONE}/{inspection_id}/timestamp", token, fields), "timestamp", as_json)


@evidence.command("decrypt", help="在机关用私钥解开加密的证据包（.p7m）；不需要数据目录。")
@click.argument("file", type=FILE)
@click.option("--key", type=FILE, required=True, help="机关证书的私钥（PEM）。")
@click.option("--out", type=OUT, required=True, help="写入此文件（.zip）。")
@click.option("--key-passphrase-fd", type=int, help="从该文件描述符读取私钥口令（一行）；私钥没有口令时不需要。")
@json_option
def evidence_decrypt(file: Path, key: Path, out: Path, key_passphrase_fd: int | None, as_json: bool) -> None:
    from appliance.visits.office import decrypt

    passphrase = "" if key_passphrase_fd is None else secret_from(key_passphrase_fd, "")
    decrypt(file, out, key, passphrase)
    tell("evidence.decrypted", path=str(out))
    _put_path(out, as_json)
