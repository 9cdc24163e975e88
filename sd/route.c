// Asking the routing table: connecting a datagram socket sends nothing.
// SPDX-License-Identifier: Apache-2.0
#include "sd/route.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

bool rm_route_exists(const struct rm_resolved *address)
{
    struct sockaddr_storage to = {0};
    char text[INET6_ADDRSTRLEN];
    if (address->text.n >= sizeof(text))
        return false;
    memcpy(text, address->text.p, address->text.n);
    text[address->text.n] = '\0';
    if (address->is_v6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&to;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(53);
        if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
            return false;
    } else {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&to;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(53);
        if (inet_pton(AF_INET, text, &v4->sin_addr) != 1)
            return false;
    }
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool connected = connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0;
    close(fd);
    return connected;
}

bool rm_route_is_v6_first(const struct rm_resolved *addresses, size_t n)
{
    const struct rm_resolved *first = &addresses[0], *last = &addresses[n - 1]; // IPv4 comes first
    return first->is_v6 || (last->is_v6 && !rm_route_exists(first) && rm_route_exists(last));
}
