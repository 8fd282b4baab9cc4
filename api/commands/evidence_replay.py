"""``hezheng evidence replay``."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.base import data_option, json_option, put, tell
from api.commands.evidence import evidence, known_signers
from config.problems import Exit


@evidence.command(
    "replay",
    help="复算证据包：由其中的原始应答重新得出事实、判定和比率，与封存的逐项比较。不执行包内任何内容。"
    "一致退出码为 0，有差异为 1；由其他版本封存时说明应安装的版本，退出码为 7。",
)
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--signer", help="签名人公钥指纹（纸质记录上的 64 位十六进制数）。")
@data_option
@json_option
@click.pass_context
def evidence_replay(context: click.Context, file: Path, signer: str | None, data: Path | None, as_json: bool) -> None:
    from appliance.visits.replaying import replay_bundle

    found = replay_bundle(file, () if signer else known_signers(data), signer, None).to_json()
    put(found, "replay", as_json)
    if found["outcome"] == "identical":
        tell("replay.identical")
        return
    tell("replay.different", count=found["differences"], shown=len(found["first"]))
    if not found["same_program"]:
        tell("replay.other_program")
    context.exit(int(Exit.NO))
