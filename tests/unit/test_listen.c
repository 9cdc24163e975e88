// Listening sockets: addresses of both families, all addresses, and those that cannot be had.
// SPDX-License-Identifier: Apache-2.0
#include "front/front.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static uint16_t port_of(int fd)
{
    struct sockaddr_storage at;
    socklen_t size = sizeof(at);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    return ntohs(at.ss_family == AF_INET ? ((struct sockaddr_in *)&at)->sin_port
                                         : ((struct sockaddr_in6 *)&at)->sin6_port);
}

static bool connects(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
    close(fd);
    return ok;
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
    close(fd);
    return ok;
}

static void listen_one(const char *ip, bool for_v4)
{
    int fds[2];
    size_t n = 0;
    struct rm_err err;
    if (rm_listen(rm_str_of(ip), 0, 16, fds, &n, &err) != RM_OK)
        fail_msg("%s: %s", ip, err.text);
    assert_int_equal(n, 1);
    assert_true(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(connects(port_of(fds[0])), for_v4);
    close(fds[0]);
}

static void listen_addresses(void **state)
{
    (void)state;
    listen_one("127.0.0.1", true);
    listen_one("0.0.0.0", true);
    listen_one("", true);
    if (!has_ipv6())
        return;
    listen_one("::1", false);
    listen_one("::", true);
}

static void listen_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"localhost",  "1.2.3",
                                      "[::1]",      "127.0.0.1:80",
                                      "fe80::1%lo", "1111:2222:3333:4444:5555:6666:7777:8888:9999:1111:2222"};
    int fds[2];
    size_t n = 7;
    for (size_t i = 0; i < RM_COUNT(bad); i++) {
        struct rm_err err;
        if (rm_listen(rm_str_of(bad[i]), 0, 16, fds, &n, &err) != RM_ECONF)
            fail_msg("%s is listened on", bad[i]);
    }
    struct rm_err err;
    assert_int_equal(rm_listen(RM_STR("192.0.2.1"), 0, 16, fds, &n, &err), RM_ESYS); // not an address of this machine
    assert_non_null(strstr(err.text, "192.0.2.1"));
    assert_int_equal(n, 7);
}

static void listen_shares_with_nobody(void **state)
{
    (void)state;
    int first[2], second[2];
    size_t n;
    struct rm_err err;
    assert_int_equal(rm_listen(RM_STR("127.0.0.1"), 0, 16, first, &n, &err), RM_OK);
    uint16_t port = port_of(first[0]);
    assert_int_equal(rm_listen(RM_STR("127.0.0.1"), port, 16, second, &n, &err), RM_ESYS);
    assert_non_null(strstr(err.text, "127.0.0.1 port"));
    assert_int_equal(rm_listen(RM_STR(""), port, 16, second, &n, &err), RM_ESYS);
    assert_non_null(strstr(err.text, "* port"));
    close(first[0]);
    assert_int_equal(rm_listen(RM_STR(""), port, 16, second, &n, &err), RM_OK);
    close(second[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listen_addresses),
        cmocka_unit_test(listen_is_refused),
        cmocka_unit_test(listen_shares_with_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
