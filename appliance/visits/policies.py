"""Use cases: the policy profiles that are there, and a campaign's own one."""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.judgement.policy import PROFILE_NAME, Policy, load_policy, profiles
from appliance.judgement.rates import NAMES
from config.durable import private_folder, replace_file
from config.problems import BadInput, Conflict
from config.toml_place import line_of, syntax_line


def listed(appliance: Appliance) -> list[dict[str, Any]]:
    """``id, title, own, switches, rate_definitions`` of every profile; those that came with the program first."""
    shipped = appliance.loaded_policies.value
    own = [appliance.policy(name) for name in profiles(appliance.folder.policies)]
    return [_shown(policy, policy not in shipped) for policy in (*shipped, *own)]


def add(appliance: Appliance, text: str) -> dict[str, Any]:
    """Keep a campaign's own profile: switches and rate definitions that differ from the profile it extends.

    A profile is never changed: an audit says by its id what it was judged by. Raises BadInput ``policy.own_bad_file``,
    ``policy.unknown_rate``; Conflict ``policy.taken``.
    """
    name = _name_of(text)
    file = appliance.folder.policies / f"{name}.toml"
    if name in profiles(appliance.loaded_policies.source) or (file.is_file() and file.read_text("utf-8") != text):
        raise Conflict("policy.taken", profile=name)
    policy = _tried(appliance, name, text)
    private_folder(appliance.folder.policies)
    replace_file(file, text.encode())
    return _shown(policy, own=True)


def _name_of(text: str) -> str:
    try:
        name = tomllib.loads(text).get("id")
    except tomllib.TOMLDecodeError as error:
        raise BadInput("policy.own_bad_file", line=syntax_line(error), key="", detail=str(error)) from error
    if not isinstance(name, str) or not PROFILE_NAME.fullmatch(name):
        raise BadInput("policy.own_bad_file", line=line_of(text, ("id",)), key="id", detail="a-z 0-9 -")
    return name


def _tried(appliance: Appliance, name: str, text: str) -> Policy:
    """Read it as an audit will, before it is kept."""
    with tempfile.TemporaryDirectory(prefix="hezheng-policy-") as folder:
        (Path(folder) / f"{name}.toml").write_text(text, "utf-8")
        try:
            policy = load_policy(name, appliance.loaded_policies.source, Path(folder))
        except BadInput as problem:
            params = {key: value for key, value in problem.message.params.items() if key in ("line", "key", "detail")}
            raise BadInput("policy.own_bad_file", **params) from problem
    for rate in policy.rate_definitions:
        if rate.partition(".")[0] not in NAMES:
            raise BadInput("policy.unknown_rate", rate=rate[:60], known="、".join(NAMES))
    return policy


def _shown(policy: Policy, own: bool) -> dict[str, Any]:
    return {**policy.to_json(), "own": own}
