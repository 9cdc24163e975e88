"""What a cluster and its clients believe each other by: a CA with the API server's certificate, the key that signs ServiceAccount
tokens, the administrator's token. Tokens of any length of life are signed here, as the API server gives none under ten minutes."""
# SPDX-License-Identifier: Apache-2.0
import base64
import json
import os
import secrets
import subprocess
import time

from kit.certificates import Authority

ISSUER = "https://kubernetes.default.svc"
SERVER_NAMES = "IP:127.0.0.1,DNS:kubernetes.default.svc,DNS:localhost"


def _openssl(*arguments, **more):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60, **more).stdout


def _segment(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class Credentials:
    def __init__(self, folder):
        self.folder = folder
        self.ca, self.certificate, self.key = folder / "ca.crt", folder / "server.crt", folder / "server.key"
        self.sign_key, self.sign_pub = folder / "accounts.key", folder / "accounts.pub"
        self.authorities = 0
        self.new_authority()
        _openssl("genrsa", "-out", self.sign_key, "2048")
        _openssl("rsa", "-in", self.sign_key, "-pubout", "-out", self.sign_pub)
        self.admin = secrets.token_hex(16)
        self.tokens = folder / "tokens.csv"
        self.tokens.write_text('%s,admin,1,"system:masters"\n' % self.admin)

    def new_authority(self):
        """A CA that nothing knows yet, and a server certificate of it, in the places of the earlier ones."""
        self.authorities += 1
        authority = Authority(self.folder, "authority%d" % self.authorities)
        certificate, key = authority.issue("apiserver", SERVER_NAMES)
        for source, target in ((certificate, self.certificate), (key, self.key), (authority.certificate, self.ca)):
            part = target.with_suffix(".part")
            part.write_bytes(source.read_bytes())
            os.replace(part, target)
        return authority.certificate

    def kubeconfig(self, name, server, token=None):
        path = self.folder / (name + ".kubeconfig")
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "box", "cluster": {"server": server, "certificate-authority": str(self.ca)}}],
                    "users": [{"name": "user", "user": {"token": token or self.admin}}],
                    "contexts": [{"name": "box", "context": {"cluster": "box", "user": "user"}}],
                    "current-context": "box",
                }
            )
        )
        return path

    def sign(self, namespace, account, uid, lasts_s):
        """A ServiceAccount's token that is over in so many seconds; the API server takes it up to a minute longer."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": [ISSUER],
            "sub": "system:serviceaccount:%s:%s" % (namespace, account),
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + lasts_s,
            "jti": secrets.token_hex(8),
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": account, "uid": uid}},
        }
        text = b".".join(_segment(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
        return (text + b"." + _segment(_openssl("dgst", "-sha256", "-sign", self.sign_key, input=text))).decode()
