"""From the first seal over the signed sheet to the second, encrypted to the office; tools of others agree."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client as WsgiClient

from api.built import build
from api.commands import hezheng as program
from api.commands.base import guarded
from appliance.evidence.certificate import recipient
from appliance.evidence.verify import verify_bundle
from appliance.folder import DataFolder, writing
from config.clock import SystemClock
from config.problems import BadInput, Exit
from tests.api.conftest import Api, Ran, hezheng
from tests.api.test_sealing import judged, sealed

PDF = b"%PDF-1.7 signed by both sides"


@pytest.fixture
def one(api: Api) -> str:
    return judged(api)


def openssl(*arguments: str, cwd: Path, data: bytes | None = None) -> bytes:
    done = subprocess.run(("openssl", *arguments), cwd=cwd, input=data, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def code(api: Api, method: str, path: str, body: Any = None) -> str:
    answer = api.call(method, path, body).json
    assert answer is not None
    return str(answer["code"])


def upload(api: Api, path: str, name: str, content: bytes, **fields: str) -> Any:
    headers = {"Authorization": f"Bearer {api.built.gate.api_token}", "X-Hezheng": "1"}
    data = {**fields, "file": (io.BytesIO(content), name)}
    return api.client.post(path, headers=headers, base_url="http://127.0.0.1:8600", data=data)


def second(api: Api, path: str) -> dict[str, Any]:
    job = api.post(f"{path}/second-seal", {"unencrypted": True})
    result: dict[str, Any] = api.built.appliance.jobs.get(job["id"]).future.result(240)  # pyright: ignore
    return result


def office(folder: Path) -> str:
    """A certificate of the office and, beside it, its private key; the certificate in PEM."""
    new = ("-newkey", "rsa:2048", "-nodes", "-keyout", "office.key", "-out", "office.pem", "-days", "30")
    openssl("req", "-x509", *new, "-subj", "/CN=office", cwd=folder)
    return (folder / "office.pem").read_text()


def test_papers_are_sealed_in_a_second_step_that_chains_the_first(api: Api, one: str, tmp_path: Path) -> None:
    assert code(api, "POST", f"{one}/second-seal", {"unencrypted": True}) == "evidence.not_sealed_yet"
    first = sealed(api, one)
    assert code(api, "POST", f"{one}/second-seal", {"unencrypted": True}) == "evidence.no_papers"
    assert upload(api, f"{one}/papers", "签字页.pdf", b"MZ a program").json["code"] == "evidence.not_a_scan"
    assert upload(api, f"{one}/papers", "签字页.pdf", PDF).status_code == 201
    assert upload(api, f"{one}/papers", "签字页.pdf", PDF).json["code"] == "evidence.paper_exists"
    assert upload(api, f"{one}/papers", "wrong.pdf", PDF).status_code == 201
    assert api.call("DELETE", f"{one}/papers/wrong.pdf").status_code == 204
    assert [paper["name"] for paper in api.get(f"{one}/papers")["items"]] == ["签字页.pdf"]
    result = second(api, one)
    assert (result["digest"], result["seal"]) == (first["digest"], 2)
    found = verify_bundle(Path(result["path"]), [first["fingerprint"]], None)
    assert (found.exit, found.digest, found.second_digest) == (Exit.DONE, first["digest"], result["second_digest"])
    with zipfile.ZipFile(result["path"]) as archive:
        assert archive.read("second/papers/签字页.pdf") == PDF
    for method, path in (("POST", "second-seal"), ("DELETE", "papers/签字页.pdf")):
        assert code(api, method, f"{one}/{path}", {"unencrypted": True}) == "evidence.sealed_twice"
    shutil.unpack_archive(result["path"], tmp_path / "bag")
    script = ("python3", "-I", "verify.py", "--signer", first["fingerprint"])
    assert subprocess.run(script, cwd=tmp_path / "bag", stdout=subprocess.DEVNULL).returncode == 0


def test_sealing_without_an_office_certificate_says_so_and_goes_on_only_when_confirmed(api: Api, one: str) -> None:
    assert code(api, "POST", f"{one}/bundles") == "evidence.no_recipient"
    assert sealed(api, one, unencrypted=True)["encrypted"] is None


def test_what_leaves_the_laptop_is_encrypted_to_the_office(api: Api, one: str, tmp_path: Path) -> None:
    assert code(api, "GET", "/api/v1/office-certificate") == "evidence.no_office_certificate"
    api.call("PUT", "/api/v1/office-certificate", {"pem": office(tmp_path)})
    result = sealed(api, one, unencrypted=False)
    handed = api.call("GET", f"{one}/bundles/{result['id']}/file").data
    assert b"PK\x03\x04" not in handed
    (tmp_path / "bundle.zip.p7m").write_bytes(handed)
    files = (str(tmp_path / "bundle.zip.p7m"), "--key", str(tmp_path / "office.key"))
    opened = hezheng(tmp_path / "nowhere", "evidence", "decrypt", *files, "--out", str(tmp_path / "bundle.zip"))
    assert opened.exit == 0, opened.err
    assert (tmp_path / "bundle.zip").read_bytes() == Path(result["path"]).read_bytes()
    assert (tmp_path / "bundle.zip").stat().st_mode & 0o077 == 0
    plain = api.call("GET", f"{one}/bundles/{result['id']}/file?unencrypted=true").data
    assert plain == Path(result["path"]).read_bytes()
    handed = handed[:-60] + bytes([handed[-60] ^ 1]) + handed[-59:]
    (tmp_path / "bundle.zip.p7m").write_bytes(handed)
    changed = hezheng(tmp_path / "nowhere", "evidence", "decrypt", *files, "--out", str(tmp_path / "changed.zip"))
    assert (changed.exit, (tmp_path / "changed.zip").exists()) == (3, False)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("-newkey", "rsa:1024", "-days", "9"), "evidence.certificate_key"),
        (("-newkey", "ed25519", "-days", "9"), "evidence.certificate_key"),
        ((), "evidence.bad_certificate"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_refused(
    api: Api, tmp_path: Path, options: tuple[str, ...], expected: str
) -> None:
    pem = "no certificate"
    if options:
        made = ("-nodes", "-keyout", "x.key", "-out", "x.pem", "-subj", "/CN=x")
        openssl("req", "-x509", *options, *made, cwd=tmp_path)
        pem = (tmp_path / "x.pem").read_text()
    assert code(api, "PUT", "/api/v1/office-certificate", {"pem": pem}) == expected


def test_a_certificate_that_ran_out_is_refused(tmp_path: Path) -> None:
    pem = office(tmp_path).encode()
    assert recipient(pem, SystemClock().now()) == pem
    for days in (-2, 31):
        with pytest.raises(BadInput) as caught:
            recipient(pem, SystemClock().now() + timedelta(days=days))
        assert caught.value.message.code == "evidence.certificate_dates"


def test_cms_and_sm2_signatures_are_those_of_openssl(api: Api, one: str, tmp_path: Path) -> None:
    settings = api.built.appliance.settings
    api.built.appliance.settings = settings.model_copy(
        update={"seal": settings.seal.model_copy(update={"cms": True, "sm2": True})}
    )
    result = sealed(api, one)
    assert verify_bundle(Path(result["path"]), [result["fingerprint"]], None).exit is Exit.DONE
    bag = tmp_path / "bag"
    shutil.unpack_archive(result["path"], bag)
    cms = ("-verify", "-binary", "-inform", "DER", "-in", "signature/manifest-sha256.p7s", "-purpose", "any")
    trusted = ("-CAfile", "signature/certificate.pem", "-content", "manifest-sha256.txt", "-out", "/dev/null")
    openssl("cms", *cms, *trusted, cwd=bag)
    sm2 = ("-rawin", "-digest", "sm3", "-pubin", "-inkey", "signature/sm2-pubkey.pem")
    more = ("-pkeyopt", "distid:1234567812345678", "-in", "sm3sums.txt", "-sigfile", "signature/sm3sums.sm2")
    assert b"Successfully" in openssl("pkeyutl", "-verify", *sm2, *more, cwd=bag)
    for name in ("manifest-sha256.p7s", "sm3sums.sm2", "sm2-pubkey.pem", "certificate.pem"):
        changed = tmp_path / name
        shutil.copytree(bag, changed)
        file = changed / "signature" / name
        file.write_bytes(file.read_bytes()[:-1])
        found = verify_bundle(changed, [result["fingerprint"]], None)
        assert [problem.params["path"] for problem in found.problems] == [f"signature/{name}"]


def test_a_time_stamp_is_taken_only_from_the_authority_over_this_bundle(api: Api, one: str, tmp_path: Path) -> None:
    sealed(api, one)
    query = api.call("GET", f"{one}/timestamp-query").data
    authority = Authority(tmp_path)
    other = openssl("ts", "-query", "-digest", "0" * 64, "-sha256", "-cert", cwd=tmp_path)
    refused = upload(api, f"{one}/timestamp", "a.tsr", authority.stamp(other), authority=authority.pem)
    assert refused.json["code"] == "evidence.bad_timestamp"
    stranger = upload(api, f"{one}/timestamp", "a.tsr", authority.stamp(query), authority=office(tmp_path))
    assert stranger.json["code"] == "evidence.bad_timestamp"
    assert upload(api, f"{one}/timestamp", "a.tsr", authority.stamp(query), authority=authority.pem).status_code == 201
    upload(api, f"{one}/papers", "签字页.pdf", PDF)
    result = second(api, one)
    shutil.unpack_archive(result["path"], tmp_path / "bag")
    check = ("-data", "tagmanifest-sha256.txt", "-in", "second/tagmanifest.tsr", "-CAfile", str(tmp_path / "tsa.pem"))
    assert b"Verification: OK" in openssl("ts", "-verify", *check, cwd=tmp_path / "bag")


class Authority:
    """A time-stamping authority that openssl plays, without a network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "tsa.cnf").write_text(
            "[tsa]\ndefault_tsa=t\n[t]\nserial=./serial\nsigner_digest=sha256\ndefault_policy=1.2.3.4\n"
            "digests=sha256\ness_cert_id_alg=sha256\n"
        )
        (folder / "serial").write_text("01\n")
        new = ("-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.pem", "-days", "30")
        use = ("-addext", "extendedKeyUsage=critical,timeStamping")
        openssl("req", "-x509", *new, *use, "-subj", "/CN=tsa", cwd=folder)
        self.pem = (folder / "tsa.pem").read_text()

    def stamp(self, query: bytes) -> bytes:
        (self._folder / "q.tsq").write_bytes(query)
        signer = ("-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "r.tsr")
        openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "q.tsq", *signer, cwd=self._folder)
        return (self._folder / "r.tsr").read_bytes()


