// Outgoing TLS. Owns copies in memory of what the configuration names, the CA files joined: files and not buffers, because libcurl keeps
// the parsed store for the next connection only when it came from a file; parsing the system's takes 20 ms each time.
// SPDX-License-Identifier: Apache-2.0
#include "net/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRUST_FILE_BYTES_MOST ((off_t)8 << 20)

// Up to n bytes of the file, fewer when it is shorter or cannot be read.
static size_t trust_fill(int fd, char *text, size_t n)
{
    size_t at = 0;
    while (at < n) {
        ssize_t got = read(fd, text + at, n - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        at += (size_t)got;
    }
    return at;
}

// The whole file as text of the arena.
static int trust_read(struct rm_arena *arena, const char *what, const char *path, struct rm_str *out,
                      struct rm_err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return rm_fail(err, RM_ECONF, "%s %s: %s", what, path, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > TRUST_FILE_BYTES_MOST) {
        close(fd);
        return rm_fail(err, RM_ECONF, "%s %s: not a file of at most 8 MiB", what, path);
    }
    char *text = rm_arena_alloc(arena, (size_t)st.st_size + 1);
    *out = (struct rm_str){text, trust_fill(fd, text, (size_t)st.st_size)};
    close(fd);
    if (!memmem(out->p, out->n, "-----BEGIN", 10))
        return rm_fail(err, RM_ECONF, "%s %s: no certificate in PEM form", what, path);
    return RM_OK;
}

static int trust_write(int fd, struct rm_str text, struct rm_err *err)
{
    while (text.n > 0) {
        ssize_t put = write(fd, text.p, text.n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return rm_fail(err, RM_ESYS, "cannot join the CA files: %s", strerror(errno));
        text = rm_str_sub(text, (size_t)put, text.n);
    }
    return RM_OK;
}

static int trust_join(struct rm_trust_copy *copy, const struct rm_str *parts, size_t n, struct rm_err *err)
{
    copy->fd = memfd_create("tls", MFD_CLOEXEC);
    if (copy->fd < 0)
        return rm_fail(err, RM_ESYS, "memfd_create: %s", strerror(errno));
    (void)snprintf(copy->path, sizeof(copy->path), "/proc/self/fd/%d", copy->fd);
    if (access(copy->path, R_OK) != 0)
        return rm_fail(err, RM_ESYS, "TLS files need /proc: %s", strerror(errno));
    for (size_t i = 0; i < n; i++) {
        int code = trust_write(copy->fd, parts[i], err);
        if (code == RM_OK)
            code = trust_write(copy->fd, RM_STR("\n"), err); // a file may end without one
        if (code != RM_OK)
            return code;
    }
    return RM_OK;
}

static int trust_open_store(struct rm_trust *trust, struct rm_arena *arena, const struct rm_transport_conf *conf,
                            const char *system_file, struct rm_err *err)
{
    size_t n = 0; // texts read
    struct rm_str *parts = RM_NEW_ARRAY(arena, struct rm_str, conf->n_tls_ca_files + 1);
    for (size_t i = 0; i < conf->n_tls_ca_files; i++) {
        trust->ca_file = rm_arena_cstr(arena, conf->tls_ca_files[i]);
        int code = trust_read(arena, "CA file", trust->ca_file, &parts[n], err);
        if (code != RM_OK)
            return code;
        n++;
    }
    if (!conf->tls_no_system_ca && system_file) {
        // A minimal image has none; what the configuration names is then all there is.
        if (n == 0)
            trust->ca_file = rm_arena_cstr(arena, rm_str_of(system_file));
        else if (trust_read(arena, "CA file", system_file, &parts[n], NULL) == RM_OK)
            n++;
    }
    if (n == 0)
        return RM_OK;
    trust->ca_file = trust->store.path;
    return trust_join(&trust->store, parts, n, err);
}

static int trust_version(struct rm_str name, int *version, struct rm_err *err)
{
    static const char *const names[] = {"TLS10", "TLS11", "TLS12", "TLS13"};
    if (name.n == 0)
        return RM_OK;
    for (int i = 0; i < (int)RM_COUNT(names); i++) {
        if (rm_str_eq(name, rm_str_of(names[i]))) {
            *version = 10 + i;
            return RM_OK;
        }
    }
    return rm_fail(err, RM_ECONF, "unknown TLS version %.*s", (int)name.n, name.p);
}

static int trust_open_cert(struct rm_trust *trust, struct rm_arena *arena, const struct rm_transport_conf *conf,
                           struct rm_err *err)
{
    if (conf->tls_cert_file.n == 0)
        return RM_OK;
    const char *cert = rm_arena_cstr(arena, conf->tls_cert_file), *key = rm_arena_cstr(arena, conf->tls_key_file);
    struct rm_str text;
    int code = trust_read(arena, "client certificate", cert, &text, err);
    if (code == RM_OK)
        code = trust_join(&trust->cert_copy, &text, 1, err);
    if (code == RM_OK)
        code = trust_read(arena, "key", key, &text, err);
    if (code == RM_OK)
        code = trust_join(&trust->key_copy, &text, 1, err);
    trust->cert = trust->cert_copy.path;
    trust->key = trust->key_copy.path;
    return code;
}

int rm_trust_open(struct rm_trust *trust, struct rm_arena *arena, const struct rm_transport_conf *conf,
                  const char *system_file, struct rm_err *err)
{
    *trust = (struct rm_trust){.verify = !conf->tls_insecure, .store.fd = -1, .cert_copy.fd = -1, .key_copy.fd = -1};
    int code = trust_version(conf->tls_min_version, &trust->tls_min, err);
    if (code == RM_OK)
        code = trust_version(conf->tls_max_version, &trust->tls_max, err);
    if (code == RM_OK)
        code = trust_open_cert(trust, arena, conf, err);
    if (code == RM_OK && trust->verify)
        code = trust_open_store(trust, arena, conf, system_file, err);
    if (code != RM_OK)
        rm_trust_close(trust);
    return code;
}

void rm_trust_close(struct rm_trust *trust)
{
    int *const fds[] = {&trust->store.fd, &trust->cert_copy.fd, &trust->key_copy.fd};
    for (size_t i = 0; i < RM_COUNT(fds); i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}
