"""Backends over https: a private authority, a client certificate, and whatever is not trusted fails."""
# SPDX-License-Identifier: Apache-2.0
import json
import ssl

import pytest

from kit.backend import answer
from kit.certificates import Authority, server_context
from kit.gateway import run

GOOD = {"a": 1}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
def server(authority):
    return authority.issue("server")


def config(url, **client_tls):
    """Alone, in a merge with itself, and streamed. JSON is YAML, too."""
    one = {"host": [url], "url_pattern": "/one"}
    return json.dumps(
        {
            "version": 3,
            "timeout": "30s",
            "listen_ip": "127.0.0.1",
            "client_tls": client_tls,
            "endpoints": [
                {"endpoint": "/one", "backend": [one]},
                {"endpoint": "/two", "backend": [one, dict(one, group="g")]},
                {"endpoint": "/noop", "output_encoding": "no-op", "backend": [one]},
            ],
        }
    )


def secure_backend(backend, context):
    return backend(lambda peer, req: answer(json.dumps(GOOD)), tls=context)


def trusts(remora, far):
    got = remora.ask("/one")
    assert (got.status, json.loads(got.body), got.completed) == (200, GOOD, "true")
    got = remora.ask("/two")
    assert (got.status, json.loads(got.body)) == (200, {"a": 1, "g": {"a": 1}})
    assert remora.ask("/noop").status == 200
    assert len(far.requests) == 4


def distrusts(remora, far):
    """No request, so no header and no body of a client, reaches who is not trusted."""
    assert remora.ask("/one").status == 500
    assert remora.ask("/two").status == 500
    assert remora.ask("/noop").status in (500, 502)
    assert far.heads == []


def test_private_authority(start, backend, authority, server):
    far = secure_backend(backend, server_context(*server))
    trusts(start(config(far.url, ca_certs=[str(authority.certificate)])), far)


def test_private_authority_alone(start, backend, authority, server):
    far = secure_backend(backend, server_context(*server))
    trusts(start(config(far.url, ca_certs=[str(authority.certificate)], disable_system_ca_pool=True)), far)


def test_connections_are_kept(start, backend, authority, server):
    far = secure_backend(backend, server_context(*server))
    remora = start(config(far.url, ca_certs=[str(authority.certificate)]), workers=1)
    for _ in range(10):
        assert remora.ask("/one").status == 200
    assert far.connections == 1


def test_several_authorities(start, backend, authority, stranger, server):
    far = secure_backend(backend, server_context(*server))
    trusts(start(config(far.url, ca_certs=[str(stranger.certificate), str(authority.certificate)])), far)


def test_untrusted_by_default(start, backend, server):
    far = secure_backend(backend, server_context(*server))
    distrusts(start(config(far.url)), far)


def test_another_authority(start, backend, stranger, server):
    far = secure_backend(backend, server_context(*server))
    distrusts(start(config(far.url, ca_certs=[str(stranger.certificate)])), far)


def test_another_name(start, backend, authority):
    far = secure_backend(backend, server_context(*authority.issue("other", names="DNS:other.test,IP:127.0.0.2")))
    distrusts(start(config(far.url, ca_certs=[str(authority.certificate)])), far)


def test_expired(start, backend, authority, tmp_path):
    certificate, key = authority.issue("expired", days=-1)
    far = secure_backend(backend, server_context(certificate, key))
    distrusts(start(config(far.url, ca_certs=[str(authority.certificate)])), far)


def test_the_name_is_what_the_configuration_says(start, backend, authority):
    """The address comes from discovery; the certificate is checked against the host's name, and Host and SNI carry
    it."""
    names = []
    context = server_context(*authority.issue("named", names="DNS:localhost"))
    context.sni_callback = lambda sock, name, ctx: names.append(name)
    far = secure_backend(backend, context)
    remora = start(config(far.url.replace("127.0.0.1", "localhost"), ca_certs=[str(authority.certificate)]))
    assert remora.ask("/one").status == 200
    assert names == ["localhost"]
    assert far.requests[0].values("Host") == ["localhost:%d" % far.port]
    far.violations.clear()  # that Host is another than its address


def test_anything_where_it_is_told(start, backend, stranger):
    far = secure_backend(backend, server_context(*stranger.issue("any", names="DNS:other.test")))
    trusts(start(config(far.url, allow_insecure_connections=True)), far)


def test_client_certificate(start, backend, authority, server):
    far = secure_backend(backend, server_context(*server, client_authority=authority))
    certificate, key = authority.issue("client")
    trusts(
        start(
            config(
                far.url,
                ca_certs=[str(authority.certificate)],
                client_certs=[{"certificate": str(certificate), "private_key": str(key)}],
            )
        ),
        far,
    )