def test_the_signing_sheet_carries_what_a_verifier_has_to_type(api: Api, one: str) -> None:
    assert code(api, "GET", f"{one}/signing-sheet") == "evidence.not_sealed_yet"
    result = sealed(api, one)
    page = api.call("GET", f"{one}/signing-sheet?standalone=true").text
    for name in ("digest", "fingerprint", "custody_sha256"):
        groups = [result[name][start : start + 8] for start in range(0, 64, 8)]
        assert "".join(f"<code>{part}</code>" for part in groups) in page
    assert "测试单位" in page
    assert "<svg" in page
    assert "@page" in page
    assert "src=" not in page
    assert "@page" not in api.call("GET", f"{one}/signing-sheet").text


def test_the_seals_certificate_is_shown_and_stays_the_same(api: Api, one: str) -> None:
    shown = api.get("/api/v1/seal-certificate")
    result = sealed(api, one)
    assert shown["key_fingerprint"] == result["fingerprint"]
    api.post("/api/v1/vault/lock")
    assert api.get("/api/v1/seal-certificate") == shown
    with zipfile.ZipFile(result["path"]) as archive:
        assert archive.read("signature/certificate.pem").decode() == shown["pem"]


def test_a_log_that_was_cut_or_edited_is_reported_also_at_the_next_start(api: Api, one: str, data: Path) -> None:
    state = api.get(f"{one}/custody")
    assert state["intact"]
    log = next(data.glob("inspections/*/custody.jsonl"))
    assert state["sha256"] == hashlib.sha256(log.read_bytes().splitlines()[-1]).hexdigest()
    whole = log.read_bytes()
    log.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    assert api.get(f"{one}/custody")["problems"][0]["code"] == "custody.head_missing"
    (problem,) = api.get("/api/v1/custody-problems")["items"]
    assert (problem["code"], problem["params"]["unit"]) == ("custody.inspection_broken", "测试单位")
    log.write_bytes(whole.replace(b'"inspector"', b'"somebody"', 1))
    assert api.get(f"{one}/custody")["problems"][0]["code"] == "custody.chain_broken"
    log.write_bytes(whole)
    assert api.get(f"{one}/custody")["intact"]


