"""A control plane: etcd, the API server and the controllers that follow Services, in this process's network namespace, with a node in
each of two zones."""
# SPDX-License-Identifier: Apache-2.0
import http.client
import shutil
import ssl
import subprocess

from kit.waiting import until

from . import programs
from .api import Api, Refused
from .audit import Audit
from .credentials import ISSUER, Credentials
from .process import Program

PORT, ETCD_PORT, ETCD_PEER_PORT = 6443, 2379, 2380
CONTROLLERS = (
    "endpointslice-controller,serviceaccount-controller,root-ca-certificate-publisher-controller,namespace-controller,"
    "deployment-controller,replicaset-controller,garbage-collector-controller"
)


class Cluster:
    def __init__(self, folder, flags=()):
        """`flags`: more of the API server's."""
        self.folder = folder
        self.credentials = Credentials(folder)
        self.audit = Audit(folder)
        self.url = "https://127.0.0.1:%d" % PORT
        self.kubeconfig = self.credentials.kubeconfig("admin", self.url)
        box, c = programs.path("box"), self.credentials
        self.etcd = Program(
            "etcd",
            folder,
            [
                box,
                "etcd",
                "--data-dir=%s" % (folder / "etcd"),
                "--listen-client-urls=http://127.0.0.1:%d" % ETCD_PORT,
                "--advertise-client-urls=http://127.0.0.1:%d" % ETCD_PORT,
                "--listen-peer-urls=http://127.0.0.1:%d" % ETCD_PEER_PORT,
                "--unsafe-no-fsync",
            ],
        )
        self.apiserver = Program(
            "apiserver",
            folder,
            [
                box,
                "apiserver",
                "--etcd-servers=http://127.0.0.1:%d" % ETCD_PORT,
                "--bind-address=127.0.0.1",
                "--secure-port=%d" % PORT,
                "--advertise-address=127.0.0.1",
                "--endpoint-reconciler-type=none",
                "--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112",
                "--allow-privileged=true",
                "--tls-cert-file=%s" % c.certificate,
                "--tls-private-key-file=%s" % c.key,
                "--token-auth-file=%s" % c.tokens,
                "--authorization-mode=RBAC",
                "--anonymous-auth=false",
                "--service-account-issuer=" + ISSUER,
                "--service-account-key-file=%s" % c.sign_pub,
                "--service-account-signing-key-file=%s" % c.sign_key,
                "--api-audiences=" + ISSUER,
                "--audit-policy-file=%s" % self.audit.policy,
                "--audit-log-path=%s" % self.audit.path,
                *flags,
            ],
        )
        self.controllers = Program(
            "controllers",
            folder,
            [
                box,
                "controllers",
                "--leader-elect=false",
                "--secure-port=0",
                "--controllers=" + CONTROLLERS,
                "--service-account-private-key-file=%s" % c.sign_key,
                "--root-ca-file=%s" % c.ca,
                "--kubeconfig=%s" % self.kubeconfig,
            ],
        )
        self.api = Api("127.0.0.1", PORT, c.ca, c.admin)

    def __enter__(self):
        try:
            self.etcd.start()
            self.start_api()
            self.controllers.start()
            for zone in "ab":
                labels = {"topology.kubernetes.io/zone": "zone-" + zone}
                self.api.create("nodes", {"metadata": {"name": "node-" + zone, "labels": labels}})
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # In this order: an API server whose etcd is gone first does not end.
        for one in (self.controllers, self.apiserver, self.etcd):
            one.stop()
        self.api.close()

    # ------------------------------------------------------------ the API server's life

    def start_api(self):
        self.apiserver.start()
        self.wait_ready()

    def wait_ready(self):
        def ready():
            self.apiserver.check_alive()
            try:
                return self.api.ask("GET", "/readyz") == "ok"
            except (OSError, http.client.HTTPException, Refused):
                return False

        until(ready, "the API server", step_s=0.05)

    def restart_api(self):
        """Its watch history is empty afterwards."""
        self.apiserver.kill()
        self.start_api()

    def keep_store(self):
        """Remembers etcd's state of now."""
        self._between(lambda: shutil.copytree(self.folder / "etcd", self.folder / "kept"))

    def put_store_back(self):
        def swap():
            shutil.rmtree(self.folder / "etcd")
            shutil.copytree(self.folder / "kept", self.folder / "etcd")

        self._between(swap)

    def _between(self, work):
        """While nothing runs."""
        for one in (self.controllers, self.apiserver):
            one.kill()
        self.etcd.stop()
        work()
        self.etcd.start()
        self.start_api()
        self.controllers.start()

    def replace_authority(self):
        """Another CA's certificate is served from here on, without a restart: the API server re-reads its files each minute."""
        self.credentials.new_authority()
        context = ssl.create_default_context(cafile=str(self.credentials.ca))

        def served():
            try:
                connection = http.client.HTTPSConnection("127.0.0.1", PORT, context=context, timeout=5)
                connection.connect()
                connection.close()
                return True
            except ssl.SSLError:
                return False

        until(served, "the new CA's certificate", deadline_s=150, step_s=0.5)
        self.api = Api("127.0.0.1", PORT, self.credentials.ca, self.credentials.admin)

    def kubectl(self, *arguments, stdin=None):
        done = subprocess.run(
            [programs.path("box"), "kubectl", "--kubeconfig=%s" % self.kubeconfig, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, "kubectl %s: %s" % (" ".join(arguments), done.stderr)
        return done.stdout
