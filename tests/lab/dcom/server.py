"""The peer itself: port 135 with activation, and an object port with WMI. Many can run at once, one address each."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from tests.lab.dcom import ndr, wql
from tests.lab.dcom.ndr import Reader, guid
from tests.lab.dcom.ntlm import Acceptor
from tests.lab.dcom.parameters import read_parameters
from tests.lab.dcom.rpc import ACCESS_DENIED, Association, Call, Cut, RpcFault, Service, Tamper
from tests.lab.dcom.stdregprov import CLASS as STDREGPROV
from tests.lab.dcom.stdregprov import Hive
from tests.lab.dcom.wmio import CimClass, CimValue, class_object, instance, parameters_class

INTERFACES = {
    guid(text) + bytes(4): name
    for name, text in {
        "IObjectExporter": "99fcfec4-5260-101b-bbcb-00aa0021347a",
        "IRemoteSCMActivator": "000001a0-0000-0000-c000-000000000046",
        "IRemUnknown": "00000131-0000-0000-c000-000000000046",
        "IRemUnknown2": "00000143-0000-0000-c000-000000000046",
        "IWbemLevel1Login": "f309ad18-d86a-11d0-a075-00c04fb68820",
        "IWbemServices": "9556dc99-828c-11cf-a37e-00aa003240c7",
        "IEnumWbemClassObject": "027947e1-d731-11ce-a357-000000000001",
    }.items()
}
IIDS = {name: iid[:16] for iid, name in INTERFACES.items()}
LEVEL1_LOGIN_CLSID = guid("8bc3f05e-d86b-11d0-a075-00c04fb68820")
PROPERTIES_OUT = guid("000001a3-0000-0000-c000-000000000046")
PROPERTIES_OUT_CLSID = guid("00000339-0000-0000-c000-000000000046")
SCM_REPLY_CLSID = guid("000001b6-0000-0000-c000-000000000046")

OXID = 0x1122334455667788
DYNAMIC_PORTS = (49152, 65536)
CLASS_NOT_REGISTERED, NOT_SUPPORTED, UNKNOWN_OPERATION, DISCONNECTED = 0x80040154, 0x8004100C, 0x1C010002, 0x80010108
INVALID_NAMESPACE, INVALID_CLASS, INVALID_QUERY, WBEM_DENIED = 0x8004100E, 0x80041010, 0x80041017, 0x80041003
E_ACCESSDENIED = 0x80070005
ENDED = 1

Row = Mapping[str, CimValue]
Table = tuple[CimClass, Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong on purpose."""

    filtered_token: bool = False  # logs in, may not activate
    activation_status: int = 0  # the HRESULT that activation returns
    activation_fault: int = 0
    least_level: int = 0  # KB5004442: activation below this authentication level is denied
    no_ntlm: bool = False
    object_port_closed: bool = False
    namespace_denied: bool = False
    late_errors: bool = False  # a bad class is told at Next, as with RETURN_IMMEDIATELY it may be
    next_seconds: float = 0.0
    cut_after: int | None = None  # rows
    unsigned: bool = False
    withheld_ntlm_flags: int = 0
    tamper: Tamper | None = None
    endless: bool = False  # Next never ends


@dataclass(frozen=True, slots=True, kw_only=True)
class WmiPc:
    """A computer: namespaces as ``{"root/cimv2": {"Win32_BIOS": (class, rows)}}``, and its registry."""

    address: str
    name: str = "TESTPC"
    users: Mapping[str, str] = field(default_factory=dict[str, str])
    namespaces: Mapping[str, Mapping[str, Table]] = field(default_factory=dict[str, Mapping[str, Table]])
    hive: Hive | None = None
    faults: Faults = Faults()
    null_fill: bytes = b"\0"
    per_property_qualifiers: bool = False
    fragment: int = 4280


@dataclass
class Exported:
    """One object that was handed out."""

    interface: str
    namespace: str = ""
    cls: CimClass | None = None
    rows: Sequence[Row] = ()
    at: int = 0
    status: int = 0


