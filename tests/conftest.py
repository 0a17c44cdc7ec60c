"""What tests of the whole share: the command line as users type it, and one finished demo to look at."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from filelock import FileLock
from hypothesis import HealthCheck, settings

# A shell that starts tests in the background has them, and the programs they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A shared machine may be slow for a moment, which says nothing about the code.
settings.register_profile(
    "patient",
    parent=settings(),
    deadline=None,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("patient")

ROOT = Path(__file__).parent.parent
Completed = subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def harvest() -> Callable[..., Completed]:
    """Run `harvest ...` in a process of its own, as a user would."""

    def run(*arguments: object, cwd: Path = ROOT, **environment: str) -> Completed:
        command = [sys.executable, "-m", "harvest", *map(str, arguments)]
        return subprocess.run(
            command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="session")
def small_demo(harvest: Callable[..., Completed], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of `harvest demo --scale small`: look, do not touch; `copy_of_demo` is for breaking.

    Tests that run side by side have one between them.
    """
    base = tmp_path_factory.getbasetemp()
    workspace = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "small-demo"
    with FileLock(workspace.with_suffix(".lock")):
        if not workspace.with_suffix(".done").exists():
            answer = harvest("demo", "--scale", "small", "-w", workspace)
            assert answer.returncode == 0, answer.stdout + answer.stderr
            workspace.with_suffix(".done").touch()
    return workspace


@pytest.fixture
def copy_of_demo(small_demo: Path, tmp_path: Path) -> Path:
    """A copy of the small demo's workspace that a test may break."""
    return Path(shutil.copytree(small_demo, tmp_path / "workspace"))


@pytest.fixture(scope="session")
def signed() -> Callable[..., bytes]:
    """Give an encoded picture a C2PA manifest, signed by a certificate chain that is made here and thrown away.

    `assertions` are data by label, `mime` is the picture's media type; an edit keeps the manifest that is there.
    """
    import c2pa  # noqa: PLC0415 - most tests need no manifests

    chain, key = _certificates()
    info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=chain, private_key=key, ta_url=None)
    settings = c2pa.Settings.from_dict({"builder": {"thumbnail": {"enabled": False}}})

    def sign(body: bytes, assertions: Mapping[str, Any], mime: str = "image/jpeg", *, is_edit: bool = False) -> bytes:
        listed = [{"label": label, "data": data} for label, data in assertions.items()]
        claim = {"claim_generator_info": [{"name": "trial", "version": "1"}], "title": "trial", "assertions": listed}
        out = io.BytesIO()
        with (
            c2pa.Signer.from_info(info) as signer,
            c2pa.Context(settings) as context,
            c2pa.Builder(claim, context=context) as builder,
        ):
            if is_edit:
                builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            builder.sign(signer, mime, io.BytesIO(body), out)
        return out.getvalue()

    return sign


def _certificates() -> tuple[bytes, bytes]:
    """A leaf and its root as one PEM file, and the leaf's key."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    pem = serialization.Encoding.PEM
    chain = [_certificate("signer", key, root_key), _certificate("root", root_key, root_key)]
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return b"".join(certificate.public_bytes(pem) for certificate in chain), private


def _certificate(who: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    def name(common: str) -> x509.Name:
        return x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Trial"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
        )

    is_root, now = key is by, datetime.now(UTC)
    never = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    usage = dict.fromkeys((*never, "encipher_only", "decipher_only"), False)
    usage |= {"digital_signature": not is_root, "key_cert_sign": is_root, "crl_sign": is_root}
    built = (
        x509.CertificateBuilder(name("root"), name(who), key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if not is_root:
        mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        built = built.add_extension(mail, critical=False)
    return built.sign(by, hashes.SHA256())