def test_the_command_line_seals_twice_and_says_what_is_missing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "签字页.pdf").write_bytes(PDF)

    def run(*words: str, expect: int = 0, secret: bool = False) -> Ran:
        """In this process: the commands are many, and starting Python for each takes longest."""
        reading, writing = os.pipe()
        os.write(writing, b"a long passphrase\n")
        os.close(writing)
        more = ("--passphrase-fd", str(reading)) if secret else ()
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            ended = guarded(lambda: program.main([*words, *more], standalone_mode=False))
        if not secret:
            os.close(reading)
        assert ended == expect, err.getvalue()
        return Ran(ended, out.getvalue(), err.getvalue())

    monkeypatch.setenv("HEZHENG_DATA", str(data))
    with writing(DataFolder(data), ""):
        built = build(DataFolder(data), SystemClock())
        one = judged(Api(built, WsgiClient(built.app))).rpartition("/")[2]
        built.appliance.jobs.stop()
        built.appliance.close_custody(one)
    assert "机关证书" in run("evidence", "seal", one, expect=4, secret=True).err
    (tmp_path / "o").mkdir()
    office(tmp_path / "o")
    run("evidence", "office-certificate", "set", str(tmp_path / "o" / "office.pem"))
    first = run("evidence", "seal", one, "--out", str(tmp_path / "first.zip"), "--json", secret=True).json
    assert first["path"] == str(tmp_path / "first.zip.p7m")
    assert "已加密" in run("evidence", "verify", first["path"], expect=3).err
    run("evidence", "sheet", one, "--out", str(tmp_path / "sheet.html"))
    assert "签字页" in (tmp_path / "sheet.html").read_text("utf-8")
    assert "尚无签字件" in run("evidence", "sign", one, expect=3, secret=True).err
    second = run("evidence", "sign", one, str(tmp_path / "签字页.pdf"), "--json", secret=True).json
    found = run("evidence", "verify", second["path"], "--json").json
    assert (found["outcome"], found["digest"]) == ("intact", first["digest"])
    assert found["second_digest"] == second["second_digest"]
    assert run("evidence", "certificate", "--json", secret=True).json["key_fingerprint"] == first["fingerprint"]
    assert run("evidence", "custody", one, "--json").json["intact"]
    log = next(data.glob("inspections/*/custody.jsonl"))
    log.write_bytes(log.read_bytes().replace(b"inspector", b"somebody", 1))
    assert not run("evidence", "custody", one, "--json", expect=1).json["intact"]
