"""Tokens and key sets, signed by the openssl program or Python's own hmac."""
# SPDX-License-Identifier: Apache-2.0
import base64
import hashlib
import hmac
import json
import subprocess


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parts(header, claims):
    return ".".join(b64(one if isinstance(one, bytes) else json.dumps(one).encode()) for one in (header, claims))


class Secret:
    alg = "HS256"

    def __init__(self, kid, secret=b"a secret of thirty-two bytes ...", **more):
        self.kid, self.secret = kid, secret
        self.jwk = {"kty": "oct", "kid": kid, "k": b64(secret), **more}

    def sign(self, text):
        return hmac.new(self.secret, text.encode(), hashlib.sha256).digest()

    def token(self, claims, **header):
        text = parts({"alg": self.alg, "kid": self.kid} | header, claims)
        return text + "." + b64(self.sign(text))


class Rsa(Secret):
    alg = "RS256"

    def __init__(self, kid, folder, bits=2048):
        self.kid, self.file = kid, folder / (kid + ".pem")
        subprocess.run(["openssl", "genrsa", "-out", str(self.file), str(bits)], check=True, capture_output=True)
        said = subprocess.run(["openssl", "rsa", "-in", str(self.file), "-noout", "-modulus"], check=True, capture_output=True, text=True)
        self.pem = subprocess.run(["openssl", "rsa", "-in", str(self.file), "-pubout"], check=True, capture_output=True).stdout
        self.modulus = bytes.fromhex(said.stdout.strip().partition("=")[2])
        self.jwk = {"kty": "RSA", "kid": kid, "n": b64(self.modulus), "e": "AQAB"}

    def sign(self, text):
        done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(self.file)], input=text.encode(), check=True, capture_output=True)
        return done.stdout


def jwks(*keys):
    return json.dumps({"keys": [key.jwk for key in keys]})
