/* The floor: a server that only sends. N WebSockets, one buffer, one send(2) for each.
 *
 * Its input says "burst B" (B entries at once, joined: one send for each reader) or "open RATE COUNT".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static int readers[20000], count;
static long offset;
static char buffer[1 << 20];

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static size_t entry(char *to, int64_t due) {
    int size = sprintf(to + 4,
        "{\"timestamp\":\"2026-01-01T00:00:00.000000+00:00\",\"step\":\"Fetching relevant data\","
        "\"message\":\"due %lld 48,211 of 148,312 rows\",\"step_number\":3,\"total_steps\":5,"
        "\"session_id\":\"bench\",\"offset\":%ld}", (long long)due, ++offset);
    to[0] = (char)0x81, to[1] = 126, to[2] = size >> 8, to[3] = size & 255;
    return size + 4;
}

static void publish(size_t size) {
    for (int i = 0; i < count; i++) {
        size_t done = 0;
        while (done < size) {  /* a reader that is behind stops us: it is only the floor */
            ssize_t n = send(readers[i], buffer + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n > 0) done += n;
            else if (errno != EAGAIN) break;
        }
    }
}

static void greet(int listener) {
    static const char hello[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    char asked[4096];
    int one = 1, fd = accept(listener, NULL, NULL);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (recv(fd, asked, sizeof asked, 0) > 0 && write(fd, hello, sizeof hello - 1) > 0) readers[count++] = fd;
}

int main(void) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0);
    inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    bind(listener, (struct sockaddr *)&at, sizeof at);
    listen(listener, 4096);
    getsockname(listener, (struct sockaddr *)&at, &size);
    printf("port :%d\n", ntohs(at.sin_port));
    fflush(stdout);
    struct epoll_event asks = {.events = EPOLLIN, .data.fd = listener}, says = {.events = EPOLLIN, .data.fd = 0}, e;
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &asks);
    epoll_ctl(poll, EPOLL_CTL_ADD, 0, &says);
    while (epoll_wait(poll, &e, 1, -1) >= 0) {
        char line[128];
        long rate, most;
        if (e.data.fd == listener) { greet(listener); continue; }
        ssize_t n = read(0, line, sizeof line - 1);
        if (n <= 0) return 0;
        line[n] = 0;
        if (sscanf(line, "burst %ld", &most) == 1) {
            size_t all = 0;
            int64_t due = now();
            for (long i = 0; i < most; i++) all += entry(buffer + all, due);
            publish(all);
        } else if (sscanf(line, "open %ld %ld", &rate, &most) == 2) {
            int64_t begun = now();
            for (long i = 0; i < most;) {
                size_t all = 0;
                for (; i < most && begun + i * 1000000000LL / rate <= now() && all < sizeof buffer - 4096; i++)
                    all += entry(buffer + all, begun + i * 1000000000LL / rate);
                if (all) publish(all);
                else usleep(200);
            }
        }
    }
}
