"""Certificates made by openssl(1) when a test needs them: nothing that expires lies in the repository."""
# SPDX-License-Identifier: Apache-2.0
import ssl
import subprocess
from datetime import datetime, timedelta, timezone

# `openssl ca` and not `openssl x509`: it takes both dates, and newer versions of the other refuse what has expired already.
SIGNING = """[ca]
default_ca = here
[here]
database = {index}
new_certs_dir = {folder}
unique_subject = no
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
[v3]
subjectAltName = {names}
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth, clientAuth
"""


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, "openssl %s: %s" % (" ".join(arguments), done.stderr)


class Authority:
    """A private CA in a folder."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name = folder, name
        self.certificate, self.key = folder / (name + ".pem"), folder / (name + ".key")
        _openssl(
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=" + name,
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-keyout",
            str(self.key),
            "-out",
            str(self.certificate),
        )

    def issue(self, name, names="IP:127.0.0.1,DNS:localhost", days=2):
        """(certificate, key) of a leaf; with negative days one that expired so long ago."""
        at = self.folder / ("%s-%s" % (self.name, name))
        key, asked, certificate, signing, index = (at.with_suffix(end) for end in (".key", ".csr", ".pem", ".cnf", ".index"))
        signing.write_text(SIGNING.format(names=names, index=index, folder=self.folder))
        index.touch()
        now = datetime.now(timezone.utc)
        _openssl(
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=" + name,
            "-keyout",
            str(key),
            "-out",
            str(asked),
        )
        _openssl(
            "ca",
            "-batch",
            "-notext",
            "-config",
            str(signing),
            "-cert",
            str(self.certificate),
            "-keyfile",
            str(self.key),
            "-startdate",
            (now - timedelta(days=3)).strftime("%Y%m%d%H%M%SZ"),
            "-enddate",
            (now + timedelta(days=days)).strftime("%Y%m%d%H%M%SZ"),
            "-extensions",
            "v3",
            "-in",
            str(asked),
            "-out",
            str(certificate),
        )
        return certificate, key


def server_context(certificate, key, client_authority=None, maximum=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_authority:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority.certificate)
    if maximum:
        context.maximum_version = maximum
    return context


def client_context(authority, certificate=None, key=None, least=None, most=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority.certificate)
    if certificate:
        context.load_cert_chain(certificate, key)
    if least:
        context.minimum_version = least
    if most:
        context.maximum_version = most
    return context
