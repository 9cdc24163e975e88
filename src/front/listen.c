// Listening sockets: opened once by main, shared by the workers. An address that another process holds is an error, never shared.
// SPDX-License-Identifier: Apache-2.0
#include "front/front.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_fail(struct rm_err *err, struct rm_str ip, uint16_t port, int why)
{
    return rm_fail(err, RM_ESYS, "cannot listen on %.*s port %u: %s", (int)(ip.n ? ip.n : 1), ip.n ? ip.p : "*", port,
                   strerror(why));
}

// Returns the descriptor, or -1 with errno set. "::" is for IPv4 clients too, as KrakenD's is.
static int listen_at(const struct sockaddr *address, socklen_t size, int backlog)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1, only = 0;
    // For connections of an earlier run that still close; a listening socket is not shared by it.
    bool ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
    if (address->sa_family == AF_INET6)
        ok = ok && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) == 0;
    if (ok && bind(fd, address, size) == 0 && listen(fd, backlog) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

int rm_listen(struct rm_str ip, uint16_t port, int backlog, int fds[2], size_t *n, struct rm_err *err)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
    const struct sockaddr *as_v4 = (const struct sockaddr *)&v4, *as_v6 = (const struct sockaddr *)&v6;
    int fd;
    if (ip.n == 0) {
        fd = listen_at(as_v6, sizeof(v6), backlog);
        if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) // a machine without IPv6
            fd = listen_at(as_v4, sizeof(v4), backlog);
    } else {
        char text[INET6_ADDRSTRLEN];
        if (ip.n >= sizeof(text))
            return rm_fail(err, RM_ECONF, "%.*s is no IP address", (int)ip.n, ip.p);
        memcpy(text, ip.p, ip.n);
        text[ip.n] = '\0';
        if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
            fd = listen_at(as_v4, sizeof(v4), backlog);
        else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
            fd = listen_at(as_v6, sizeof(v6), backlog);
        else
            return rm_fail(err, RM_ECONF, "%s is no IP address", text);
    }
    if (fd < 0)
        return listen_fail(err, ip, port, errno);
    fds[0] = fd;
    *n = 1;
    return RM_OK;
}
