// Contents of files that a configuration names (files.h).
// SPDX-License-Identifier: Apache-2.0
#include "files.h"

#include "base/hash.h"

#include <fcntl.h>
#include <remora/value.h>
#include <unistd.h>

static uint64_t hash_file(uint64_t hash, struct rm_arena *arena, struct rm_str path)
{
    char block[4096];
    ssize_t n;
    int fd = path.n > 0 ? open(rm_arena_cstr(arena, path), O_RDONLY | O_CLOEXEC) : -1;
    while (fd >= 0 && (n = read(fd, block, sizeof(block))) > 0)
        hash = rm_hash_bytes(hash, (struct rm_str){block, (size_t)n});
    if (fd >= 0)
        close(fd);
    return rm_hash_mix(hash + 1);
}

bool rm_file_says(const char *path, struct rm_str text)
{
    char block[4096];
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool same = fd >= 0;
    while (same && (n = read(fd, block, sizeof(block))) > 0) {
        same = text.n >= (size_t)n && memcmp(text.p, block, (size_t)n) == 0;
        text = rm_str_sub(text, (size_t)n, text.n);
    }
    if (fd >= 0)
        close(fd);
    return same && n == 0 && text.n == 0;
}

uint64_t rm_hash_client_tls(const struct rm_transport_conf *conf)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    uint64_t hash = hash_file(hash_file(0, &arena, conf->tls_cert_file), &arena, conf->tls_key_file);
    for (size_t i = 0; i < conf->n_tls_ca_files; i++)
        hash = hash_file(hash, &arena, conf->tls_ca_files[i]);
    rm_arena_fini(&arena);
    return hash;
}

uint64_t rm_hash_server_tls(struct rm_conf *conf)
{
    const struct rm_conf_server_tls *tls = &conf->tls;
    struct rm_arena arena;
    struct rm_buf text = {.max = SIZE_MAX};
    rm_arena_init(&arena, NULL);
    int code = rm_json_write(&arena, rm_value_get(&arena, conf->doc.root, RM_STR("tls")), &text);
    RM_ASSERT(code == RM_OK);
    uint64_t hash = rm_hash_bytes(0, rm_buf_str(&text));
    for (size_t i = 0; i < tls->n_keys; i++)
        hash = hash_file(hash_file(hash, &arena, tls->keys[i].certificate), &arena, tls->keys[i].key);
    for (size_t i = 0; i < tls->ca_certs.n; i++)
        hash = hash_file(hash, &arena, tls->ca_certs.v[i]);
    rm_buf_free(&text);
    rm_arena_fini(&arena);
    return hash;
}
