"""The workload https: plain text in, a backend behind TLS on kept connections; remora and HAProxy doing the same, both verifying the
backend's certificate. The backend is nginx. Uses the harness's means (see peers.py); certificates are made here by openssl."""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import shutil
import subprocess
import tempfile
import time

ORIGIN = """\
daemon off; worker_processes 1; pid %(dir)s/nginx.pid; error_log %(dir)s/nginx.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path %(dir)s/t1; proxy_temp_path %(dir)s/t2; fastcgi_temp_path %(dir)s/t3; uwsgi_temp_path %(dir)s/t4;
  scgi_temp_path %(dir)s/t5;
  server {
    listen 127.0.0.1:%(port)d ssl; ssl_certificate %(dir)s/cert.pem; ssl_certificate_key %(dir)s/key.pem;
    location / { default_type application/json; return 200 '%(body)s'; }
  }
}
"""

HAPROXY = """\
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind 127.0.0.1:%(port)d
  default_backend far
backend far
  server one 127.0.0.1:%(origin)d ssl verify required ca-file %(dir)s/cert.pem verifyhost localhost sni str(localhost)
"""


def remora_config(scratch, origin):
    return {"version": 3, "timeout": "10s", "max_idle_connections_per_host": 2048, "idle_connection_timeout": "60s",
            "client_tls": {"ca_certs": [os.path.join(scratch, "cert.pem")]},
            "extra_config": {"telemetry/logging": {"level": "ERROR"}, "router": {"disable_access_log": True}},
            "endpoints": [{"endpoint": "/plain", "output_encoding": "no-op", "backend": [
                {"url_pattern": "/plain", "host": ["https://localhost:%d" % origin], "encoding": "no-op"}]}]}


def certificate(scratch):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", os.path.join(scratch, "key.pem"), "-out", os.path.join(scratch, "cert.pem")],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def write(scratch, name, text):
    path = os.path.join(scratch, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def answers_over_tls(port, scratch):
    """Once the origin accepts: http.client needs the certificate, so the harness's wait cannot be used."""
    import ssl
    import socket
    context = ssl.create_default_context(cafile=os.path.join(scratch, "cert.pem"))
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as s, context.wrap_socket(s, server_hostname="localhost"):
                return
        except OSError:
            time.sleep(0.01)
    raise SystemExit("https.py: the origin does not start")


def one(harness, name, command, port, origin, body, seconds):
    proc = harness.Process(command, [0], os.devnull)
    try:
        proc.port = port
        if harness.wait_ready(port, proc.child, time.monotonic()) is None:
            raise SystemExit("https.py: %s does not start or answer" % name)
        if harness.get(port, "/plain") != (200, body.encode()):
            raise SystemExit("https.py: %s answers wrongly" % name)
        harness.wrk(port, "/plain", 64, 1, [1])
        return harness.sample(lambda: harness.wrk(port, "/plain", 64, seconds, [1]), proc, origin, 0.1)
    finally:
        proc.stop()


def measure(harness, remora, seconds, reps):
    scratch = tempfile.mkdtemp(prefix="remora-bench-")
    os.chmod(scratch, 0o755)
    try:
        certificate(scratch)
        body = harness.compact(harness.bodies()["small"])
        origin_port = harness.free_port()
        conf = write(scratch, "nginx.conf", ORIGIN % {"dir": scratch, "port": origin_port, "body": body})
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        haproxy = shutil.which("haproxy") or "/usr/sbin/haproxy"
        origin = harness.Process([nginx, "-c", conf, "-p", scratch], [1], os.path.join(scratch, "origin.log"))
        rows = {"remora": [], "haproxy": []}
        try:
            answers_over_tls(origin_port, scratch)
            for _ in range(reps):
                port = harness.free_port()
                conf = write(scratch, "haproxy.cfg", HAPROXY % {"dir": scratch, "port": port, "origin": origin_port})
                rows["haproxy"].append(one(harness, "haproxy", [haproxy, "-db", "-f", conf], port, origin, body, seconds))
                port = harness.free_port()
                conf = write(scratch, "remora.json", json.dumps(remora_config(scratch, origin_port)))
                rows["remora"].append(one(harness, "remora", [remora, "run", "-c", conf, "-p", str(port)], port, origin, body, seconds))
        finally:
            origin.stop()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    out = {}
    for name, samples in rows.items():
        calm = harness.quiet(samples)
        out[name] = {k: harness.median([s[v] for s in calm]) for k, v in
                     (("us", "us"), ("rps", "rps"), ("p50_us", "p50"), ("p99_us", "p99"))}
        out[name].update(samples=len(calm), disturbed=all(s["other"] > harness.QUIET for s in samples),
                         bad=sum(s["bad"] for s in samples))
    return out
