"""``hezheng evidence import`` and ``imports``."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.base import data_option, follow, json_option, put
from api.commands.client import connected
from api.commands.evidence_replay import evidence

V1 = "/api/v1"


@evidence.command("import", help="导入其他电脑封存的证据包：先核验，再作为只读的督查供查看、解释和作为回头看的基线。")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--signer", default="", help="签名人公钥指纹（纸质记录上的 64 位十六进制数）；首次采用该签名人时必须给出。"
)
@data_option
@json_option
def evidence_import(file: Path, signer: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        body = {"path": str(file.absolute()), "signer": signer}
        put(follow(client, client.send("POST", f"{V1}/imports", body))["result"], "import", as_json)


@evidence.command("imports", help="列出导入的督查。")
@data_option
@json_option
def evidence_imports(data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{V1}/imports")["items"]}, "imports", as_json)
