"""The programs that the slow tests run beside remora, built from the Go modules `box`, `coredns` and `charts` and kept outside the clone
under a name that follows from their sources, so that a machine builds them once. Run as a program it builds what is missing."""
# SPDX-License-Identifier: Apache-2.0
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
SOURCES = ("go.mod", "go.sum", "main.go")
# The module, and the package in it.
PROGRAMS = {
    "box": ("box", "."),
    "coredns": ("coredns", "."),
    "helm": ("charts", "helm.sh/helm/v3/cmd/helm"),
    "kubeconform": ("charts", "github.com/yannh/kubeconform/cmd/kubeconform"),
}
COST = {"box": "about ten minutes of processor time", "coredns": "two minutes", "helm": "a minute", "kubeconform": "seconds"}
GO_FLOOR = (1, 21)  # from here on Go fetches the toolchain that a module asks for


def cache():
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "remora"


def path(name):
    digest, folder = hashlib.sha256(), HERE / PROGRAMS[name][0]
    for source in SOURCES:
        if (folder / source).exists():
            digest.update((folder / source).read_bytes())
    return cache() / ("%s-%s" % (name, digest.hexdigest()[:16]))


def kubernetes_version():
    return re.search(r"k8s\.io/kubernetes v([\d.]+)", (HERE / "box/go.mod").read_text()).group(1)


def missing():
    return [name for name in PROGRAMS if not os.access(path(name), os.X_OK)]


def _linker_flags(name):
    """The API server tells its clients the version that the linker wrote into it, without which some refuse to speak with it; helm takes
    what was written into it for the cluster's version where it asks none."""
    version = kubernetes_version()
    major, minor, _ = version.split(".")
    written = {
        "box": {
            "k8s.io/component-base/version.gitVersion": "v" + version,
            "k8s.io/component-base/version.gitMajor": major,
            "k8s.io/component-base/version.gitMinor": minor,
        },
        "helm": {
            "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": major,
            "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": minor,
            "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor": major,
            "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor": minor,
            "k8s.io/client-go/pkg/version.gitVersion": "v" + version,
        },
    }
    return " ".join(["-s -w", *("-X %s=%s" % pair for pair in written.get(name, {}).items())])


def _check_go():
    if not shutil.which("go"):
        sys.exit("programs: no `go` found: the slow tests need Go %d.%d or newer" % GO_FLOOR)
    found = subprocess.run(["go", "env", "GOVERSION"], check=True, capture_output=True, text=True).stdout
    version = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    if version < GO_FLOOR:
        sys.exit("programs: Go is %s; the slow tests need %d.%d or newer" % (found.strip(), *GO_FLOOR))


def build(name):
    target = path(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part%d" % os.getpid())
    print("building %s (once; %s)" % (name, COST[name]), flush=True)
    module, package = PROGRAMS[name]
    subprocess.run(
        ["go", "build", "-trimpath", "-ldflags", _linker_flags(name), "-o", str(part), package],
        cwd=HERE / module,
        env=dict(os.environ, CGO_ENABLED="0"),
        check=True,
    )
    os.replace(part, target)


def main():
    wanted = missing()
    if wanted:
        _check_go()
    for name in wanted:
        build(name)
    for name in PROGRAMS:
        print("%s: %s" % (name, path(name)))


if __name__ == "__main__":
    main()