def test_client_certificate_missing(start, backend, authority, server):
    far = secure_backend(backend, server_context(*server, client_authority=authority))
    distrusts(start(config(far.url, ca_certs=[str(authority.certificate)])), far)


def test_client_certificate_of_a_stranger(start, backend, authority, stranger, server):
    far = secure_backend(backend, server_context(*server, client_authority=authority))
    certificate, key = stranger.issue("client")
    distrusts(
        start(
            config(
                far.url,
                ca_certs=[str(authority.certificate)],
                client_certs=[{"certificate": str(certificate), "private_key": str(key)}],
            )
        ),
        far,
    )


def apart(host, **client_tls):
    """Each backend by settings of its own; what the service says would fail all of them."""
    backends = [
        {"host": [far.url], "url_pattern": "/", "group": name, "extra_config": {"backend/http/client": {"client_tls": tls}}}
        for name, (far, tls) in client_tls.items()
    ]
    return json.dumps({"version": 3, "timeout": "30s", "listen_ip": "127.0.0.1", "client_tls": {"ca_certs": [host]},
                       "endpoints": [{"endpoint": "/both", "backend": backends}]})


def test_each_backend_its_own(start, backend, authority, stranger, server, tmp_path):
    """Two authorities, and a certificate that one of them asks for: neither's proof is shown to, or taken from, the other."""
    ours = secure_backend(backend, server_context(*server, client_authority=authority))
    theirs = secure_backend(backend, server_context(*stranger.issue("theirs")))
    certificate, key = authority.issue("client")
    mutual = {"ca_certs": [str(authority.certificate)],
              "client_certs": [{"certificate": str(certificate), "private_key": str(key)}]}
    plain = {"ca_certs": [str(stranger.certificate)]}
    nobody = Authority(tmp_path, "nobody")
    got = start(apart(str(nobody.certificate), a=(ours, mutual), b=(theirs, plain))).ask("/both")
    assert (json.loads(got.body), got.completed) == ({"a": GOOD, "b": GOOD}, "true")
    got = start(apart(str(nobody.certificate), a=(ours, plain), b=(theirs, mutual))).ask("/both")
    assert got.status == 500
    got = start(apart(str(nobody.certificate), a=(ours, dict(mutual, client_certs=[])), b=(theirs, plain))).ask("/both")
    assert (json.loads(got.body), got.completed) == ({"b": GOOD}, "false")


def test_versions(start, backend, authority, server):
    far = secure_backend(backend, server_context(*server, maximum=ssl.TLSVersion.TLSv1_2))
    distrusts(start(config(far.url, ca_certs=[str(authority.certificate)], min_version="TLS13")), far)
    trusts(start(config(far.url, ca_certs=[str(authority.certificate)], min_version="TLS12")), far)


def test_plain_http_on_a_tls_port(start, backend, authority):
    """What an HTTP server makes of a TLS hello; or of nothing at all, where it closes."""

    def script(peer):
        peer.socket.recv(4096)
        peer.send(said)
        peer.fin()

    far = backend(on_connect=script)
    for said in (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b""):
        distrusts(start(config(far.url.replace("http:", "https:"), ca_certs=[str(authority.certificate)])), far)


def test_tls_on_a_plain_port(start, backend, authority, server):
    far = secure_backend(backend, server_context(*server))
    distrusts(start(config(far.url.replace("https:", "http:"), ca_certs=[str(authority.certificate)])), far)


@pytest.mark.parametrize("key", ["ca_certs", "certificate", "private_key"])
def test_a_missing_file_is_found_before_the_start(key, tmp_path, authority):
    none = str(tmp_path / "none.pem")
    certificate, private = authority.issue("client-" + key)
    client = {"certificate": str(certificate), "private_key": str(private)}
    tls = {"ca_certs": [none]} if key == "ca_certs" else {"client_certs": [dict(client, **{key: none})]}
    path = tmp_path / "remora.yaml"
    path.write_text(config("https://a.test", **tls))
    status, out, err = run("run", "-c", str(path), "-p", "1")
    assert status in (1, 3) and "none.pem" in out + err


def test_a_cut_tls_answer_is_a_cut_answer(start, backend, authority, server):
    """Without close_notify an end of the connection is no end of a body (RFC 8446 6.1)."""

    def script(peer, req):
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b'{"a":1}')
        peer.reset()

    far = backend(script, tls=server_context(*server))
    remora = start(config(far.url, ca_certs=[str(authority.certificate)]))
    assert remora.ask("/one").status == 500
