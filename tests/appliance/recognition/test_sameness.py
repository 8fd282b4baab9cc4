"""Two addresses of one computer are one host; clones, renamed computers and borrowed adapters are counted right."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.recognition.sameness import Decided, Sameness, Seen, same_computers
from config.messages import catalogue, render
from scanner.model import Identity

WIRED, WIFI, OTHER = "8C:16:45:00:00:01", "3C:A0:67:00:00:02", "8C:16:45:00:00:09"
UUID, UUID_2 = "4c4c4544-0042-3510-8051-b4c04f4b3132", "4c4c4544-0042-3510-8051-b4c04f4b3133"
MACHINE = "b08dfa6083e7567a1921a715000001fb"
LAPTOP = Identity(hostname="LT-7", smbios_uuid=UUID, serial="PF2ABCDE", macs=(WIRED, WIFI))


def seen(host: str, mac: str | None = None, known: Identity | None = None, hostname: str | None = None) -> Seen:
    return Seen(host, f"10.0.0.{host.removeprefix('h')}", mac, known, hostname)


def computers(*hosts: Seen, decided: tuple[Decided, ...] = ()) -> tuple[int, Sameness]:
    """How many computers are counted, in whatever order the hosts come."""
    found = same_computers(hosts, decided)
    for order in list(permutations(hosts))[:6]:
        assert same_computers(order, decided) == found
    return len(hosts) - len(found.main), found


def test_a_laptop_that_was_read_by_wire_and_by_wifi_is_one_computer() -> None:
    count, found = computers(seen("h1", WIRED, LAPTOP), seen("h2", WIFI, LAPTOP))
    assert (count, found.main, found.questions) == (1, {"h2": "h1"}, {})
    assert "10.0.0.1" in render(found.because["h2"])
    assert found.others("h1") == ("h2",)


def test_a_laptop_whose_wifi_address_let_nobody_in_is_still_one_computer() -> None:
    assert computers(seen("h1", WIRED, LAPTOP), seen("h0", WIFI))[1].main == {"h0": "h1"}
    assert computers(seen("h1", WIRED, LAPTOP), seen("h0", WIFI, hostname="lt-7.unit.example"))[0] == 1


def test_ten_clones_with_default_string_warn_and_stay_ten() -> None:
    clones = [
        seen(
            f"h{n}",
            f"8C:16:45:00:01:{n:02X}",
            Identity(
                hostname=f"PC-{n}",
                smbios_uuid="03000200-0400-0500-0006-000700080009",
                serial="Default string",
                machine_sid="S-1-5-21-1-2-3",
                macs=(f"8C:16:45:00:01:{n:02X}",),
            ),
        )
        for n in range(10)
    ]
    count, found = computers(*clones)
    assert (count, found.main) == (10, {})
    assert set(found.questions) == {clone.host_id for clone in clones}, "the shared SID of one disk image is told"
    assert {message.params["count"] for messages in found.questions.values() for message in messages} == {10}


def test_boards_with_one_uuid_and_junk_serials_ask_and_stay_two() -> None:
    one = Identity(hostname="PC-1", smbios_uuid=UUID, serial="To be filled by O.E.M.")
    count, found = computers(seen("h1", WIRED, one), seen("h2", OTHER, Identity(hostname="PC-2", smbios_uuid=UUID)))
    assert (count, set(found.questions)) == (2, {"h1", "h2"})


def test_a_renamed_computer_on_a_new_lease_stays_one() -> None:
    old = Identity(hostname="PC-OLD", smbios_uuid=UUID, serial="PF2ABCDE", macs=(WIRED,))
    new = Identity(hostname="FINANCE-3", smbios_uuid=UUID, serial="PF2ABCDE", macs=(WIRED,))
    assert computers(seen("h10", WIRED, old), seen("h57", WIRED, new))[0] == 1
    linux_old, linux_new = (Identity(hostname=name, macs=(WIRED,), machine_id=MACHINE) for name in ("A", "B"))
    assert computers(seen("h10", WIRED, linux_old), seen("h57", WIRED, linux_new))[0] == 1


def test_two_computers_that_borrow_one_adapter_stay_two_and_ask() -> None:
    one = Identity(hostname="A", serial="PF2ABCDE", macs=(WIRED, OTHER))
    two = Identity(hostname="B", serial="PF2XXXYZ", macs=(WIFI, OTHER))
    count, found = computers(seen("h1", OTHER, one), seen("h2", OTHER, two))
    assert (count, set(found.questions)) == (2, {"h1", "h2"})


def test_two_computers_are_not_joined_through_the_address_of_an_adapter_they_borrow() -> None:
    one = Identity(hostname="A", serial="PF2ABCDE", macs=(WIRED, OTHER))
    two = Identity(hostname="B", serial="PF2XXXYZ", macs=(WIFI, OTHER))
    count, found = computers(seen("h1", WIRED, one), seen("h2", WIFI, two), seen("h3", OTHER))
    assert (count, found.main) == (2, {"h3": "h1"})
    assert "h2" in found.questions


def test_a_chain_of_addresses_is_one_computer_and_each_says_what_joined_it() -> None:
    first = Identity(hostname="B", smbios_uuid=UUID, serial="PF2XXXYZ")
    second = Identity(hostname="A", smbios_uuid=UUID, macs=(WIRED,))
    third = Identity(hostname="A", smbios_uuid=UUID, serial="PF2XXXYZ")
    count, found = computers(*(seen(f"h{n}", WIRED, known) for n, known in enumerate((first, second, third))))
    assert (count, set(found.because)) == (1, {"h1", "h2"})


def test_an_unread_address_under_another_name_is_asked_not_merged() -> None:
    count, found = computers(seen("h1", WIRED, LAPTOP), seen("h2", WIFI, hostname="PRINTSRV"))
    assert (count, set(found.questions)) == (2, {"h1", "h2"})


@pytest.mark.parametrize("mac", ["02:42:ac:11:00:01", "DA:A1:19:00:00:01", "00:00:00:00:00:00"])
def test_shared_virtual_and_random_cards_join_nothing(mac: str) -> None:
    one, two = Identity(hostname="PC", macs=(mac,)), Identity(hostname="PC", macs=(mac,))
    assert computers(seen("h1", mac, one), seen("h2", mac, two)) == (2, Sameness({}, {}, {}, {}))


def test_a_host_name_alone_joins_nothing() -> None:
    assert computers(seen("h1", WIRED, Identity(hostname="PC")), seen("h2", WIFI, Identity(hostname="PC")))[0] == 2


def test_a_persons_word_goes_before_all_evidence() -> None:
    both = (seen("h1", WIRED, LAPTOP), seen("h2", WIFI, LAPTOP))
    assert computers(*both, decided=(Decided("h2", "h1", same=False),)) == (2, Sameness({}, {}, {}, {}))
    strangers = (seen("h1", WIRED, Identity(hostname="A")), seen("h2", OTHER, Identity(hostname="B")))
    assert computers(*strangers, decided=(Decided("h1", "h2", same=True),))[0] == 1


def test_every_sentence_exists() -> None:
    assert {"sameness.joined", "sameness.ask"} <= set(catalogue())


MACS = st.sampled_from([WIRED, WIFI, OTHER, "02:42:ac:11:00:01", "", "rubbish"])
KNOWN = st.builds(
    Identity,
    hostname=st.sampled_from(["A", "B", None]),
    smbios_uuid=st.sampled_from([UUID, UUID_2, "Default string", None]),
    serial=st.sampled_from(["PF2ABCDE", "PF2XXXYZ", "0", None]),
    macs=st.lists(MACS, max_size=2).map(tuple),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(MACS, st.none() | KNOWN), max_size=5), st.randoms())
def test_the_order_of_hosts_changes_nothing_and_contradicted_computers_are_never_joined(
    rows: list[tuple[str, Identity | None]], shuffle: object
) -> None:
    hosts = [seen(f"h{n}", mac, known) for n, (mac, known) in enumerate(rows)]
    found = same_computers(hosts)
    assert same_computers(hosts[::-1]) == found
    assert set(found.main) == set(found.because)
    serials = {host.host_id: host.known.serial for host in hosts if host.known and host.known.serial not in ("0", None)}
    groups = {host: found.main.get(host, host) for host in serials}
    assert all(serials[a] == serials[b] for a in groups for b in groups if groups[a] == groups[b])
    assert not set(found.main) & set(found.main.values()), "who stands for a computer is represented by nobody"
