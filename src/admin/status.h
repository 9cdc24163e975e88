// The status page as it is served: one HTML document with its style and script inside, made from status/ when remora is built, and the
// policy that lets a browser run nothing else and ask nobody else.
// SPDX-License-Identifier: Apache-2.0
#ifndef ADMIN_STATUS_H
#define ADMIN_STATUS_H

#include <stddef.h>

extern const char rm_status_policy[]; // of the header Content-Security-Policy
extern const unsigned char *const rm_status_page;
extern const size_t rm_status_page_size;

#endif
