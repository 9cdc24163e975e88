// The texts of health checks. Owns nothing.
// SPDX-License-Identifier: Apache-2.0
#include "admin/health.h"

bool rm_health_is_ready(const struct rm_health *health)
{
    return health->serving && health->answered && !health->draining;
}

int rm_health_write(const char *title, const struct rm_check *checks, size_t n, bool verbose, struct rm_buf *out)
{
    bool fine = true;
    int code = RM_OK;
    for (size_t i = 0; i < n; i++)
        fine &= checks[i].why.n == 0;
    if (fine && !verbose) {
        code = rm_buf_append(out, RM_STR("ok"));
        RM_ASSERT(code == RM_OK);
        return 200;
    }
    for (size_t i = 0; i < n; i++) {
        struct rm_str why = checks[i].why;
        code = why.n == 0 ? rm_buf_printf(out, "[+]%s ok\n", checks[i].name)
                          : rm_buf_printf(out, "[-]%s failed: %.*s\n", checks[i].name, (int)why.n, why.p);
        RM_ASSERT(code == RM_OK); // no cap but memory
    }
    code = rm_buf_printf(out, "%s check %s\n", title, fine ? "passed" : "failed");
    RM_ASSERT(code == RM_OK);
    return fine ? 200 : 503;
}
