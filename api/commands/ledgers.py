"""``hezheng ledger``, ``proof``."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import click

from api.commands.base import data_option, json_option, put, secret_from, tell
from api.commands.client import connected
from appliance.ledger.model import LedgerKind

ONE = "/api/v1/inspections"
KINDS = click.Choice([kind.value for kind in LedgerKind])


REPLACES = click.option(
    "--replace", "replaces", multiple=True, metavar="文件编号", help="替换在用的哪一份，可多次填写。"
)
ADDS = click.option("--add", "adds", is_flag=True, help="与在用的同类台账并用，重复的行只计一次。")


@click.group(help="台账")
def ledger() -> None:
    pass


@ledger.command("import", help="读取台账文件并预览；接受之前不生效。")
@click.argument("inspection_id")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--kind", type=KINDS, help="台账种类，如 assets 固定资产、licences 附件7；缺省自动识别。")
@click.option("--accept", type=click.Choice(["all", "good"]), help="随即接受全部行，或只接受无误的行。")
@REPLACES
@ADDS
@click.option("--map", "columns", multiple=True, help="列的对应关系，如 单位编号=asset_no；可多次填写，按单位记住。")
@click.option("--password-fd", type=int, help="加密文件的密码从该文件描述符读取。")
@data_option
@json_option
def ledger_import(
    inspection_id: str,
    file: Path,
    kind: str | None,
    accept: str | None,
    replaces: tuple[str, ...],
    adds: bool,
    columns: tuple[str, ...],
    password_fd: int | None,
    data: Path | None,
    as_json: bool,
) -> None:
    fields = {} if kind is None else {"kind": kind}
    if columns:
        fields["mapping"] = json.dumps(_mapping(columns), ensure_ascii=False)
    if password_fd is not None:
        fields["password"] = secret_from(password_fd, "")
    with connected(data) as client:
        preview = client.upload(f"{ONE}/{inspection_id}/ledgers", file, fields)
        if accept:
            decision = {"decision": f"accept_{accept}", "replaces": list(replaces), "adds": adds}
            decided = client.send("POST", f"{ONE}/{inspection_id}/ledgers/{preview['id']}/decision", decision)
            preview |= {"state": decided["state"]}
        put(preview, "ledger", as_json)
    if preview["state"] == "previewed":
        tell("ledger.only_previewed", inspection=inspection_id, file=preview["id"])


@ledger.command("list", help="列出导入的台账。")
@click.argument("inspection_id")
@data_option
@json_option
def ledger_list(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{ONE}/{inspection_id}/ledgers")["items"]}, "ledgers", as_json)


@ledger.command("show", help="一份台账的预览、已读行和问题。")
@click.argument("inspection_id")
@click.argument("file_id")
@data_option
@json_option
def ledger_show(inspection_id: str, file_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(client.get(f"{ONE}/{inspection_id}/ledgers/{file_id}"), "ledger", as_json)


@ledger.command("decide", help="accept_all 全部接受、accept_good 只接受无误的行、reject 不采用。")
@click.argument("inspection_id")
@click.argument("file_id")
@click.argument("decision", type=click.Choice(["accept_all", "accept_good", "reject"]))
@REPLACES
@ADDS
@data_option
@json_option
def ledger_decide(
    inspection_id: str,
    file_id: str,
    decision: str,
    replaces: tuple[str, ...],
    adds: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    with connected(data) as client:
        path = f"{ONE}/{inspection_id}/ledgers/{file_id}/decision"
        body = {"decision": decision, "replaces": list(replaces), "adds": adds}
        put(client.send("POST", path, body), "ledger", as_json)


@ledger.command("map", help="更正列的对应关系并重新预览；按单位记住。例：单位编号=asset_no，星座= 表示不用该列。")
@click.argument("inspection_id")
@click.argument("file_id")
@click.argument("columns", nargs=-1, required=True)
@click.option("--password-fd", type=int, help="加密文件的密码从该文件描述符读取。")
@data_option
@json_option
def ledger_map(
    inspection_id: str,
    file_id: str,
    columns: tuple[str, ...],
    password_fd: int | None,
    data: Path | None,
    as_json: bool,
) -> None:
    body: dict[str, object] = {"mapping": _mapping(columns)}
    if password_fd is not None:
        body["password"] = secret_from(password_fd, "")
    with connected(data) as client:
        preview = client.send("POST", f"{ONE}/{inspection_id}/ledgers/{file_id}/mapping", body)
        put(preview, "ledger", as_json)


def _mapping(columns: tuple[str, ...]) -> dict[str, str]:
    pairs = [column.rpartition("=") for column in columns]
    if any(not mark for _, mark, _ in pairs):
        raise click.UsageError("列的写法是 列名=字段。")
    return {header: field for header, _, field in pairs}


@ledger.command("forms", help="各种台账的字段名，用于更正列的对应关系。")
@data_option
@json_option
def ledger_forms(data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get("/api/v1/ledger-forms")["items"]}, "ledger_forms", as_json)


@ledger.command("rows", help="在用台账的记录，同类各份合在一起，重复的行只列一次。")
@click.argument("inspection_id")
@click.argument("kind", type=KINDS)
@data_option
@json_option
def ledger_rows(inspection_id: str, kind: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.all(f"{ONE}/{inspection_id}/declared/{kind}", limit=1000)}, "ledger_rows", as_json)


@ledger.command("differences", help="差异表：检查工具的结果与最近一次判定不同之处，逐台列出。")
@click.argument("inspection_id")
@data_option
@json_option
def ledger_differences(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{ONE}/{inspection_id}/differences")["items"]}, "differences", as_json)


@ledger.command("findings", help="已采用台账中不符合台账管理规定之处。")
@click.argument("inspection_id")
@data_option
@json_option
def ledger_findings(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{ONE}/{inspection_id}/form-findings")["items"]}, "form_findings", as_json)


@ledger.command("links", help="列出计算机编号与资产编号、计算机名的对应关系。")
@click.argument("inspection_id")
@data_option
@json_option
def ledger_links(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{ONE}/{inspection_id}/links")["items"]}, "links", as_json)


@ledger.command("link", help="手工填写或更正一个计算机编号的对应关系；--delete 撤回。")
@click.argument("inspection_id")
@click.argument("computer_no")
@click.option("--asset", default="", help="资产编号。")
@click.option("--hostname", default="", help="计算机名。")
@click.option("--address", "addresses", multiple=True, help="IP 地址，可多次填写。")
@click.option("--delete", is_flag=True, help="撤回手工填写的内容。")
@data_option
@json_option
def ledger_link(
    inspection_id: str,
    computer_no: str,
    asset: str,
    hostname: str,
    addresses: tuple[str, ...],
    delete: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    path = f"{ONE}/{inspection_id}/links/{quote(computer_no, safe='')}"
    body = {"asset_no": asset, "hostname": hostname, "addresses": list(addresses)}
    with connected(data) as client:
        put(client.send("DELETE", path) if delete else client.send("PUT", path, body), "link", as_json)


@click.group(help="授权证明")
def proof() -> None:
    pass


@proof.command("record", help="登记某软件编号的授权证明：P0 仅台账、P1 合同或发票、P2 授权证书。")
@click.argument("inspection_id")
@click.argument("software_no")
@click.argument("level", type=click.Choice(["P0", "P1", "P2"]))
@click.option("--kind", default="", help="合同、发票、授权证书等。")
@click.option("--number", default="", help="编号。")
@click.option("--note", default="")
@data_option
@json_option
def proof_record(
    inspection_id: str,
    software_no: str,
    level: str,
    kind: str,
    number: str,
    note: str,
    data: Path | None,
    as_json: bool,
) -> None:
    body = {"software_no": software_no, "level": level, "kind": kind, "number": number, "note": note}
    with connected(data) as client:
        recorded = client.send("POST", f"{ONE}/{inspection_id}/proofs", body)
        put(recorded, "proof", as_json)
    if not recorded["on_ledger"]:
        tell("proof.not_on_ledger", software_no=recorded["software_no"])


@proof.command("list", help="列出授权证明。")
@click.argument("inspection_id")
@data_option
@json_option
def proof_list(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{ONE}/{inspection_id}/proofs")["items"]}, "proofs", as_json)
