/* A crowd for benchmarks/connections.py: N readers that come back when they are cut, as our clients do.
 *
 *   crowd PORT PATH N IN_FLIGHT
 *
 * At most IN_FLIGHT of them are connecting at once. Each waits 200 ms * 2^attempts, at most 4 s, of which a
 * random half, before it comes back, and asks for what follows the last entry that it has. A line on the
 * input is answered by "OPEN REFUSED WRONG TOLD HAVE REACHED SECONDS": how many are connected, how many
 * attempts were refused, how many entries came twice or too early, how many closes said 1001, how many
 * readers have the newest entry that anybody has, which one that is, and when the last one connected.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { AWAY, CONNECTING, ASKED, OPEN };

typedef struct {
    int fd, state, attempts, kept;
    int64_t back;
    long reached;
    char keep[4096];
} Reader;

static Reader *readers;
static int count, port, most_in_flight, in_flight, open_now, poll;
static long refused, wrong, told, newest;
static const char *path;
static int64_t last_open;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void lose(Reader *r) {
    if (r->state == OPEN) open_now--;
    else in_flight--, refused++;
    close(r->fd);
    int64_t pause = 200000000LL << (r->attempts < 5 ? r->attempts : 5);
    if (pause > 4000000000LL) pause = 4000000000LL;
    r->back = now() + pause / 2 + (int64_t)(pause / 2 * drand48());
    r->attempts++;
    r->state = AWAY;
    r->kept = 0;
}

static void dial(Reader *r) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event e = {.events = EPOLLOUT, .data.ptr = r};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    r->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (r->fd < 0) { perror("socket"); exit(1); }
    r->state = CONNECTING;
    in_flight++;
    if (connect(r->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) { lose(r); return; }
    epoll_ctl(poll, EPOLL_CTL_ADD, r->fd, &e);
}

static void ask(Reader *r) {
    char text[1024];
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = r};
    int size = snprintf(text, sizeof text,
                        "GET %s?since=%ld HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        "Sec-WebSocket-Version: 13\r\n\r\n", path, r->reached, port);
    if (write(r->fd, text, size) != size) { lose(r); return; }
    epoll_ctl(poll, EPOLL_CTL_MOD, r->fd, &e);
    r->state = ASKED;
}

/* Take the frames that are whole; return whether the server says goodbye. */
static int frames(Reader *r) {
    int done = 0, bye = 0;
    while (r->kept - done >= 4) {
        unsigned char *head = (unsigned char *)r->keep + done;
        int length = head[1] & 127, skip = 2;
        if (length == 126) length = head[2] << 8 | head[3], skip = 4;
        if (r->kept - done < skip + length) break;
        char *at = memmem(head + skip, length, "\"offset\":", 9);
        if ((head[0] & 15) == 1 && at) {
            long offset = strtol(at + 9, NULL, 10);
            wrong += offset != r->reached + 1;
            r->reached = offset;
            if (offset > newest) newest = offset;
        }
        if ((head[0] & 15) == 8) bye = 1, told += length >= 2 && (head[skip] << 8 | head[skip + 1]) == 1001;
        done += skip + length;
    }
    memmove(r->keep, r->keep + done, r->kept -= done);
    return bye;
}

static void hear(Reader *r) {
    ssize_t n = recv(r->fd, r->keep + r->kept, sizeof r->keep - r->kept, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) { lose(r); return; }
    r->kept += n;
    if (r->state == ASKED) {
        char *end = memmem(r->keep, r->kept, "\r\n\r\n", 4);
        if (!end) return;
        if (!memmem(r->keep, r->kept, " 101 ", 5)) { lose(r); return; }
        memmove(r->keep, end + 4, r->kept -= end + 4 - r->keep);
        r->state = OPEN, r->attempts = 0;
        in_flight--, open_now++;
        last_open = now();
    }
    if (frames(r)) {
        const char goodbye[] = {(char)0x88, (char)0x82, 0, 0, 0, 0, 3, (char)0xe9};
        if (write(r->fd, goodbye, sizeof goodbye) < 0) perror("write");
    }
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    port = atoi(argv[1]), path = argv[2], count = atoi(argv[3]), most_in_flight = atoi(argv[4]);
    poll = epoll_create1(0);
    readers = calloc(count, sizeof *readers);
    struct epoll_event commands = {.events = EPOLLIN, .data.ptr = NULL}, ready[512];
    epoll_ctl(poll, EPOLL_CTL_ADD, 0, &commands);
    int64_t begun = now();
    for (;;) {
        int64_t t = now();
        for (int i = 0; i < count && in_flight < most_in_flight; i++)
            if (readers[i].state == AWAY && readers[i].back <= t) dial(&readers[i]);
        int n = epoll_wait(poll, ready, 512, 5);
        for (int i = 0; i < n; i++) {
            Reader *r = ready[i].data.ptr;
            char line[64];
            if (r && r->state == CONNECTING) ask(r);
            else if (r && r->state != AWAY) hear(r);
            if (r) continue;
            if (read(0, line, sizeof line) <= 0) return 0;
            long have = 0;
            for (int k = 0; k < count; k++) have += readers[k].reached == newest;
            printf("%d %ld %ld %ld %ld %ld %f\n", open_now, refused, wrong, told, have, newest,
                   (last_open - begun) / 1e9);
            fflush(stdout);
        }
    }
}
