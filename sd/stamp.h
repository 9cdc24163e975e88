// What tells that a small local file was written: looked at by name, so that a file that takes another's place counts, too.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_STAMP_H
#define SD_STAMP_H

#include <remora/base.h>

struct rm_stamp {
    uint64_t device, inode, size;
    int64_t changed_ns;
};

// True when the file is not as `stamp` (zeroed: no file) has it, which it has afterwards.
bool rm_stamp_renew(struct rm_stamp *, const char *path);

#endif
