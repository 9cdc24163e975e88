"""sd kubernetes: who may ask what, and over which connection: tokens, authorities, roles. Tests are named after the points of the
provider's checklist."""
# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from kit.certificates import Authority, server_context
from kit.kube_api import FORBIDDEN, UNAUTHORIZED
from kit.kube_shop import Shop
from kit.waiting import until

A, B, C = "127.0.0.2", "127.0.0.3", "127.0.0.4"
SECRET = "eyJhbGciOiJSUzI1NiJ9.first-token"
SECRET_2 = "eyJhbGciOiJSUzI1NiJ9.second-token"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture
def ca_file(tmp_path, authority):
    """A copy that a test may change."""
    path = tmp_path / "ca.crt"
    path.write_text(authority.certificate.read_text())
    return str(path)


@pytest.fixture
def make(start, authority):
    """make(token=…): a shop whose API server speaks TLS."""
    made = []

    def begin(token=None, context=None):
        one = Shop(start, context=context or server_context(*authority.issue("api")), token=token)
        one.put("cart-1", [A, B])
        made.append(one)
        return one

    yield begin
    for one in made:
        one.close()


class Mounted:
    """A projected volume as the kubelet writes it: a new version is a new folder, and one rename of a link."""

    def __init__(self, folder):
        self.folder, self.n = folder, 0
        folder.mkdir()

    def write(self, **files):
        self.n += 1
        version = self.folder / ("..%d" % self.n)
        version.mkdir()
        for name, text in files.items():
            (version / name).write_text(text)
            link = self.folder / name
            if not link.is_symlink():
                link.symlink_to(os.path.join("..data", name))
        (self.folder / "..data_tmp").symlink_to(version.name)
        os.rename(self.folder / "..data_tmp", self.folder / "..data")

    def path(self, name):
        return str(self.folder / name)


def reopened(shop):
    """Another watch, which is another request with the token of now."""
    n = shop.api.count("watch")
    shop.api.end_watches()
    shop.api.wait_asked("watch", n + 1)
    shop.api.wait_watching()


def test_p11_401_reads_the_token_again_and_tries_once_at_once(make, tmp_path, ca_file):
    shop = make(token=SECRET)
    volume = Mounted(tmp_path / "volume")
    volume.write(token=SECRET + "\n")
    shop.run(kubernetes={"ca_file": ca_file, "token_file": volume.path("token")})
    shop.api.wait_watching()
    assert shop.answering() == {A, B}
    # The token is another one now, and a request with the old one is on its way.
    shop.api.script("watch", lambda connection, asked: (volume.write(token=SECRET_2), connection.answer(401, UNAUTHORIZED)))
    shop.api.token = SECRET_2
    shop.api.end_watches()
    shop.api.wait_watching()
    tokens = [one.token for one in shop.api.asked if one.verb == "watch"]
    assert tokens == [SECRET, SECRET, SECRET_2]
    assert shop.log_count("status=401") == 0  # nothing to be told of
    # A token that stays wrong: once at once, then with back-off, and told of once.
    shop.api.token = "another"
    shop.api.end_watches()
    shop.wait_log("cannot watch endpointslices", "status=401", "Unauthorized")
    shop.api.wait_asked("watch", 6)
    assert shop.answering() == {A, B}
    assert shop.log_count("status=401") == 1
    volume.write(token="another")
    shop.api.wait_watching()
    shop.wait_log("watched again")
    assert SECRET not in shop.remora.log() and SECRET_2 not in shop.remora.log()


def test_p12_every_request_has_the_token_of_now_and_a_running_watch_goes_on(make, tmp_path, ca_file):
    shop = make()
    volume = Mounted(tmp_path / "volume")
    volume.write(token=SECRET)
    shop.run(kubernetes={"ca_file": ca_file, "token_file": volume.path("token")})
    shop.api.wait_watching()
    assert shop.api.last("list").token == shop.api.last("watch").token == SECRET
    n = shop.api.count("watch")
    volume.write(token=SECRET_2)
    shop.put("cart-1", [C])
    shop.wait_answering(C)
    assert shop.api.count("watch") == n
    reopened(shop)
    assert shop.api.last("watch").token == SECRET_2


def test_p12_a_token_file_that_is_missing_or_odd_is_told_of_and_waited_for(make, tmp_path, ca_file):
    shop = make(token=SECRET)
    path = tmp_path / "token"
    shop.run(kubernetes={"ca_file": ca_file, "token_file": str(path)})
    assert shop.ask() == 500
    assert shop.log_has("cannot list", "No such file", str(path))
    path.write_text(SECRET + "\nX-Smuggled: 1")
    until(lambda: shop.log_has("cannot list") and shop.ask() == 500, "a refusal")
    assert not any("x-smuggled" in one.headers for one in shop.api.asked)
    path.write_text("  " + SECRET + "\r\n")
    shop.wait_answering(A, B)
    assert SECRET not in shop.remora.log()


