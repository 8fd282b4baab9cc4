"""One address that contradicts itself is suspected of hiding several computers; an ordinary computer is not."""

from __future__ import annotations

import pytest

from config.messages import catalogue
from scanner.nat import one_card_many_names, suspicions
from scanner.sighting import Sighting

ADDRESS, MAC = "10.0.0.12", "8C:16:45:00:00:12"
NTLM = Sighting(source="ntlm", hostname="PC-12", build="10.0.19045")


@pytest.mark.parametrize(
    ("seen", "codes"),
    [
        ((NTLM, Sighting(source="netbios", hostname="PC-12", ttl=128)), []),
        ((NTLM, Sighting(source="oxid", hostname="pc-12", addresses=("10.0.0.12", "192.168.56.1", "fe80::1"))), []),
        ((Sighting("ntlm", hostname="LONG-NAME-OF-A-PC"), Sighting("netbios", hostname="LONG-NAME-OF-A-")), []),
        ((Sighting(source="ssh", banner="SSH-2.0-OpenSSH_for_Windows_8.1"), NTLM), []),
        ((Sighting("ssh", banner="SSH-2.0-OpenSSH_8.9p1 Ubuntu-3"), Sighting("ntlm", hostname="NAS")), []),
        ((NTLM, Sighting(source="netbios", hostname="PC-33")), ["nat.names_differ"]),
        ((NTLM, Sighting(source="oxid", addresses=("192.168.1.5",))), ["nat.address_elsewhere"]),
        ((NTLM, Sighting(source="ssh", banner="SSH-2.0-OpenSSH_8.9p1 Ubuntu-3")), ["nat.systems_differ"]),
        ((Sighting(source="netbios", hostname="PC-12", ttl=127),), ["nat.one_hop_behind"]),
        ((), []),
    ],
)  # fmt: skip
def test_a_contradiction_is_named_and_nothing_else(seen: tuple[Sighting, ...], codes: list[str]) -> None:
    found = suspicions(ADDRESS, MAC, seen)
    assert [message.code for message in found] == codes
    assert set(codes) <= set(catalogue())


def test_behind_a_router_of_the_unit_one_hop_is_ordinary() -> None:
    assert suspicions(ADDRESS, None, (Sighting(source="netbios", hostname="PC-12", ttl=127),)) == ()


def test_one_card_under_several_names_is_suspected_at_each_address() -> None:
    hosts = [("10.0.0.1", MAC, "pc-1"), ("10.0.0.2", MAC, "pc-2"), ("10.0.0.3", "other", "pc-3"), ("10.0.0.4", MAC, "")]
    assert sorted(one_card_many_names(hosts)) == ["10.0.0.1", "10.0.0.2", "10.0.0.4"]
