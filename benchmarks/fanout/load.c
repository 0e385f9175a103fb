/* Readers for the benchmarks: N WebSockets in one thread, each of which checks that it gets entries 1, 2, 3...
 *
 *   load PORT PATH N DEAF [socketio]
 *
 * DEAF of the N connect and never read. It takes commands from its input, a line each, and answers each with
 * a line:
 *
 *   expect K   when every reader that reads has entry K: "reached"
 *   report     "report WRONG DELIVERED READS CPU_SECONDS WALL_SECONDS P50_MS P99_MS MAX_MS CLOSED", since the
 *              last report. A message that says "due NANOSECONDS" (since 1970) is late by now minus that.
 *   socketio   readers speak Engine.IO 4 / Socket.IO 5 over the WebSocket.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define ROOM (1 << 18)
#define SLOT 10000LL     /* nanoseconds of lateness in one slot */
#define SLOTS 4000000LL  /* 40 s */

typedef struct {
    int fd;
    int kept;      /* bytes of a frame that is not whole yet */
    char *keep;
    long reached;  /* offset of the last entry */
} Reader;

static Reader *readers;
static int count, deaf, closed;
static long expected, behind, wrong, delivered, reads_done;
static uint32_t late[SLOTS];
static int64_t latest;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static double cpu(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void must(int ok, const char *what) {
    if (!ok) { perror(what); exit(1); }
}

static void say(int fd, const char *text) {
    must(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "write");
}

/* Read up to and including what ends with `end`; for the handshake only. */
static void until(int fd, const char *end) {
    char got[8192];
    size_t size = 0;
    do {
        ssize_t n = recv(fd, got + size, sizeof got - 1 - size, 0);
        must(n > 0, "handshake");
        size += n;
        got[size] = 0;
    } while (!memmem(got, size, end, strlen(end)));
    if (!strstr(got, "101") && got[0] == 'H') { fprintf(stderr, "%s\n", got); exit(1); }
}

static int dial(int port, const char *path, int socketio) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    char text[1024];
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct timeval patience = {.tv_sec = 30};
    must(fd >= 0, "socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    must(connect(fd, (struct sockaddr *)&to, sizeof to) == 0, "connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    snprintf(text, sizeof text,
             "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", path, port);
    say(fd, text);
    until(fd, socketio ? "pingInterval" : "\r\n\r\n");
    if (socketio) {
        const char joined[] = {(char)0x81, (char)0x82, 0, 0, 0, 0, '4', '0'};
        must(write(fd, joined, sizeof joined) == sizeof joined, "join");
        until(fd, "40{");
    }
    return fd;
}

/* Send a masked frame of at most 125 bytes; the mask is zero. */
static void answer(int fd, int opcode, const char *payload, size_t size) {
    char frame[131] = {(char)(0x80 | opcode), (char)(0x80 | size)};
    memcpy(frame + 6, payload, size);
    if (write(fd, frame, size + 6) < 0) perror("answer");
}

static void take(Reader *r, const char *text, size_t size) {
    const char *at = memmem(text, size, "\"offset\":", 9);
    if (!at) {
        if (size == 1 && *text == '2') answer(r->fd, 1, "3", 1);  /* Engine.IO's ping */
        return;
    }
    long offset = strtol(at + 9, NULL, 10);
    if (offset != r->reached + 1) wrong++;
    if (r->reached < expected && offset >= expected) behind--;
    r->reached = offset;
    delivered++;
    at = memmem(text, size, "due ", 4);
    if (at) {
        int64_t lateness = now() - strtoll(at + 4, NULL, 10);
        int64_t slot = lateness < 0 ? 0 : lateness / SLOT;
        late[slot < SLOTS ? slot : SLOTS - 1]++;
        if (lateness > latest) latest = lateness;
    }
}

/* Take all whole frames; return how many bytes they were. */
static size_t frames(Reader *r, char *data, size_t size) {
    size_t done = 0;
    for (;;) {
        unsigned char *head = (unsigned char *)data + done;
        size_t left = size - done, length, skip = 2;
        if (left < 2) return done;
        length = head[1] & 127;
        if (length == 126) {
            if (left < 4) return done;
            length = head[2] << 8 | head[3];
            skip = 4;
        } else if (length == 127) {
            if (left < 10) return done;
            length = 0;
            for (int i = 2; i < 10; i++) length = length << 8 | head[i];
            skip = 10;
        }
        if (left < skip + length) return done;
        if ((head[0] & 15) == 1) take(r, data + done + skip, length);
        if ((head[0] & 15) == 9 && length < 126) answer(r->fd, 10, data + done + skip, length);
        done += skip + length;
    }
}

static void hear(Reader *r, int poll, char *room) {
    memcpy(room, r->keep, r->kept);
    ssize_t n = recv(r->fd, room + r->kept, ROOM - r->kept, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        epoll_ctl(poll, EPOLL_CTL_DEL, r->fd, NULL);
        close(r->fd);
        closed++;
        return;
    }
    reads_done++;
    size_t size = r->kept + n, done = frames(r, room, size);
    r->kept = size - done;
    must(r->kept < ROOM / 2, "a frame is too long");
    r->keep = realloc(r->keep, r->kept ? r->kept : 1);
    memcpy(r->keep, room + done, r->kept);
}

static double share(double part) {
    int64_t all = 0, sum = 0;
    for (int64_t i = 0; i < SLOTS; i++) all += late[i];
    for (int64_t i = 0; i < SLOTS; i++)
        if ((sum += late[i]) >= all * part && all) return i * SLOT / 1e6;
    return 0;
}

int main(int argc, char **argv) {
    must(argc >= 5, "usage");
    int port = atoi(argv[1]), socketio = argc > 5, poll = epoll_create1(0);
    char *room = malloc(ROOM), line[256];
    count = atoi(argv[3]);
    deaf = atoi(argv[4]);
    readers = calloc(count, sizeof *readers);
    for (int i = 0; i < count; i++) {
        readers[i].fd = dial(port, argv[2], socketio);
        readers[i].keep = malloc(1);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &readers[i]};
        if (i >= deaf) epoll_ctl(poll, EPOLL_CTL_ADD, readers[i].fd, &e);
    }
    struct epoll_event commands = {.events = EPOLLIN, .data.ptr = NULL}, ready[512];
    epoll_ctl(poll, EPOLL_CTL_ADD, 0, &commands);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("ready\n");
    int64_t begun = now();
    int asked = 0;
    double spent = cpu();
    for (;;) {
        int n = epoll_wait(poll, ready, 512, -1);
        for (int i = 0; i < n; i++) {
            if (ready[i].data.ptr) { hear(ready[i].data.ptr, poll, room); continue; }
            ssize_t size = read(0, line, sizeof line - 1);
            if (size <= 0) return 0;
            line[size] = 0;
            if (sscanf(line, "expect %ld", &expected) == 1) {
                asked = 1;
                behind = 0;
                for (int r = deaf; r < count; r++) behind += readers[r].reached < expected;
                if (!behind) { printf("reached\n"); asked = 0; }
            } else {
                int64_t t = now();
                double c = cpu();
                printf("report %ld %ld %ld %f %f %f %f %f %d\n", wrong, delivered, reads_done, c - spent,
                       (t - begun) / 1e9, share(0.5), share(0.99), latest / 1e6, closed);
                wrong = delivered = reads_done = latest = 0;
                memset(late, 0, sizeof late);
                begun = now(), spent = cpu();
            }
        }
        if (asked && !behind) { printf("reached\n"); asked = 0; }
    }
}
