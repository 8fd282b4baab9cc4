"""Asking a computer for its WMI login object: impacket writes the request and reads the answer, nothing more.

Neither its connections nor its tables (which are shared by all hosts of a process) are used: bytes in, bytes out.

References:
    - [MS-DCOM] §2.2.22 (activation properties), §3.1.2.5.2.3.3 (RemoteCreateInstance), §2.2.19 (DUALSTRINGARRAY)
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from impacket.dcerpc.v5 import dcomrt as _impacket
from impacket.dcerpc.v5.dtypes import DWORD as _DWORD
from impacket.dcerpc.v5.dtypes import NULL as _NULL

from scanner.transports.orpc import LEVEL1_LOGIN, ObjectRef, Reader, object_ref
from scanner.transports.smb_wire import Malformed

LEVEL1_LOGIN_CLSID = UUID("8bc3f05e-d86b-11d0-a075-00c04fb68820").bytes_le
IID_PROPERTIES_IN = UUID("000001a2-0000-0000-c000-000000000046").bytes_le
TCP = 7
BROKEN = (struct.error, ValueError, LookupError, TypeError, AttributeError)
PORT = re.compile(r"(?P<host>.*)\[(?P<port>\d{1,5})\]")


@dataclass(frozen=True, slots=True)
class Activated:
    """The login object, its releaser, and where to call them: (host as the computer writes it, port)."""

    login: ObjectRef
    rem_unknown: bytes
    endpoints: tuple[tuple[str, int], ...]

    def port(self, address: str) -> int:
        """The port behind ``address``; the host a computer names is never followed, only its port is taken."""
        own = (port for host, port in self.endpoints if host == address)
        return next(own, self.endpoints[0][1])


def request(causality: bytes) -> bytes:
    """RemoteCreateInstance(CLSID_WbemLevel1Login, IID_IWbemLevel1Login) over TCP."""
    call: Any = _impacket.RemoteCreateInstance()
    this: Any = _impacket.ORPCTHIS()
    this["cid"], this["extensions"], this["flags"] = causality, _NULL, 1
    call["ORPCthis"], call["pUnkOuter"] = this, _NULL
    reference: Any = _impacket.OBJREF_CUSTOM()
    reference["iid"] = IID_PROPERTIES_IN
    reference["clsid"] = _impacket.CLSID_ActivationPropertiesIn
    reference["pObjectData"] = _properties()
    reference["ObjectReferenceSize"] = len(reference["pObjectData"]) + 8
    data = reference.getData()
    call["pActProperties"]["ulCntData"], call["pActProperties"]["abData"] = len(data), list(data)
    return call.getData() + call.getDataReferents()


def _properties() -> bytes:
    blob: Any = _impacket.ACTIVATION_BLOB()
    header = blob["CustomHeader"]
    header["destCtx"], header["pdwReserved"] = 2, _NULL
    parts = (
        (_impacket.CLSID_InstantiationInfo, _instantiation()),
        (_impacket.CLSID_ActivationContextInfo, _context()),
        (_impacket.CLSID_ServerLocationInfo, _location()),
        (_impacket.CLSID_ScmRequestInfo, _scm_request()),
    )
    for clsid, data in parts:
        listed: Any = _impacket.CLSID()
        listed["Data"] = clsid
        header["pclsid"].append(listed)
        header["pSizes"].append(_dword(len(data)))
    blob["Property"] = b"".join(data for _, data in parts)
    return blob.getData()


def _dword(value: int) -> Any:
    made: Any = _DWORD()
    made["Data"] = value
    return made


def _serialized(part: Any) -> bytes:
    data = part.getData() + part.getDataReferents()
    return data + b"\xfa" * (-len(data) % 8)


def _instantiation() -> bytes:
    info: Any = _impacket.InstantiationInfoData()
    info["classId"], info["cIID"] = LEVEL1_LOGIN_CLSID, 1
    iid: Any = _impacket.IID()
    iid["Data"] = LEVEL1_LOGIN[:16]
    info["pIID"].append(iid)
    info["thisSize"] = len(_serialized(info))
    return _serialized(info)


def _context() -> bytes:
    info: Any = _impacket.ActivationContextInfoData()
    info["pIFDClientCtx"] = info["pIFDPrototypeCtx"] = _NULL
    return _serialized(info)


def _location() -> bytes:
    info: Any = _impacket.LocationInfoData()
    info["machineName"] = _NULL
    return _serialized(info)


def _scm_request() -> bytes:
    info: Any = _impacket.ScmRequestInfoData()
    info["pdwReserved"] = _NULL
    info["remoteRequest"]["cRequestedProtseqs"] = 1
    info["remoteRequest"]["pRequestedProtseqs"].append(TCP)
    return _serialized(info)


def parse(stub: bytes) -> Activated:
    """What RemoteCreateInstance answered with success. Raises Malformed."""
    data = Reader(stub).pointer()
    if data is None:
        raise Malformed("activation without an object")
    try:
        return _parse(data)
    except BROKEN as error:
        raise Malformed(f"activation: {error}") from error


def _parse(data: bytes) -> Activated:
    blob: Any = _impacket.ACTIVATION_BLOB(_impacket.OBJREF_CUSTOM(data)["pObjectData"])
    first, second = (size["Data"] for size in blob["CustomHeader"]["pSizes"][:2])
    reply: Any = _read(_impacket.ScmReplyInfoData(), blob["Property"][first : first + second])["remoteReply"]
    properties: Any = _read(_impacket.PropsOutInfo(), blob["Property"][:first])
    words = reply["pdsaOxidBindings"]["aStringArray"]
    endpoints = tuple(_endpoints(words[: reply["pdsaOxidBindings"]["wSecurityOffset"]]))
    if not endpoints:
        raise Malformed("activation without a TCP endpoint")
    login = object_ref(b"".join(properties["ppIntfData"][0]["abData"]))
    return Activated(login, bytes(reply["ipidRemUnknown"]), endpoints)


def _read(structure: Any, data: bytes) -> Any:
    size = structure.fromString(data)
    structure.fromStringReferents(data[size:])
    return structure


def _endpoints(words: Iterable[int]) -> Iterable[tuple[str, int]]:
    """STRINGBINDINGs (§2.2.19.3): tower number, address as text, zero; an empty one ends them."""
    text = struct.pack(f"<{len(listed := list(words))}H", *listed).decode("utf-16-le", "replace")
    for binding in text.split("\0"):
        found = PORT.fullmatch(binding[1:])
        if binding and ord(binding[0]) == TCP and found and 0 < int(found["port"]) < 65536:
            yield found["host"], int(found["port"])
