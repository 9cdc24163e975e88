// Reads the few files and variables that say where the API server is. Owns no connection. Nothing here is logged: one of the
// files is a password.
// SPDX-License-Identifier: Apache-2.0
#include "sd/k8s_access.h"

#include "sd/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define POD_FILES "/var/run/secrets/kubernetes.io/serviceaccount/"
#define FILE_MOST ((size_t)16 << 10) // a token has 1 KB
#define LABEL_MOST 63

static struct rm_str access_env(const char *name)
{
    return rm_str_of(getenv(name));
}

static bool access_file(const char *path)
{
    return access(path, R_OK) == 0;
}

// The file's text without white space around it.
static int access_read(struct rm_arena *arena, const char *path, struct rm_str *out, struct rm_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return rm_fail(err, RM_ESYS, "%s: %s", path, strerrordesc_np(errno));
    char *text = rm_arena_alloc(arena, FILE_MOST);
    size_t n = 0;
    ssize_t got = 0;
    while (n < FILE_MOST && (got = read(fd, text + n, FILE_MOST - n)) > 0)
        n += (size_t)got;
    int why = errno;
    close(fd);
    if (got < 0)
        return rm_fail(err, RM_ESYS, "%s: %s", path, strerrordesc_np(why));
    if (n == FILE_MOST)
        return rm_fail(err, RM_ESYS, "%s: more than 16 KiB", path);
    size_t from = 0;
    while (from < n && (unsigned char)text[from] <= ' ')
        from++;
    while (n > from && (unsigned char)text[n - 1] <= ' ')
        n--;
    *out = (struct rm_str){text + from, n - from};
    return RM_OK;
}

static int access_server(struct rm_k8s_access *access, const struct rm_k8s_conf *conf, struct rm_err *err)
{
    struct rm_str text = conf->api_server;
    struct rm_str host = access_env("KUBERNETES_SERVICE_HOST"), port = access_env("KUBERNETES_SERVICE_PORT");
    struct rm_origin origin;
    if (text.n == 0) {
        if (host.n == 0)
            return rm_fail(err, RM_ECONF,
                           "no API server: this is no pod (KUBERNETES_SERVICE_HOST is not set); name one with "
                           "extra_config.remora.kubernetes.api_server");
        bool is_v6 = memchr(host.p, ':', host.n) != NULL;
        text = rm_arena_printf(&access->arena, "https://%s%.*s%s:%.*s", is_v6 ? "[" : "", (int)host.n, host.p,
                               is_v6 ? "]" : "", port.n ? (int)port.n : 3, port.n ? port.p : "443");
    }
    int code = rm_origin_parse(&access->arena, rm_arena_dup(&access->arena, text), &origin, err);
    if (code != RM_OK)
        return code;
    struct rm_str path = origin.base_path;
    if (path.n > 0 && path.p[path.n - 1] == '/')
        path.n--;
    access->server =
        (struct rm_api_target){.scheme = origin.scheme, .host = origin.name, .port = origin.port, .base_path = path};
    return RM_OK;
}

static void access_namespace(struct rm_k8s_access *access, const struct rm_k8s_conf *conf)
{
    struct rm_str name = conf->namespace_;
    if (name.n == 0 && access_read(&access->arena, POD_FILES "namespace", &name, NULL) != RM_OK)
        name.n = 0;
    if (name.n == 0)
        name = access_env("POD_NAMESPACE");
    access->namespace_ = name.n > 0 && name.n <= LABEL_MOST ? rm_arena_dup(&access->arena, name) : RM_STR("default");
}

// A pod's own token never goes out in plain text unless it is asked for by its name.
static void access_files(struct rm_k8s_access *access, const struct rm_k8s_conf *conf)
{
    bool is_pod = conf->api_server.n == 0 ||
                  (rm_str_eq(access->server.scheme, RM_STR("https")) && access_file(POD_FILES "token"));
    if (conf->token_file.n > 0)
        access->token_file = rm_arena_cstr(&access->arena, conf->token_file);
    else if (is_pod)
        access->token_file = POD_FILES "token";
    access->server.ca_file = conf->ca_file.n > 0 ? rm_arena_dup(&access->arena, conf->ca_file)
                             : is_pod            ? RM_STR(POD_FILES "ca.crt")
                                                 : RM_STR("");
}

int rm_k8s_access_init(struct rm_k8s_access *access, const struct rm_k8s_conf *conf, struct rm_err *err)
{
    *access = (struct rm_k8s_access){0};
    rm_arena_init(&access->arena, NULL);
    int code = access_server(access, conf, err);
    if (code != RM_OK)
        return code;
    access_files(access, conf);
    access_namespace(access, conf);
    access->zone = rm_arena_dup(&access->arena, conf->zone);
    access->node = rm_arena_dup(&access->arena, conf->node.n > 0 ? conf->node : access_env("REMORA_NODE"));
    return RM_OK;
}

void rm_k8s_access_fini(struct rm_k8s_access *access)
{
    rm_arena_fini(&access->arena);
}

int rm_k8s_access_where(void *arg, struct rm_arena *arena, struct rm_api_target *out, struct rm_err *err)
{
    const struct rm_k8s_access *access = arg;
    *out = access->server;
    if (!access->token_file)
        return RM_OK;
    int code = access_read(arena, access->token_file, &out->token, err);
    if (code != RM_OK)
        return code;
    if (out->token.n == 0)
        return rm_fail(err, RM_ESYS, "%s: no token in it", access->token_file);
    for (size_t i = 0; i < out->token.n; i++) // it becomes a header line
        if ((unsigned char)out->token.p[i] <= ' ' || (unsigned char)out->token.p[i] >= 0x7f)
            return rm_fail(err, RM_ESYS, "%s: not one token", access->token_file);
    return RM_OK;
}