def test_p12_the_pods_token_never_goes_out_in_plain_text(start, tmp_path):
    shop = Shop(start)
    try:
        shop.put("cart-1", [A])
        shop.run(kubernetes={"token_file": None})
        shop.api.wait_watching()
        assert all(one.token == "" for one in shop.api.asked)
    finally:
        shop.close()


def test_p13_the_authority_is_read_again_for_each_connection_and_always_verified(make, authority, stranger, tmp_path, ca_file):
    shop = make()
    shop.run(kubernetes={"ca_file": ca_file})
    shop.api.wait_watching()
    assert shop.answering() == {A, B}
    # The server has a certificate of another authority now; what runs goes on, what comes is refused.
    shop.api.context = server_context(*stranger.issue("api"))
    shop.put("cart-1", [A])
    shop.wait_answering(A)
    n = shop.api.count("watch") + shop.api.count("list")
    shop.api.cut_watches()
    shop.wait_log("cannot watch endpointslices", "certificate", "hosts=kept")
    assert shop.api.count("watch") + shop.api.count("list") == n
    assert shop.answering() == {A}
    (tmp_path / "new").write_text(stranger.certificate.read_text())
    os.rename(tmp_path / "new", ca_file)
    shop.api.wait_watching()
    shop.put("cart-1", [C])
    shop.wait_answering(C)


@pytest.mark.parametrize("what", ["stranger", "name", "expired", "no file", "empty file", "no ca_file"])
def test_p13_a_server_that_cannot_be_verified_is_not_asked(make, authority, stranger, tmp_path, what, ca_file):
    issued = {
        "stranger": lambda: stranger.issue("api"),
        "name": lambda: authority.issue("api", "DNS:another.test"),
        "expired": lambda: authority.issue("api", days=-1),
    }.get(what, lambda: authority.issue("api"))()
    shop = make(context=server_context(*issued))
    if what == "no file":
        os.unlink(ca_file)
    elif what == "empty file":
        open(ca_file, "w").close()
    shop.run(kubernetes={"ca_file": None if what == "no ca_file" else ca_file})
    shop.wait_log("cannot list endpointslices", "hosts=none")
    assert shop.ask() == 500
    assert not shop.api.asked


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_p14_403_says_what_is_missing_and_recovers_when_it_is_granted(make, tmp_path, verb, ca_file):
    shop = make(token=SECRET)
    (tmp_path / "token").write_text(SECRET)
    shop.api.fail(verb, 403, FORBIDDEN, times=3)
    shop.run(kubernetes={"ca_file": ca_file, "token_file": str(tmp_path / "token")})
    shop.wait_log(
        "cannot %s endpointslices" % verb, "verb=" + verb, "resource=endpointslices", "namespace=shop", "status=403", "Role"
    )
    if verb == "watch":  # what the list said is served
        assert shop.answering() == {A, B}
    shop.api.wait_watching()
    shop.wait_answering(A, B)
    assert shop.log_count("status=403") == 1
    shop.wait_log("watched again", "namespace=shop")
    assert shop.api.count("list") == (4 if verb == "list" else 1)


def test_p18_tls_ends_and_comes_back(make, tmp_path, ca_file):
    shop = make()
    shop.run(kubernetes={"ca_file": ca_file})
    shop.api.wait_watching()
    shop.api.piece = 5
    shop.put("cart-1", [C])
    shop.wait_answering(C)
    shop.api.cut_watches()
    shop.put("cart-1", [A, C])
    shop.wait_answering(A, C)
    assert shop.api.count("list") == 1


def test_the_address_may_be_a_name(start, tmp_path, authority, ca_file):
    """Resolved like every name here, and verified as that name."""
    shop = Shop(start, context=server_context(*authority.issue("api", "DNS:localhost")))
    try:
        shop.put("cart-1", [A])
        shop.run(kubernetes={"api_server": "https://localhost:%d" % shop.api.port, "ca_file": ca_file})
        shop.wait_answering(A)
        assert shop.api.last("list").headers["host"] == "localhost:%d" % shop.api.port
    finally:
        shop.close()


def test_in_a_pod_the_environment_says_where_the_server_is(start, authority, tmp_path, ca_file):
    """Without a ServiceAccount's files there is nothing to trust: it is asked, and not believed."""
    shop = Shop(start, context=server_context(*authority.issue("api")))
    try:
        env = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(shop.api.port)}
        (tmp_path / "token").write_text(SECRET)
        known = {"api_server": None, "ca_file": ca_file, "token_file": str(tmp_path / "token")}
        shop.put("cart-1", [A])
        shop.run(kubernetes=known, env=env)
        shop.wait_answering(A)
        assert shop.api.last("list").token == SECRET
        assert shop.log_has("api_server=https://127.0.0.1:%d" % shop.api.port)
    finally:
        shop.close()
