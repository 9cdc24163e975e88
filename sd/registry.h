// The providers that the registry lists. A new one is declared here and put into registry.c's table.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_REGISTRY_H
#define SD_REGISTRY_H

#include <remora/sd.h>

extern const struct rm_sd_ops rm_sd_static;

#endif
