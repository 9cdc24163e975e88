// What stands in the files that a configuration names: whether it is what was read, and whether it is another than before. At load.
// SPDX-License-Identifier: Apache-2.0
#ifndef FILES_H
#define FILES_H

#include "conf/conf.h"
#include <remora/transport.h>

// The file is what was loaded: nothing has changed between.
bool rm_file_says(const char *path, struct rm_str text);

// Of the contents of the files that make TLS towards backends, so that a renewed one makes other transports.
uint64_t rm_hash_client_tls(const struct rm_transport_conf *);
// Of what TLS towards clients is made of: its keys as written, and the contents of its files.
uint64_t rm_hash_server_tls(struct rm_conf *);

#endif
