// Pages: which one a path is, and what their replies have in common.
// SPDX-License-Identifier: Apache-2.0
#include "front/page.h"

const struct rm_page *rm_page_find(const struct rm_pages *pages, struct rm_str path)
{
    for (size_t i = 0; i < pages->n; i++)
        if (rm_str_eq(pages->v[i].path, path))
            return &pages->v[i];
    return NULL;
}

void rm_page_reply(struct rm_request *rq, int status, struct rm_str content_type, struct rm_str body)
{
    struct rm_reply *reply = &rq->reply;
    reply->status = status;
    rm_buf_init(&reply->body, SIZE_MAX, NULL); // as long as the configuration and the lists of hosts make it
    int code = rm_buf_append(&reply->body, body);
    RM_ASSERT(code == RM_OK);
    rm_headers_add(&rq->arena, &reply->headers, RM_STR("Content-Type"), content_type);
    rm_headers_add(&rq->arena, &reply->headers, RM_STR("Cache-Control"), RM_STR("no-store"));
    rm_headers_add(&rq->arena, &reply->headers, RM_STR("X-Content-Type-Options"), RM_STR("nosniff"));
}
