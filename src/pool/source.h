// Sources compared. Pure.
// SPDX-License-Identifier: Apache-2.0
#ifndef POOL_SOURCE_H
#define POOL_SOURCE_H

#include <remora/sd.h>

bool rm_source_same(const struct rm_source *, const struct rm_source *); // all members are equal: they share one cache entry

#endif
