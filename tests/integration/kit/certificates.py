"""Certificates made by openssl(1) when a test needs them: nothing that expires lies in the repository."""
# SPDX-License-Identifier: Apache-2.0
import ssl
import subprocess

EXTENSIONS = """[v3]
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
        """(certificate, key) of a leaf."""
        at = self.folder / ("%s-%s" % (self.name, name))
        key, asked, certificate, extensions = (at.with_suffix(end) for end in (".key", ".csr", ".pem", ".cnf"))
        extensions.write_text(EXTENSIONS.format(names=names))
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
            "x509",
            "-req",
            "-in",
            str(asked),
            "-CA",
            str(self.certificate),
            "-CAkey",
            str(self.key),
            "-CAcreateserial",
            "-days",
            str(days),
            "-extfile",
            str(extensions),
            "-extensions",
            "v3",
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
