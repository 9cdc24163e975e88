// The demo's four backends in one process: three product hosts and one marketing host, each on a loopback port of its
// own. A toy HTTP server, one poll() loop: it reads a request's head, ignores the rest, and answers with a fixed
// document. It must not be used for anything else; the tests have scripted servers of their own.
// SPDX-License-Identifier: Apache-2.0

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOSTS = 4, CLIENTS_MAX = 64, HEAD_MAX = 4096 };

struct client {
    int fd; // -1 when the slot is free
    int host;
    size_t head_len;
    char head[HEAD_MAX];
};

static struct client clients[CLIENTS_MAX];

static const char products[] = "{\"products\":["
                               "{\"id\":1,\"name\":\"hammer\",\"price\":12.50},"
                               "{\"id\":2,\"name\":\"anvil\",\"price\":149.00},"
                               "{\"id\":3,\"name\":\"tongs\",\"price\":19.90}],"
                               "\"served_by\":\"product host %d\",\"warehouse_shelf\":\"internal\"}";
static const char marketing[] = "{\"headline\":\"Spring sale\",\"discount_percent\":10,\"featured\":[2],"
                                "\"campaign_budget\":125000}";

static int listen_on(const char *port_text)
{
    char *end;
    long port = strtol(port_text, &end, 10);
    if (*end || port < 1 || port > 65535) {
        fprintf(stderr, "not a port: %s\n", port_text);
        return -1;
    }

    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 64) < 0) {
        fprintf(stderr, "port %s: %s\n", port_text, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

static void client_close(struct client *c)
{
    close(c->fd);
    c->fd = -1;
}

static void client_accept(int listener, int host)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (clients[i].fd < 0) {
            clients[i].fd = fd;
            clients[i].host = host;
            clients[i].head_len = 0;
            return;
        }
    }
    close(fd);
}

static int client_answer(struct client *c)
{
    char body[512];
    char answer[1024];
    const char *status = "200 OK";
    bool marketing_host = c->host == HOSTS - 1;

    if (strncmp(c->head, "GET /health ", 12) == 0)
        snprintf(body, sizeof(body), "{\"status\":\"ok\"}");
    else if (!marketing_host && strncmp(c->head, "GET /products ", 14) == 0)
        snprintf(body, sizeof(body), products, c->host + 1);
    else if (marketing_host && strncmp(c->head, "GET /campaign ", 14) == 0)
        snprintf(body, sizeof(body), "%s", marketing);
    else {
        status = "404 Not Found";
        snprintf(body, sizeof(body), "{\"error\":\"not found\"}");
    }
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status,
                       strlen(body), body);
    // An answer this small fits into an empty socket buffer; if it does not, the client is gone or stuck.
    return send(c->fd, answer, (size_t)len, MSG_NOSIGNAL) == len ? 0 : -1;
}

static void client_read(struct client *c)
{
    ssize_t got = recv(c->fd, c->head + c->head_len, HEAD_MAX - 1 - c->head_len, 0);
    if (got <= 0) {
        client_close(c);
        return;
    }
    c->head_len += (size_t)got;
    c->head[c->head_len] = '\0';

    for (char *end = strstr(c->head, "\r\n\r\n"); end; end = strstr(c->head, "\r\n\r\n")) {
        if (client_answer(c) < 0) {
            client_close(c);
            return;
        }
        c->head_len -= (size_t)(end + 4 - c->head);
        memmove(c->head, end + 4, c->head_len + 1);
    }
    if (c->head_len == HEAD_MAX - 1)
        client_close(c);
}

int main(int argc, char **argv)
{
    int listeners[HOSTS];
    if (argc != HOSTS + 1) {
        fprintf(stderr, "usage: %s PRODUCTS-PORT PRODUCTS-PORT PRODUCTS-PORT MARKETING-PORT\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < HOSTS; i++) {
        listeners[i] = listen_on(argv[i + 1]);
        if (listeners[i] < 0)
            return 1;
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        clients[i].fd = -1;

    for (;;) {
        struct pollfd fds[HOSTS + CLIENTS_MAX];
        for (int i = 0; i < HOSTS; i++)
            fds[i] = (struct pollfd){.fd = listeners[i], .events = POLLIN};
        for (int i = 0; i < CLIENTS_MAX; i++) // poll() passes over a negative descriptor
            fds[HOSTS + i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};

        if (poll(fds, HOSTS + CLIENTS_MAX, -1) < 0 && errno != EINTR) {
            perror("poll");
            return 1;
        }
        for (int i = 0; i < CLIENTS_MAX; i++) {
            if (fds[HOSTS + i].revents)
                client_read(&clients[i]);
        }
        for (int i = 0; i < HOSTS; i++) {
            if (fds[i].revents)
                client_accept(listeners[i], i);
        }
    }
}