def _object_socket(address: str) -> socket.socket:
    """A listener on a dynamic port as Windows gives them, not as this machine would."""
    for port in range(*DYNAMIC_PORTS):
        with contextlib.suppress(OSError):  # taken
            return socket.create_server((address, port))
    raise OSError("no dynamic port is free")


class WmiPeer:
    """``with WmiPeer(pc) as peer``: serves until the end of the block; ``calls`` is everything that was asked."""

    def __init__(self, pc: WmiPc, port: int = 135) -> None:
        self.pc = pc
        self.calls: list[tuple[str, int]] = []
        self.methods: list[str] = []
        self.queries: list[str] = []
        self.released: list[bytes] = []
        self._objects: dict[bytes, Exported] = {}
        self._rem_unknown = uuid.uuid4().bytes
        self._lock = threading.Lock()
        self._oid = 0x100
        self._given = 0
        self._sockets = [_object_socket(pc.address), socket.create_server((pc.address, port))]
        self.object_port: int = self._sockets[0].getsockname()[1]
        self.port: int = self._sockets[1].getsockname()[1]
        self._service = Service(
            INTERFACES, self._acceptor, self._dispatch, self._interface_of, str(self.object_port), pc.fragment,
            not pc.faults.unsigned, pc.faults.tamper, refuses_ntlm=pc.faults.no_ntlm,
        )  # fmt: skip

    def __enter__(self) -> Self:
        if self.pc.faults.object_port_closed:
            self._sockets.pop(0).close()
        for listener in self._sockets:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for listener in self._sockets:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), so that the port is free at once
            listener.close()

    @property
    def held(self) -> int:
        """How many objects clients still hold."""
        return len(self._objects)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=Association(self._service, sock).serve, daemon=True).start()

    def _acceptor(self) -> Acceptor:
        return Acceptor(self.pc.users, self.pc.name, self.pc.faults.withheld_ntlm_flags)

    def _interface_of(self, ipid: bytes) -> str | None:
        if ipid == self._rem_unknown:
            return "IRemUnknown"
        known = self._objects.get(ipid)
        return known.interface if known else None

    def _dispatch(self, call: Call) -> bytes:
        self.calls.append((call.interface, call.opnum))
        if call.user is None and call.interface != "IObjectExporter":
            raise RpcFault(ACCESS_DENIED)
        handler = {
            "IObjectExporter": self._exporter,
            "IRemoteSCMActivator": self._activate,
            "IRemUnknown": self._rem_unknown_call,
            "IRemUnknown2": self._rem_unknown_call,
            "IWbemLevel1Login": self._login,
            "IWbemServices": self._services,
            "IEnumWbemClassObject": self._next,
        }.get(call.interface)
        if handler is None:
            raise RpcFault(UNKNOWN_OPERATION)
        return handler(call)

    def _bindings(self) -> bytes:
        return ndr.dual_strings(f"{host}[{self.object_port}]" for host in (self.pc.name, self.pc.address))

    def _export(self, exported: Exported) -> bytes:
        ipid = uuid.uuid4().bytes
        with self._lock:
            self._oid += 1
            self._objects[ipid] = exported
        return ndr.objref_standard(IIDS[exported.interface], OXID, self._oid, ipid)

    def _exporter(self, call: Call) -> bytes:
        if call.opnum == 5:  # ServerAlive2
            return struct.pack("<HHI", 5, 7, 0x20000) + ndr.pad(self._bindings(), 4) + bytes(8)
        if call.opnum == 3:  # ServerAlive
            return bytes(4)
        if call.opnum == 2:  # ComplexPing
            return struct.pack("<QHHI", 7, 0, 0, 0)
        raise RpcFault(UNKNOWN_OPERATION)

    def _activate(self, call: Call) -> bytes:
        if call.opnum != 4:
            raise RpcFault(UNKNOWN_OPERATION)
        faults = self.pc.faults
        if faults.filtered_token or faults.activation_fault:
            raise RpcFault(faults.activation_fault or ACCESS_DENIED)
        if faults.activation_status or call.level < faults.least_level:
            return ndr.returns(None, faults.activation_status or E_ACCESSDENIED)
        reader = Reader(call.stub)
        reader.orpc_this()
        reader.number()
        properties = reader.pointer()[48:]
        info = properties[8 + struct.unpack_from("<I", properties, 28)[0] :]
        if info[16:32] != LEVEL1_LOGIN_CLSID or IIDS["IWbemLevel1Login"] not in info:
            return ndr.returns(None, CLASS_NOT_REGISTERED)
        login = self._export(Exported("IWbemLevel1Login"))
        return ndr.returns(ndr.objref_custom(PROPERTIES_OUT, PROPERTIES_OUT_CLSID, self._activated(login)))

    def _activated(self, login: bytes) -> bytes:
        """ActivationPropertiesOut: header, PropsOutInfo, ScmReplyInfoData ([MS-DCOM] §2.2.22)."""
        props = struct.pack("<IIIII", 1, 0x20000, 0x20004, 0x20008, 1) + IIDS["IWbemLevel1Login"]
        props = ndr.serialized(props + struct.pack("<IIII", 1, 0, 1, 0x2000C) + ndr.interface(login))
        reply = struct.pack("<IIQI", 0, 0x20000, OXID, 0x20004) + self._rem_unknown
        reply = ndr.serialized(reply + struct.pack("<IHH", 6, 5, 7) + self._bindings())
        fixed = struct.pack("<III", 0, 2, 2) + bytes(16) + struct.pack("<III", 0x20000, 0x20004, 0)
        listed = struct.pack("<I", 2) + PROPERTIES_OUT_CLSID + SCM_REPLY_CLSID
        listed += struct.pack("<III", 2, len(props), len(reply))
        size = len(ndr.serialized(bytes(8) + fixed + listed))
        total = size + len(props) + len(reply)
        header = ndr.serialized(struct.pack("<II", total, size) + fixed + listed)
        return struct.pack("<II", total, 0) + header + props + reply

    def _rem_unknown_call(self, call: Call) -> bytes:
        reader = Reader(call.stub)
        reader.orpc_this()
        if call.opnum == 5:  # RemRelease
            reader.number("<H")
            for _ in range(reader.number()):
                ipid = reader.raw(16)
                reader.raw(8)
                self.released.append(ipid)
                self._objects.pop(ipid, None)
            return bytes(12)
        if call.opnum == 4:  # RemAddRef
            count = reader.number("<H")
            return bytes(8) + struct.pack("<I", count) + bytes(4 * count) + bytes(4)
        return bytes(12) + struct.pack("<I", 0x80004002)

    def _login(self, call: Call) -> bytes:
        reader = Reader(call.stub)
        reader.orpc_this()
        if call.opnum != 6:
            raise RpcFault(UNKNOWN_OPERATION)
        namespace = reader.wide_string().replace("\\", "/").casefold().lstrip("/.")
        known = {name.casefold(): name for name in [*self.pc.namespaces, *(["root/default"] if self.pc.hive else [])]}
        if self.pc.faults.namespace_denied:
            return ndr.returns(None, WBEM_DENIED)
        if namespace not in known:
            return ndr.returns(None, INVALID_NAMESPACE)
        return ndr.returns(self._export(Exported("IWbemServices", known[namespace])))

    def _services(self, call: Call) -> bytes:
        reader = Reader(call.stub)
        reader.orpc_this()
        services = self._objects.get(call.ipid)
        if services is None:
            raise RpcFault(DISCONNECTED)
        if call.opnum == 20:
            return self._query(services.namespace, reader)
        if call.opnum == 6:
            return self._class(services.namespace, reader.bstr())
        if call.opnum == 24:
            return self._method(services.namespace, reader)
        return ndr.returns(None, NOT_SUPPORTED)

    def _tables(self, namespace: str) -> dict[str, Table]:
        return {name.casefold(): table for name, table in self.pc.namespaces.get(namespace, {}).items()}

    def _query(self, namespace: str, reader: Reader) -> bytes:
        reader.bstr()
        text = reader.bstr()
        self.queries.append(text)
        exported, status = self._selected(namespace, text)
        if status and not self.pc.faults.late_errors:
            return ndr.returns(None, status)
        return ndr.returns(self._export(exported))

    def _selected(self, namespace: str, text: str) -> tuple[Exported, int]:
        empty = Exported("IEnumWbemClassObject", namespace)
        try:
            query = wql.parse(text)
        except wql.BadQuery:
            return _failing(empty, INVALID_QUERY)
        table = self._tables(namespace).get(query.name.casefold())
        if table is None:
            return _failing(empty, INVALID_CLASS)
        cls, rows = table
        known = {prop.name.casefold() for prop in cls.props}
        if query.columns and any(column.casefold() not in known for column in query.columns):
            return _failing(empty, INVALID_QUERY)
        shown = cls.project(query.columns) if query.columns else cls
        found = [row for row in rows if query.matches(row)]
        return Exported("IEnumWbemClassObject", namespace, shown, found), 0

    def _next(self, call: Call) -> bytes:
        reader = Reader(call.stub)
        reader.orpc_this()
        state = self._objects.get(call.ipid)
        if state is None or call.opnum != 4:
            raise RpcFault(DISCONNECTED)
        reader.number()
        wanted = reader.number()
        time.sleep(self.pc.faults.next_seconds)
        rows = state.rows[state.at : state.at + wanted]
        state.at = 0 if self.pc.faults.endless else state.at + len(rows)
        self._given += len(rows)
        if self.pc.faults.cut_after is not None and self._given > self.pc.faults.cut_after:
            raise Cut
        units = [self._unit(state, row) for row in rows]
        out = bytes(8) + struct.pack("<III", wanted, 0, len(rows))
        out += b"".join(struct.pack("<I", 0x20000 + 4 * index) for index in range(len(rows)))
        out += b"".join(ndr.interface(ndr.wbem_object(unit)) for unit in units)
        ended = 0 if len(rows) == wanted or self.pc.faults.endless else ENDED
        return out + struct.pack("<II", len(rows), state.status or ended)

    def _unit(self, state: Exported, row: Row) -> bytes:
        assert state.cls is not None
        names = {prop.name.casefold() for prop in state.cls.props}
        return instance(
            state.cls,
            {name: value for name, value in row.items() if name.casefold() in names},
            self.pc.name,
            state.namespace.replace("/", "\\").upper(),
            null_fill=self.pc.null_fill,
            per_property_qualifiers=self.pc.per_property_qualifiers,
        )

    def _class(self, namespace: str, path: str) -> bytes:
        if self.pc.hive is None or path.casefold() != "stdregprov" or namespace.casefold() != "root/default":
            return ndr.returns_object(None, 0x80041002)
        return ndr.returns_object(class_object(STDREGPROV, self.pc.name, "ROOT\\DEFAULT"))

    def _method(self, namespace: str, reader: Reader) -> bytes:
        path, name = reader.bstr(), reader.bstr()
        assert (reader.number(), reader.number()) == (0, 0), "no flags, no context"
        self.methods.append(name)
        method = next((m for m in STDREGPROV.methods if m.name == name), None)
        if self.pc.hive is None or path.casefold() != "stdregprov" or method is None:
            return ndr.returns_object(None, 0x80041002)
        given = read_parameters(parameters_class(method.inputs), reader.pointer()[48:])
        answer = self.pc.hive.call(name, given)
        return ndr.returns_object(instance(parameters_class(method.outputs), answer, self.pc.name, "ROOT\\DEFAULT"))


def _failing(exported: Exported, status: int) -> tuple[Exported, int]:
    exported.status = status
    return exported, status
