"""TLS towards clients: versions, ciphers, names, clients' certificates, and whoever breaks off. What HTTP makes of hostile bytes is in
test_raw_clients, which runs over TLS, too."""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import socket
import ssl
import subprocess
import threading
import time

import pytest

from kit.backend import answer
from kit.certificates import Authority, client_context
from kit.gateway import run
from kit.waiting import DEADLINE_S, SANITIZED, until
from kit.wire import Wire, ask, request

GET = request("GET /a HTTP/1.1", "Connection: close")
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
def server(authority):
    return authority.issue("server")


@pytest.fixture
def far(backend):
    return backend(lambda peer, req: answer(b'{"a":1}'))


def keys(*pairs):
    return [{"public_key": str(certificate), "private_key": str(key)} for certificate, key in pairs]


def config(url, limits=None, **tls):
    return json.dumps(
        {
            "version": 3,
            "timeout": "30s",
            "listen_ip": "127.0.0.1",
            "tls": tls,
            "extra_config": {"remora": {"limits": limits or {}, "admin": {"listen": "127.0.0.1:$admin"}}},
            "endpoints": [
                {"endpoint": "/a", "backend": [{"host": [url], "url_pattern": "/a"}]},
                {"endpoint": "/post", "method": "POST", "backend": [{"host": [url], "url_pattern": "/post"}]},
                {"endpoint": "/stream", "output_encoding": "no-op", "backend": [{"host": [url], "url_pattern": "/s"}]},
            ],
        }
    )


@pytest.fixture
def serve(start, far, authority, server):
    """serve(key=value of tls, ...): remora with TLS; its `tls` is a client that trusts the authority."""

    def begin(limits=None, client=None, **tls):
        tls.setdefault("keys", keys(server))
        return start(config(far.url, limits, **tls), tls=client or client_context(authority))

    return begin


def refused(port, context, name="localhost"):
    """No answer, in whatever way TLS says so: with TLS 1.3 a client knows only when it reads."""
    try:
        with Wire(port, tls=context, server_name=name) as wire:
            wire.send(GET)
            assert wire.answer() is None
    except (ssl.SSLError, ConnectionError):
        pass


def s_client(port, *arguments, say=b""):
    done = subprocess.run(
        ["openssl", "s_client", "-connect", "127.0.0.1:%d" % port, *arguments],
        input=say,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=DEADLINE_S,
    )
    return done.stdout.decode(errors="replace")


# ---------------------------------------------------------------- versions, ciphers, curves


def test_tls13_alone_by_default(serve, authority):
    remora = serve()
    with remora.wire() as wire:
        assert wire.socket.version() == "TLSv1.3"
        wire.send(GET)
        assert wire.answer().body == b'{"a":1}'
        assert wire.to_end() == b"" and wire.ended == "eof"  # with close_notify
    refused(remora.port, client_context(authority, most=TLS12))


def test_tls12_where_it_is_told(serve, authority):
    remora = serve(min_version="TLS12")
    for least, most, name in ((TLS12, TLS12, "TLSv1.2"), (TLS13, TLS13, "TLSv1.3")):
        with Wire(remora.port, tls=client_context(authority, least=least, most=most)) as wire:
            assert wire.socket.version() == name
            wire.send(GET)
            assert wire.answer().status == 200
    for old in ("-tls1", "-tls1_1"):
        assert "Cipher is (NONE)" in s_client(remora.port, old, "-cipher", "ALL:@SECLEVEL=0")


def test_tls12_alone(serve, authority):
    client = client_context(authority, most=TLS12)
    remora = serve(client=client, min_version="TLS12", max_version="TLS12")
    assert remora.ask("/a").status == 200
    refused(remora.port, client_context(authority, least=TLS13))


def test_ciphers_and_curves(serve, authority):
    remora = serve(min_version="TLS12", cipher_suites=[49196, 4866], curve_preferences=[24])
    with Wire(remora.port, tls=client_context(authority, most=TLS12)) as wire:
        assert wire.socket.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    with remora.wire() as wire:
        assert wire.socket.cipher()[0] == "TLS_AES_256_GCM_SHA384"
    assert "secp384r1" in s_client(remora.port)
    other = client_context(authority, most=TLS12)
    other.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    refused(remora.port, other)


