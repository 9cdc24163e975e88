// The providers there are. A new one is a file that defines rm_sd_NAME, and a line here.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_REGISTRY_H
#define SD_REGISTRY_H

#include <remora/sd.h>

// clang-format off
#define RM_SD_PROVIDERS(provider) \
    provider(rm_sd_static) \
    provider(rm_sd_dns) \
    provider(rm_sd_kubernetes) \
    provider(rm_sd_k8s)
// clang-format on

#define RM_SD_DECLARE(ops) extern const struct rm_sd_ops ops;
RM_SD_PROVIDERS(RM_SD_DECLARE)

#endif
