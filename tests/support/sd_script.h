// A provider that does what the test says. Link sd_script.c instead of layer `sd`: it brings the registry, with the one
// provider "scripted". An instance is named by the first host of its source.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_SD_SCRIPT_H
#define SUPPORT_SD_SCRIPT_H

#include <remora/sd.h>

struct rm_script {
    const struct rm_source *source;
    struct rm_loop *loop;
    struct rm_sd_sink *sink;
    bool is_open;
    int opened, closed; // over all lives of this name
};

// A source whose first host is `name`, for the provider "scripted". Lives until the program ends.
const struct rm_source *rm_script_source(const char *name);
// What the instance of this name is; zeroed when it was never opened.
struct rm_script *rm_script_of(const char *name);
// Publishes "10.0.0.1*3 10.0.0.2": addresses with weights (1 when not given), port 80, in this order; "" is the empty list.
void rm_script_publish(struct rm_script *, const char *hosts);
struct rm_snapshot *rm_script_list(const char *hosts); // such a list without publishing it
void rm_script_fail(struct rm_script *, int code, const char *text);
// The next opens of this name publish this at once ("IP literals"), or fail; NULL: neither.
void rm_script_on_open(const char *name, const char *publish, const char *fail);

#endif