def test_no_cipher_without_forward_secrecy(serve, authority):
    remora = serve(min_version="TLS12")
    for cipher in ("AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA256"):
        assert "Cipher is (NONE)" in s_client(remora.port, "-tls1_2", "-cipher", cipher + ":@SECLEVEL=0")


@pytest.mark.parametrize("offer,chosen", [(["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), ([], None)])
def test_alpn(offer, chosen, serve, authority):
    client = client_context(authority)
    if offer:
        client.set_alpn_protocols(offer)
    remora = serve()
    with Wire(remora.port, tls=client) as wire:
        assert wire.socket.selected_alpn_protocol() == chosen
        wire.send(GET)
        assert wire.answer().status == 200


def test_alpn_without_http11(serve, authority):
    client = client_context(authority)
    client.set_alpn_protocols(["h2"])
    refused(serve().port, client)


def test_no_renegotiation(serve):
    remora = serve(min_version="TLS12")
    assert "no renegotiation" in s_client(remora.port, "-tls1_2", "-legacy_server_connect", say=b"R\n")
    assert remora.ask("/a").status == 200


def test_no_early_data(serve, far, tmp_path):
    """A ticket resumes the session, but no request comes with the first bytes: those could be replayed."""
    remora, ticket, early = serve(), tmp_path / "ticket", tmp_path / "early"
    early.write_bytes(GET)
    s_client(remora.port, "-ign_eof", "-sess_out", str(ticket), say=GET)
    until(lambda: len(far.requests) == 1, "the first request")
    said = s_client(remora.port, "-sess_in", str(ticket), "-early_data", str(early))
    assert "Early data was accepted" not in said
    assert len(far.requests) == 1


# ---------------------------------------------------------------- names


def test_the_name_chooses_the_certificate(serve, authority):
    pairs = [authority.issue("n%d" % i, names=names) for i, names in enumerate(("DNS:a.test", "DNS:*.b.test", "DNS:a.test,DNS:c.test"))]
    remora_keys = keys(*pairs)
    client = client_context(authority)
    client.check_hostname = False
    remora = serve(client=client, keys=remora_keys)
    for name, common in (("a.test", "n0"), ("x.b.test", "n1"), ("c.test", "n2"), ("unknown.test", "n0"), ("C.TEST", "n2")):
        with Wire(remora.port, tls=client, server_name=name) as wire:
            assert dict(one[0] for one in wire.socket.getpeercert()["subject"])["commonName"] == common
            wire.send(GET)
            assert wire.answer().status == 200
    with Wire(remora.port, tls=client, server_name=None) as wire:
        assert dict(one[0] for one in wire.socket.getpeercert()["subject"])["commonName"] == "n0"


# ---------------------------------------------------------------- clients' certificates


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_clients_certificates(version, serve, far, authority, stranger, tmp_path):
    def client(*pair):
        return client_context(authority, *pair, least=version, most=version)

    good = client(*authority.issue("client"))
    remora = serve(client=good, min_version="TLS12", enable_mtls=True, ca_certs=[str(authority.certificate)])
    before = len(far.heads)
    refused(remora.port, client())
    refused(remora.port, client(stranger.certificate, stranger.key))  # signed by itself
    refused(remora.port, client(*stranger.issue("client")))
    refused(remora.port, client(*authority.issue("expired", days=-1)))
    assert len(far.heads) == before
    for _ in range(2):  # each connection proves it anew
        with remora.wire() as wire:
            wire.send(GET)
            assert wire.answer().status == 200
            assert not wire.socket.session_reused
            good_session = wire.socket.session
    assert not (good_session and good_session.has_ticket)
    until(lambda: "TLS handshakes failed" in remora.log(), "the reason in the log")


def test_several_authorities_of_clients(serve, authority, stranger):
    remora = serve(
        client=client_context(authority, *authority.issue("client")),
        enable_mtls=True,
        ca_certs=[str(authority.certificate), str(stranger.certificate)],
    )
    for pair in (authority.issue("one"), stranger.issue("two")):
        assert ask(remora.port, "/a", tls=client_context(authority, *pair)).status == 200


# ---------------------------------------------------------------- who breaks off, or never was one


def test_plain_http_is_told(serve, far):
    remora = serve()
    got = ask(remora.port, "/a")
    assert got.status == 400 and b"HTTPS" in got.body and not far.heads


@pytest.mark.parametrize("bytes_", [b"\x16\x03\x01\xff\xff" + b"a" * 100, b"\x00" * 50, b"\x15\x03\x01\x00\x02\x02\x46", b"SSH-2.0-x\r\n"])
def test_no_tls(bytes_, serve):
    remora = serve()
    with Wire(remora.port) as wire:
        wire.send(bytes_)
        wire.half_close()
        wire.to_end()
    assert remora.ask("/a").status == 200


def test_a_request_cut_short_is_no_request(serve, far):
    remora = serve()
    with remora.wire() as wire:
        wire.send(request("POST /post HTTP/1.1", "Content-Length: 100", body=b"a" * 50))
        wire.half_close()
        got = wire.answer()
        assert got is None or got.status >= 400
    assert not far.requests


def test_an_answer_cut_short_is_seen(start, backend, authority, server):
    """An HTTP/1.0 client knows the end of a stream by close_notify alone."""

    def script(peer, req):
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        until(lambda: seen, "the client")
        peer.reset()

    seen = []
    far = backend(script)
    remora = start(config(far.url, keys=keys(server)), tls=client_context(authority))
    with remora.wire() as wire:
        wire.send(request("GET /stream HTTP/1.0"))
        head = wire.head()
        assert head.status == 200 and wire.peek() == b"hello"
        seen.append(True)
        assert wire.to_end() == b"hello" and wire.ended == "reset"
    far.violations.clear()


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_a_thousand_handshakes_that_rest(version, serve, authority):
    """They are cut off in time, and nobody who speaks is kept waiting."""
    remora = serve(limits={"connections": 1100, "head_timeout": "5s"}, min_version="TLS12")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = client_context(authority, most=version).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    hello = outgoing.read()
    remora.reset_peak()
    wires = [Wire(remora.port) for _ in range(1000)]
    for i, wire in enumerate(wires):
        wire.send((b"", hello[:7], hello)[i % 3])
    assert remora.ask("/a").status == 200
    for wire in wires:
        wire.to_end()
        wire.close()
    remora.check_memory(100 << 10)
    assert remora.ask("/a").status == 200


def test_handshakes_count_as_connections(serve):
    remora = serve(limits={"connections": 10, "head_timeout": "2s"})
    wires = [Wire(remora.port) for _ in range(10)]
    assert remora.ask("/a").status == 200  # when the first of them are cut off
    assert any(wire.ended or wire.to_end() == b"" for wire in wires)
    for wire in wires:
        wire.close()


def test_an_idle_connection_ends_without_an_answer(serve):
    remora = serve(limits={"head_timeout": "1s"})
    with remora.wire() as wire:
        assert wire.to_end() == b"" and wire.ended == "eof"
    with remora.wire() as wire:
        wire.send(b"GET /a HT")
        assert wire.answer().status == 408


def test_sigterm_during_a_handshake(serve):
    remora = serve()
    with Wire(remora.port) as wire:
        assert remora.ask("/a").status == 200  # so the other one has been accepted
        remora.signal(15)
        wire.to_end()
        assert remora.wait_end() == 0


# ---------------------------------------------------------------- what is found before


def check(tmp_path, url, *arguments, **tls):
    path = tmp_path / "remora.yaml"
    path.write_text(config(url, **tls).replace("$admin", "1"))
    return run("check", "-t", "-c", str(path), *arguments)


def test_check_opens_the_files(far, tmp_path, authority, stranger, server):
    port = ("-d",)
    certificate, _ = server
    _, key = stranger.issue("other")
    status, _, err = check(tmp_path, far.url, keys=keys((certificate, key)))
    assert status == 1 and "error: tls.keys[0]: key" in err and "does not belong to the certificate" in err
    status, _, err = check(tmp_path, far.url, keys=keys((tmp_path / "none.pem", key)))
    assert status == 1 and "none.pem" in err and "No such file" in err
    status, _, err = check(tmp_path, far.url, keys=keys(authority.issue("old", days=-1)))
    assert "warning: tls.keys[0]: certificate" in err and "has expired" in err and "error" not in err
    status, _, err = check(tmp_path, far.url, keys=keys(server), enable_mtls=True, ca_certs=[str(key)[:-4] + "none"])
    assert status == 1 and "error: tls.ca_certs[0]" in err
    status, out, err = check(tmp_path, far.url, *port, keys=keys(server), min_version="TLS12")
    assert "tls" in json.loads(out) and "warning: tls" not in err


def test_bad_files_do_not_start(far, tmp_path, stranger, server):
    certificate, key = server[0], stranger.issue("other")[1]
    path = tmp_path / "remora.yaml"
    path.write_text(config(far.url, keys=keys((certificate, key))).replace("$admin", "1"))
    status, out, err = run("run", "-c", str(path), "-p", "9")
    assert status == 1 and "does not belong to the certificate" in out + err


def test_a_key_with_a_password_is_refused(far, tmp_path, server):
    locked = tmp_path / "locked.key"
    subprocess.run(["openssl", "ec", "-in", str(server[1]), "-aes256", "-passout", "pass:x", "-out", str(locked)], check=True, capture_output=True)
    status, _, err = check(tmp_path, far.url, keys=keys((server[0], locked)))
    assert status == 1 and "locked.key" in err


# ------------------------------------------------------------ renewal


class Secret:
    """A mounted Secret: both files change at once, by the swap of a link."""

    def __init__(self, folder, pair):
        self.folder, self.n = folder, 0
        folder.mkdir()
        self.put(pair)
        for name in ("tls.crt", "tls.key"):
            (folder / name).symlink_to("..data/" + name)

    def put(self, pair):
        data = self.folder / ("..%d" % self.n)
        self.n += 1
        data.mkdir()
        for name, file in zip(("tls.crt", "tls.key"), pair):
            (data / name).write_text(file.read_text())
        (self.folder / "..tmp").symlink_to(data.name)
        os.rename(self.folder / "..tmp", self.folder / "..data")

    @property
    def pair(self):
        return self.folder / "tls.crt", self.folder / "tls.key"


def shown(remora, context):
    """The serial number of the certificate that a new connection gets."""
    with socket.create_connection(("127.0.0.1", remora.port), DEADLINE_S) as sock, context.wrap_socket(sock, server_hostname="localhost") as tls:
        return tls.getpeercert()["serialNumber"]


@pytest.fixture
def secret(start, authority, far, tmp_path):
    """(remora with a Secret's certificate, the Secret, the client's context)"""
    one = Secret(tmp_path / "secret", authority.issue("first"))
    context = client_context(authority)
    return start(config(far.url, keys=keys(one.pair)), tls=context, workers=4), one, context


def test_renewal_fails_no_handshake(secret, authority):
    """Twenty times under handshakes without a pause: none fails, and each certificate is in use within a second."""
    remora, one, context = secret
    stop, failed, n = threading.Event(), [], [0, 0]

    def run(k):
        while not stop.is_set():
            try:
                if remora.ask("/a").status != 200:
                    failed.append("status")
                n[k] += 1
            except Exception as why:  # whatever it is, it is what a client must not see
                failed.append(why)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    slow = []
    for i in range(20):
        before = shown(remora, context)
        began = time.monotonic()
        one.put(authority.issue("renewed%d" % i))
        until(lambda: shown(remora, context) != before, "the renewed certificate")
        slow.append(time.monotonic() - began)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failed
    assert min(n) > 20
    print("renewals: slowest %.0f ms; handshakes: %d" % (max(slow) * 1000, sum(n)))
    assert max(slow) < (10 if SANITIZED else 1)  # issue 6


def test_a_connection_that_is_there_goes_on(secret, authority):
    remora, one, context = secret
    before = shown(remora, context)
    with remora.wire() as wire:
        wire.send(request("GET /a HTTP/1.1"))
        assert wire.answer().status == 200
        one.put(authority.issue("another"))
        until(lambda: shown(remora, context) != before, "the renewed certificate")
        wire.send(request("GET /a HTTP/1.1"))
        assert wire.answer().status == 200


def test_a_pair_that_is_none_leaves_the_old_one(secret, authority):
    remora, one, context = secret
    before = shown(remora, context)
    other = authority.issue("other")
    for wrong in ((other[0], authority.issue("mixed")[1]), (one.folder / "..0" / "tls.key", other[1])):
        one.put(wrong)
        until(lambda: remora.metrics().value("remora_config_last_reload_successful") == 0, "the refusal")
        assert shown(remora, context) == before
        assert remora.ask("/a").status == 200
        one.put(other if shown(remora, context) == before else wrong)
        until(lambda: remora.metrics().value("remora_config_last_reload_successful") == 1, "the pair")
        before = shown(remora, context)
        other = authority.issue("other")
    assert "reload refused" in remora.log()


def test_what_metrics_say(secret, authority):
    remora, one, context = secret
    assert remora.ask("/a").status == 200
    with socket.create_connection(("127.0.0.1", remora.port), DEADLINE_S) as sock:
        sock.sendall(b"no TLS at all\r\n\r\n")
        sock.recv(1)
    until(lambda: remora.metrics().value("remora_tls_handshakes_total", result="failure") >= 1, "the failure")
    metrics = remora.metrics()
    assert metrics.value("remora_tls_handshakes_total", result="success") >= 1
    assert metrics.value("remora_client_connections") >= 0
    first = metrics.value("remora_tls_certificate_not_after_timestamp_seconds")
    assert first > time.time()
    one.put(authority.issue("long", days=400))
    until(lambda: remora.metrics().value("remora_tls_certificate_not_after_timestamp_seconds") > first, "the other end")


def test_another_rule_by_a_reload(start, far, authority, server):
    remora = start(config(far.url, keys=keys(server), min_version="TLS12"), tls=client_context(authority), workers=2)
    old = client_context(authority)
    old.maximum_version = TLS12
    shown(remora, old)
    remora.config.write_text(remora.config.read_text().replace('"TLS12"', '"TLS13"'))

    def refused():
        try:
            shown(remora, old)
        except (ssl.SSLError, OSError):
            return True
        return False

    until(refused, "the other rule")
    assert remora.ask("/a").status == 200


def test_whether_there_is_tls_stays(start, far, authority, server):
    remora = start(config(far.url, keys=keys(server)), tls=client_context(authority), workers=1)
    text = json.loads(remora.config.read_text())
    tls = text.pop("tls")
    text["endpoints"][1]["endpoint"] = "/other"
    remora.config.write_text(json.dumps(text))
    until(lambda: remora.ask("/other", method="POST", body=b"").status == 200, "the reload")
    assert "what it was at the start stays" in remora.log()
    text["tls"], text["endpoints"][1]["endpoint"] = tls, "/back"
    remora.config.write_text(json.dumps(text))
    until(lambda: remora.ask("/back", method="POST", body=b"").status == 200, "the reload back")


def test_a_renewed_authority_of_clients(start, far, authority, stranger, server, tmp_path):
    trusted = tmp_path / "clients.pem"
    trusted.write_text(authority.certificate.read_text())
    ours, theirs = client_context(authority), client_context(authority)
    ours.load_cert_chain(*authority.issue("ours"))
    theirs.load_cert_chain(*stranger.issue("theirs"))
    remora = start(config(far.url, keys=keys(server), enable_mtls=True, ca_certs=[str(trusted)]), tls=ours, workers=2)
    assert remora.ask("/a").status == 200

    def status(context):
        try:
            return ask(remora.port, "/a", tls=context).status
        except (ssl.SSLError, OSError, AssertionError):
            return None

    assert status(theirs) is None
    trusted.write_text(authority.certificate.read_text() + stranger.certificate.read_text())
    until(lambda: status(theirs) == 200, "the other authority")
    assert status(ours) == 200
