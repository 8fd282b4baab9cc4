"""The command ``hezheng``: noun, then verb. Heavy modules are imported by the command that needs them."""

from __future__ import annotations

import gc
import sys

import click

from api.commands.backup import backup, restore
from api.commands.base import guarded
from api.commands.catalogue import catalogue
from api.commands.collector import collector
from api.commands.credentials import credential, vault
from api.commands.demo import demo
from api.commands.ending import inspection
from api.commands.evidence_merge import evidence
from api.commands.follow_up import follow_up
from api.commands.hosts import host
from api.commands.inspections import authorisation, segment, unit
from api.commands.ledgers import ledger, proof
from api.commands.policies import policy
from api.commands.records import decision, explain, objection, record
from api.commands.recover import recover
from api.commands.rectify import rectify
from api.commands.results import audit, finding, rate, verdict
from api.commands.scans import facts, scan
from api.commands.schedule import schedule
from api.commands.serve import link, serve
from api.commands.wording import install, name_parameters

COMMANDS: tuple[click.Command, ...] = (
    serve,
    link,
    demo,
    unit,
    policy,
    inspection,
    authorisation,
    segment,
    ledger,
    proof,
    vault,
    credential,
    scan,
    schedule,
    host,
    facts,
    collector,
    audit,
    verdict,
    finding,
    rate,
    explain,
    decision,
    objection,
    record,
    follow_up,
    rectify,
    evidence,
    recover,
    backup,
    restore,
    catalogue,
)


@click.group(help="核正：软件正版化督查工具。在被检查单位的局域网内只读采集，判定并封存证据。")
@click.version_option(package_name="hezheng", message="%(prog)s %(version)s", help="显示版本。")
def hezheng() -> None:
    pass


for command in COMMANDS:
    hezheng.add_command(command)


ALLOCATIONS_BETWEEN_LOOKS = 20_000
"""A command loads a thousand modules, none of which is ever freed: Python's 700 cost a sixth of its start."""


def main() -> None:
    """Entry point of the console script."""
    gc.set_threshold(ALLOCATIONS_BETWEEN_LOOKS)
    install()
    name_parameters([hezheng])
    sys.exit(guarded(lambda: hezheng.main(standalone_mode=False)))
