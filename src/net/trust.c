// CA files joined in an anonymous file in memory. A file and not a buffer because libcurl keeps the parsed store for the next
// connection only when it came from a file; parsing the system's takes 20 ms each time.
// SPDX-License-Identifier: Apache-2.0
#include "net/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRUST_FILE_BYTES_MOST ((off_t)8 << 20)

// The whole file as text of the arena.
static int trust_read(struct rm_arena *arena, const char *path, struct rm_str *out, struct rm_err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return rm_fail(err, RM_ECONF, "CA file %s: %s", path, strerror(errno));
    int code = RM_OK;
    size_t n = 0;
    char *text = NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > TRUST_FILE_BYTES_MOST) {
        code = rm_fail(err, RM_ECONF, "CA file %s: not a file of at most 8 MiB", path);
    } else {
        text = rm_arena_alloc(arena, (size_t)st.st_size + 1);
        while (n < (size_t)st.st_size) {
            ssize_t got = read(fd, text + n, (size_t)st.st_size - n);
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                break;
            n += (size_t)got;
        }
    }
    close(fd);
    if (code == RM_OK && !memmem(text, n, "-----BEGIN", 10))
        return rm_fail(err, RM_ECONF, "CA file %s: no certificate in PEM form", path);
    *out = (struct rm_str){text, n};
    return code;
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

static int trust_join(struct rm_trust *trust, const struct rm_str *parts, size_t n, struct rm_err *err)
{
    trust->fd = memfd_create("ca", MFD_CLOEXEC);
    if (trust->fd < 0)
        return rm_fail(err, RM_ESYS, "memfd_create: %s", strerror(errno));
    (void)snprintf(trust->path, sizeof(trust->path), "/proc/self/fd/%d", trust->fd);
    trust->file = trust->path;
    if (access(trust->path, R_OK) != 0)
        return rm_fail(err, RM_ESYS, "several CA files need /proc: %s", strerror(errno));
    for (size_t i = 0; i < n; i++) {
        int code = trust_write(trust->fd, parts[i], err);
        if (code == RM_OK)
            code = trust_write(trust->fd, RM_STR("\n"), err); // a file may end without one
        if (code != RM_OK)
            return code;
    }
    return RM_OK;
}

int rm_trust_open(struct rm_trust *trust, struct rm_arena *arena, const struct rm_transport_conf *conf,
                  const char *system_file, struct rm_err *err)
{
    *trust = (struct rm_trust){.fd = -1};
    size_t n = 0; // texts read
    struct rm_str *parts = RM_NEW_ARRAY(arena, struct rm_str, conf->n_tls_ca_files + 1);
    for (size_t i = 0; i < conf->n_tls_ca_files; i++) {
        trust->file = rm_arena_cstr(arena, conf->tls_ca_files[i]);
        int code = trust_read(arena, trust->file, &parts[n], err);
        if (code != RM_OK)
            return code;
        n++;
    }
    if (!conf->tls_no_system_ca && system_file) {
        // A minimal image has none; what the configuration names is then all there is.
        if (n == 0)
            trust->file = rm_arena_cstr(arena, rm_str_of(system_file));
        else if (trust_read(arena, system_file, &parts[n], NULL) == RM_OK)
            n++;
    }
    if (n < 2)
        return RM_OK;
    int code = trust_join(trust, parts, n, err);
    if (code != RM_OK)
        rm_trust_close(trust);
    return code;
}

void rm_trust_close(struct rm_trust *trust)
{
    if (trust->fd >= 0)
        close(trust->fd);
    trust->fd = -1;
}
