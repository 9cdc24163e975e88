// A provider for tests, and an example of one: the lines of a small local file are hosts, "http://10.0.0.1:8080"; it is read again when
// it was written.
// SPDX-License-Identifier: Apache-2.0
#include "sd/origin.h"
#include "sd/registry.h"
#include "sd/stamp.h"

#include "base/clock.h"

#include <remora/log.h>
#include <stdio.h>

#define FILE_LOOK_US (10 * RM_MS)
#define FILE_HOSTS_MAX 256

struct file_provider {
    struct rm_arena arena; // holds this struct
    struct rm_loop *loop;
    struct rm_sd_sink *sink;
    const char *path;
    struct rm_stamp stamp;
    struct rm_timer look;
};

static void file_read(struct file_provider *self)
{
    struct rm_host hosts[FILE_HOSTS_MAX];
    struct rm_err err = {0};
    struct rm_arena scratch;
    char line[300];
    size_t n = 0;
    rm_arena_init(&scratch, NULL);
    FILE *file = fopen(self->path, "r");
    if (!file)
        (void)rm_fail(&err, RM_ESYS, "%s cannot be read", self->path);
    while (file && n < FILE_HOSTS_MAX && fgets(line, sizeof(line), file)) {
        struct rm_str text = rm_arena_dup(&scratch, (struct rm_str){line, strcspn(line, "\n")});
        struct rm_origin origin;
        if (rm_origin_parse(&scratch, text, &origin, &err) != RM_OK)
            break;
        hosts[n++] = (struct rm_host){
            .scheme = origin.scheme, .address = origin.name, .name = origin.name, .port = origin.port, .weight = 1};
    }
    if (file)
        fclose(file);
    if (err.code == RM_OK)
        self->sink->publish(self->sink, rm_snapshot_new(hosts, n));
    else
        self->sink->failed(self->sink, &err);
    rm_log(RM_INFO, "hosts read file=%s hosts=%zu error=\"%s\"", self->path, n, err.text);
    rm_arena_fini(&scratch);
}

static void file_look(struct rm_timer *timer)
{
    struct file_provider *self = rm_container_of(timer, struct file_provider, look);
    if (rm_stamp_renew(&self->stamp, self->path))
        file_read(self);
    rm_timer_start(self->loop, timer, rm_loop_now_us(self->loop) + FILE_LOOK_US);
}

static int file_check(const struct rm_source *source, struct rm_err *err)
{
    if (source->n_hosts == 1 && source->hosts[0].n > 0 && source->hosts[0].p[0] == '/')
        return RM_OK;
    return rm_fail(err, RM_ECONF, "\"sd\": \"file\" takes the absolute path of one file");
}

static void file_close(void *arg)
{
    struct file_provider *self = arg;
    rm_timer_stop(&self->look);
    struct rm_arena arena = self->arena;
    rm_arena_fini(&arena);
}

static int file_open(void **out, const struct rm_source *source, struct rm_loop *loop, struct rm_sd_sink *sink,
                     struct rm_err *err)
{
    (void)err;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct file_provider *self = RM_NEW(&arena, struct file_provider);
    *self = (struct file_provider){.loop = loop, .sink = sink, .look.fire = file_look};
    self->path = rm_arena_cstr(&arena, source->hosts[0]);
    self->arena = arena;
    (void)rm_stamp_renew(&self->stamp, self->path);
    file_read(self);
    file_look(&self->look);
    *out = self;
    return RM_OK;
}

const struct rm_sd_ops rm_sd_file = {
    .name = "file",
    .check = file_check,
    .open = file_open,
    .close = file_close,
};
