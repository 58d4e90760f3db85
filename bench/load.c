/* The load generator: many clients of one chat server, in one thread on epoll.
 *
 *   load kind=chat|original|socketio|plain|nats work=fanout|paced|pairs|post port=8000 [name=value ...]
 *
 * Every message carries a mark: "~T" and in hex digits the time it was sent (16, ns), its number (8)
 * and its sender (4). By it each delivery is counted, timed and checked: per connection every number
 * must come once, and from one sender in order. The result is one line of JSON.
 *
 *   clients=200    connections (pairs: of two each)
 *   seconds=10     of measuring
 *   window=16      messages under way (fanout); a message is under way until everyone has it
 *   rate=20        messages a second (paced)
 *   size=120       characters of one message
 *   patience=60    seconds without a delivery that end the run
 *   batch=0        understand arrays of events (chat)
 *   path=/ws       of the socket (ROOM in it is replaced by the room's name) or of the route
 *   port=1,2       with several, the clients connect to them in turn
 *   workers=1,2    process ids that share one port: the clients reconnect until these serve them in turn
 *   pids=1,2       servers; stores=3 brokers: their CPU time is in the result
 *   people=FILE    a line per client: token, own id, id of the group or partner (chat, original, post)
 *   hello=TEXT     what a client sends first (chat, original)
 *   frame=TEXT     one message (chat, original)
 *   body=TEXT      one message (post)
 *
 * In the last three these are replaced: %k by the token, %s by the sender's id, %t by the group's or
 * the partner's, %c by the content, %i by a new UUID, %a by a number.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MARK = 2 + 16 + 8 + 4, TAIL = 64, FRAME_MAX = 4096 };
enum state { IDLE, CONNECTING, UPGRADING, JOINING, READY, GONE };

struct client {
    int fd, number;
    enum state state;
    char token[128], id[64], target[64]; /* target: the group's or the partner's id */
    char *in;                    /* what was read and not understood yet */
    size_t in_size, in_room;
    char *out;
    size_t out_size;
    char tail[TAIL]; /* of nats: a mark may lie across two frames */
    size_t tail_size;
    uint32_t last_seq, sent;
    uint64_t got, sum;
    uint64_t posted_at;
};

struct server_kind {
    const char *name;
    void (*opened)(struct client *);
    void (*frame)(struct client *, int opcode, char *data, size_t size);
    void (*say)(struct client *, const char *content);
};

/* What is to be done. */
static const struct server_kind *kind;
static const char *work = "fanout", *path = "/", *people_file = "";
static const char *hello = "", *frame = "", *body = "";
static int clients = 200, window = 16, size = 120, connecting_at_once = 64;
static int ports[16] = {8000}, port_count;
static int worker_pids[16], worker_count;
static double rate = 20, seconds = 10, patience = 60;
static bool batch;
static int server_pids[16], server_count, store_pids[16], store_count;

/* What happened. */
static struct client *all;
static int total, ready_count, gone_count, epoll;
static bool measuring;
static uint64_t delivered, disorder, trips, answers, refused;
static uint32_t *latencies; /* in units of 100 ns */
static size_t latency_count, latency_room;

static void fail(const char *what) {
    perror(what);
    exit(2);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Machine ------------------------------------------------------------------------------------------------------- */

static double cpu_of(int pid) {
    char name[64], text[1024];
    snprintf(name, sizeof name, "/proc/%d/stat", pid);
    FILE *file = fopen(name, "r");
    if (!file) return 0;
    size_t read = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[read] = 0;
    unsigned long user = 0, system = 0;
    char *fields = strrchr(text, ')');
    if (fields) sscanf(fields + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double cpu_of_all(const int *pids, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) sum += cpu_of(pids[i]);
    return sum;
}

static double cpu_of_mine(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double cpu_of_machine(void) {
    FILE *file = fopen("/proc/stat", "r");
    unsigned long user = 0, nice = 0, system = 0, irq = 0, softirq = 0;
    if (file && fscanf(file, "cpu %lu %lu %lu %*u %*u %lu %lu", &user, &nice, &system, &irq, &softirq) != 5) user = 0;
    if (file) fclose(file);
    return (double)(user + nice + system + irq + softirq) / (double)sysconf(_SC_CLK_TCK);
}

/* Connections --------------------------------------------------------------------------------------------------- */

static void set_ready(struct client *c) {
    if (c->state != READY) {
        c->state = READY;
        ready_count++;
    }
}

static void set_gone(struct client *c) {
    if (c->state == GONE) return;
    if (c->state == READY) ready_count--;
    c->state = GONE;
    gone_count++;
    close(c->fd);
}

static void watch(struct client *c, bool writable) {
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

static int port_of(const struct client *c) { return ports[c->number % (port_count ? port_count : 1)]; }

static void write_bytes(struct client *c, const char *data, size_t length) {
    if (c->state == GONE) return;
    if (!c->out_size) {
        ssize_t done = send(c->fd, data, length, MSG_NOSIGNAL);
        if (done == (ssize_t)length) return;
        if (done < 0 && errno != EAGAIN) {
            set_gone(c);
            return;
        }
        if (done > 0) data += done, length -= (size_t)done;
    }
    c->out = realloc(c->out, c->out_size + length);
    memcpy(c->out + c->out_size, data, length);
    c->out_size += length;
    watch(c, true);
}

static void write_frame(struct client *c, int opcode, const char *data, size_t length) {
    char frame[FRAME_MAX + 8];
    size_t head = 2;
    if (length > FRAME_MAX) fail("frame too large");
    frame[0] = (char)(0x80 | opcode);
    if (length < 126) {
        frame[1] = (char)(0x80 | length);
    } else {
        frame[1] = (char)(0x80 | 126);
        frame[2] = (char)(length >> 8);
        frame[3] = (char)length;
        head = 4;
    }
    static const unsigned char mask[4] = {0x5a, 0x17, 0xc3, 0x81};
    memcpy(frame + head, mask, 4);
    head += 4;
    for (size_t i = 0; i < length; i++) frame[head + i] = (char)(data[i] ^ mask[i & 3]);
    write_bytes(c, frame, head + length);
}

static void __attribute__((format(printf, 3, 4))) write_text(struct client *c, int opcode, const char *format, ...) {
    char text[FRAME_MAX];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    write_frame(c, opcode, text, (size_t)length);
}

/* Templates ------------------------------------------------------------------------------------------------------ */

static uint32_t run; /* of this run: a clientId is new at a server that other runs loaded before */

static void append(char *out, size_t *length, const char *text) {
    size_t more = strlen(text);
    if (*length + more >= FRAME_MAX) fail("message too large");
    memcpy(out + *length, text, more + 1);
    *length += more;
}

/* Replace what stands for a client's own values; returns the length. */
static size_t fill_template(char out[FRAME_MAX], const char *template, const struct client *c, const char *content, uint32_t seq) {
    size_t length = 0;
    char text[64];
    out[0] = 0;
    for (const char *at = template; *at; at++) {
        const char *value = text;
        text[0] = *at;
        text[1] = 0;
        if (*at == '%') switch (*++at) {
        case 'k': value = c->token; break;
        case 's': value = c->id; break;
        case 't': value = c->target; break;
        case 'c': value = content; break;
        case 'i': snprintf(text, sizeof text, "%08x-%04x-4000-8000-0000%08x", run, c->number & 0xffff, seq); break;
        case 'a': snprintf(text, sizeof text, "%u", seq); break;
        default: fail("unknown placeholder");
        }
        append(out, &length, value);
    }
    return length;
}

/* Marks --------------------------------------------------------------------------------------------------------- */

static uint64_t from_hex(const char *text, int digits) {
    uint64_t value = 0;
    for (int i = 0; i < digits; i++) value = value << 4 | (uint64_t)(text[i] <= '9' ? text[i] - '0' : (text[i] | 32) - 'a' + 10);
    return value;
}

static uint32_t said; /* numbers given; among pairs each sender has its own count */

static void write_content(char content[FRAME_MAX / 2], const struct client *sender, uint64_t at, uint32_t seq) {
    int length = snprintf(content, FRAME_MAX / 2, "~T%016llx%08x%04x ", (unsigned long long)at, seq, sender->number & 0xffff);
    for (; length < size; length++) content[length] = "the quick brown fox "[length % 20];
    content[length] = 0;
}

static void say(struct client *c) {
    char content[FRAME_MAX / 2];
    c->sent++;
    write_content(content, c, now(), strcmp(work, "pairs") ? ++said : c->sent);
    kind->say(c, content);
}

static void note_latency(uint64_t since) {
    if (!measuring) return;
    if (latency_count == latency_room) {
        latency_room = latency_room ? 2 * latency_room : 1 << 20;
        latencies = realloc(latencies, latency_room * sizeof *latencies);
    }
    uint64_t taken = (now() - since) / 100;
    latencies[latency_count++] = taken > UINT32_MAX ? UINT32_MAX : (uint32_t)taken;
}

/* A message reached a client; the sender's own comes back, too. */
static void hear(struct client *c, const char *mark) {
    uint32_t seq = (uint32_t)from_hex(mark + 18, 8);
    bool own = from_hex(mark + 26, 4) == (uint64_t)(c->number & 0xffff);
    delivered++;
    c->got++;
    c->sum += seq;
    note_latency(from_hex(mark + 2, 16));
    if (!strcmp(work, "paced")) return; /* many senders: each number once, in any order */
    if (own && !strcmp(work, "pairs")) return;
    if (seq != c->last_seq + 1) disorder++;
    c->last_seq = seq;
    if (!strcmp(work, "pairs")) {
        if (c->number % 2 == 0) trips++;
        if (measuring) say(c);
    }
}

static void hear_all(struct client *c, const char *data, size_t length) {
    const char *end = data + length, *mark;
    while (data < end && (mark = memmem(data, (size_t)(end - data), "~T", 2)) && mark + MARK <= end) {
        hear(c, mark);
        data = mark + MARK;
    }
}

/* The chat ------------------------------------------------------------------------------------------------------ */

static void say_template(struct client *c, const char *content) {
    char text[FRAME_MAX];
    write_frame(c, 1, text, fill_template(text, frame, c, content, strcmp(work, "pairs") ? said : c->sent));
}

static void chat_opened(struct client *c) { write_frame(c, 1, hello, strlen(hello)); }

/* Events, alone or in a batch. A message comes as one of three events; a count of unread messages
 * carries the same text and is skipped. */
static void chat_frame(struct client *c, int opcode, char *data, size_t length) {
    (void)opcode;
    static const char event[] = "{\"event\":\"";
    char *end = data + length, *at = data;
    while ((at = memmem(at, (size_t)(end - at), event, sizeof event - 1))) {
        at += sizeof event - 1;
        bool is_ack = at + 4 < end && !memcmp(at, "ack\"", 4);
        if (!memcmp(at, "OnUserConnect\"", 14)) {
            set_ready(c);
        } else if (is_ack || !memcmp(at, "OnGroupMsg\"", 11) || !memcmp(at, "OnPrivate\"", 10)) {
            char *mark = memmem(at, (size_t)(end - at), "~T", 2);
            if (!mark || mark + MARK > end) return;
            hear(c, mark);
            at = mark + MARK;
        } else if (!memcmp(at, "error\"", 6)) {
            if (!refused++) fprintf(stderr, "refused: %.*s\n", (int)(end - at > 300 ? 300 : end - at), at);
        }
    }
}

/* Socket.IO ----------------------------------------------------------------------------------------------------- */

static int room_of(const struct client *c) { return strcmp(work, "pairs") ? 0 : c->number / 2; }

static void nothing(struct client *c) { (void)c; }

static void socketio_say(struct client *c, const char *content) {
    write_text(c, 1, "42[\"message\",{\"room\":\"r%d\",\"content\":\"%s\"}]", room_of(c), content);
}

static void socketio_frame(struct client *c, int opcode, char *data, size_t length) {
    (void)opcode;
    if (length == 1 && data[0] == '2') {
        write_text(c, 1, "3");
    } else if (c->state == READY) {
        hear_all(c, data, length);
    } else if (length && data[0] == '0') {
        write_text(c, 1, "40");
    } else if (length > 1 && !memcmp(data, "40", 2)) {
        write_text(c, 1, "42[\"join\",[\"r%d\"]]", room_of(c));
    } else if (length > 1 && !memcmp(data, "42", 2)) {
        set_ready(c);
    }
}

/* Socket.IO with the original's events: the server knows who a token belongs to and which rooms they are in ------ */

static void original_frame(struct client *c, int opcode, char *data, size_t length) {
    (void)opcode;
    static const char group[] = "42[\"OnGroupMsg\"", private[] = "42[\"OnPrivate\"", greeted[] = "42[\"OnUserConnect\"";
    static const char refusal[] = "42[\"error\"";
    if (length == 1 && data[0] == '2') {
        write_text(c, 1, "3");
    } else if (length && data[0] == '0') {
        char text[FRAME_MAX];
        write_frame(c, 1, text, fill_template(text, hello, c, "", 0));
    } else if (length > sizeof greeted && !memcmp(data, greeted, sizeof greeted - 1)) {
        set_ready(c);
    } else if (length > sizeof group && (!memcmp(data, group, sizeof group - 1) || !memcmp(data, private, sizeof private - 1))) {
        char *mark = memmem(data, length, "~T", 2);
        if (mark && mark + MARK <= data + length) hear(c, mark);
    } else if ((length > sizeof refusal && !memcmp(data, refusal, sizeof refusal - 1)) || (length > 1 && !memcmp(data, "44", 2))) {
        if (!refused++) fprintf(stderr, "refused: %.*s\n", (int)(length > 300 ? 300 : length), data);
    }
}

/* Servers that send on what they get: the room is in the socket's address ---------------------------------------- */

static void plain_say(struct client *c, const char *content) { write_text(c, 1, "{\"message\":\"%s\"}", content); }

static void plain_frame(struct client *c, int opcode, char *data, size_t length) {
    (void)opcode;
    if (c->state == JOINING)
        set_ready(c);
    else
        hear_all(c, data, length);
}

/* NATS: its own protocol in binary frames ----------------------------------------------------------------------- */

static void nats_say(struct client *c, const char *content) {
    write_text(c, 2, "PUB r%d %zu\r\n%s\r\n", room_of(c), strlen(content), content);
}

static void nats_frame(struct client *c, int opcode, char *data, size_t length) {
    (void)opcode;
    if (length == 6 && !memcmp(data, "PING\r\n", 6)) {
        write_text(c, 2, "PONG\r\n");
    } else if (c->state == JOINING) {
        if (memmem(data, length, "PONG", 4))
            set_ready(c);
        else if (memmem(data, length, "INFO ", 5))
            write_text(c, 2, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB r%d 1\r\nPING\r\n", room_of(c));
    } else {
        static char text[1 << 20];
        if (c->tail_size + length > sizeof text) fail("frame too large");
        memcpy(text, c->tail, c->tail_size);
        memcpy(text + c->tail_size, data, length);
        char *at = text, *end = text + c->tail_size + length, *mark;
        while ((mark = memmem(at, (size_t)(end - at), "~T", 2)) && mark + MARK <= end) {
            hear_all(c, mark, MARK);
            at = mark + MARK;
        }
        c->tail_size = (size_t)(end - at) < MARK ? (size_t)(end - at) : MARK;
        memcpy(c->tail, end - c->tail_size, c->tail_size);
    }
}

static const struct server_kind kinds[] = {
    {"chat", chat_opened, chat_frame, say_template},
    {"original", nothing, original_frame, say_template},
    {"socketio", nothing, socketio_frame, socketio_say},
    {"plain", nothing, plain_frame, plain_say},
    {"nats", nothing, nats_frame, nats_say},
};

/* Reading ------------------------------------------------------------------------------------------------------- */

static void upgrade(struct client *c) {
    char text[1024], authorization[256] = "";
    if (*c->token) snprintf(authorization, sizeof authorization, "Authorization: Bearer %s\r\n", c->token);
    char where[256];
    const char *room = strstr(path, "ROOM");
    if (room)
        snprintf(where, sizeof where, "%.*sr%d%s", (int)(room - path), path, room_of(c), room + 4);
    else
        snprintf(where, sizeof where, "%s", path);
    int length = snprintf(text, sizeof text,
                          "GET %s%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                          where, batch ? "?batch=1" : "", port_of(c), authorization);
    write_bytes(c, text, (size_t)length);
    c->state = UPGRADING;
}

static void post(struct client *c) {
    char content[FRAME_MAX / 2], text[FRAME_MAX], request[2 * FRAME_MAX];
    c->posted_at = now();
    write_content(content, c, c->posted_at, ++said);
    size_t body_length = fill_template(text, body, c, content, said);
    int request_length = snprintf(request, sizeof request,
                                  "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                                  "Authorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n%s",
                                  path, port_of(c), c->token, body_length, text);
    write_bytes(c, request, (size_t)request_length);
}

/* The length of the answer that `data` begins with, 0 while it is incomplete. */
static size_t answered(struct client *c, char *data, size_t length) {
    char *head_end = memmem(data, length, "\r\n\r\n", 4);
    if (!head_end) return 0;
    size_t head = (size_t)(head_end + 4 - data), content = 0;
    *head_end = 0;
    char *line = strcasestr(data, "content-length:");
    if (line) content = strtoul(line + 15, NULL, 10);
    bool is_good = !memcmp(data + 9, "200", 3) || !memcmp(data + 9, "201", 3);
    *head_end = '\r';
    if (length < head + content) return 0;
    if (is_good)
        answers++;
    else if (!refused++)
        fprintf(stderr, "refused: %.*s\n", (int)length, data);
    note_latency(c->posted_at);
    c->posted_at = 0;
    return head + content;
}

/* Take what is complete of `data`; returns its length. */
static size_t understand(struct client *c, char *data, size_t length) {
    size_t used = 0;
    if (!strcmp(work, "post")) {
        used = answered(c, data, length);
        if (used && measuring) post(c);
        return used;
    }
    if (c->state == UPGRADING) {
        char *end = memmem(data, length, "\r\n\r\n", 4);
        if (!end) return 0;
        if (!memmem(data, length < 16 ? length : 16, " 101", 4)) {
            fprintf(stderr, "no socket: %.*s\n", (int)(length < 300 ? length : 300), data);
            set_gone(c);
            return length;
        }
        used = (size_t)(end + 4 - data);
        c->state = JOINING;
        kind->opened(c);
    }
    while (length - used >= 2 && c->state != GONE) {
        unsigned char *frame = (unsigned char *)data + used;
        size_t head = 2, content = frame[1] & 127;
        if (content == 126) {
            if (length - used < 4) break;
            content = (size_t)frame[2] << 8 | frame[3];
            head = 4;
        } else if (content == 127) {
            if (length - used < 10) break;
            content = 0;
            for (int i = 2; i < 10; i++) content = content << 8 | frame[i];
            head = 10;
        }
        if (length - used < head + content) break;
        int opcode = frame[0] & 15;
        char *payload = (char *)frame + head;
        if (opcode == 9)
            write_frame(c, 10, payload, content);
        else if (opcode == 8)
            set_gone(c);
        else if (opcode != 10)
            kind->frame(c, opcode, payload, content);
        used += head + content;
    }
    return used;
}

static void read_bytes(struct client *c) {
    static char fresh[1 << 18];
    for (;;) {
        ssize_t got = recv(c->fd, fresh, sizeof fresh, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            set_gone(c);
            return;
        }
        char *data = fresh;
        size_t length = (size_t)got;
        if (c->in_size) {
            if (c->in_size + length > c->in_room) c->in = realloc(c->in, c->in_room = c->in_size + length);
            memcpy(c->in + c->in_size, fresh, length);
            data = c->in;
            length = c->in_size += length;
        }
        size_t used = understand(c, data, length);
        if (c->state == GONE) return;
        size_t left = length - used;
        if (left && data == fresh) {
            if (left > c->in_room) c->in = realloc(c->in, c->in_room = left);
            memcpy(c->in, fresh + used, left);
        } else if (left) {
            memmove(c->in, c->in + used, left);
        }
        c->in_size = left;
        if (got < (ssize_t)sizeof fresh) return;
    }
}

static void turn(int milliseconds) {
    struct epoll_event events[512];
    int count = epoll_wait(epoll, events, 512, milliseconds);
    for (int i = 0; i < count; i++) {
        struct client *c = events[i].data.ptr;
        if (c->state == CONNECTING) {
            if (events[i].events & (EPOLLERR | EPOLLHUP)) {
                set_gone(c);
            } else if (events[i].events & EPOLLOUT) {
                watch(c, false);
                if (strcmp(work, "post"))
                    upgrade(c);
                else
                    set_ready(c);
            }
            continue;
        }
        if (c->state != GONE && events[i].events & EPOLLOUT && c->out_size) {
            ssize_t done = send(c->fd, c->out, c->out_size, MSG_NOSIGNAL);
            if (done > 0) memmove(c->out, c->out + done, c->out_size -= (size_t)done);
            if (!c->out_size) watch(c, false);
        }
        if (c->state != GONE && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_bytes(c);
    }
}

static void connect_client(struct client *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) fail("socket");
    int yes = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port_of(c)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->state = CONNECTING;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) fail("connect");
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
}

/* Connect until every client is ready or gone, `connecting_at_once` of them under way. `wanted` is null for all. */
static void connect_clients(const bool *wanted) {
    uint64_t begun = now();
    for (int next = 0, pending = 0; now() - begun < (uint64_t)(patience * 1e9);) {
        pending = 0;
        for (int i = 0; i < next; i++) pending += all[i].state == CONNECTING || all[i].state == UPGRADING || all[i].state == JOINING;
        for (; next < total && pending < connecting_at_once; next++) {
            if (wanted && !wanted[next]) continue;
            connect_client(&all[next]);
            pending++;
        }
        if (next == total && !pending) return;
        turn(20);
    }
}

static void turn_for(double how_long) {
    uint64_t end = now() + (uint64_t)(how_long * 1e9);
    while (now() < end) turn(5);
}

/* Several processes behind one port ------------------------------------------------------------------------------ */

static int by_number(const void *one, const void *other) {
    unsigned long a = *(const unsigned long *)one, b = *(const unsigned long *)other;
    return a < b ? -1 : a > b;
}

/* The inodes of the sockets that a process holds, sorted. */
static size_t sockets_of(int pid, unsigned long *inodes, size_t room) {
    char name[300], target[64];
    snprintf(name, sizeof name, "/proc/%d/fd", pid);
    DIR *folder = opendir(name);
    if (!folder) fail(name);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) && count < room;) {
        snprintf(name, sizeof name, "/proc/%d/fd/%s", pid, entry->d_name);
        ssize_t length = readlink(name, target, sizeof target - 1);
        if (length < 0) continue;
        target[length] = 0;
        if (sscanf(target, "socket:[%lu]", &inodes[count]) == 1) count++;
    }
    closedir(folder);
    qsort(inodes, count, sizeof *inodes, by_number);
    return count;
}

/* Fill `owners` with the index in `worker_pids` of the process that serves each client, -1 where none does. */
static void find_owners(int *owners) {
    static unsigned long inode_of_port[65536], inodes[65536];
    memset(inode_of_port, 0, sizeof inode_of_port);
    FILE *file = fopen("/proc/net/tcp", "r");
    if (!file) fail("/proc/net/tcp");
    char line[512];
    while (fgets(line, sizeof line, file)) {
        unsigned int local, remote, state;
        unsigned long inode;
        if (sscanf(line, "%*d: %*x:%x %*x:%x %x %*s %*s %*s %*u %*u %lu", &local, &remote, &state, &inode) == 4 && state == 1 && local == (unsigned)ports[0])
            inode_of_port[remote & 0xffff] = inode;
    }
    fclose(file);
    for (int i = 0; i < total; i++) owners[i] = -1;
    for (int worker = 0; worker < worker_count; worker++) {
        size_t count = sockets_of(worker_pids[worker], inodes, sizeof inodes / sizeof *inodes);
        for (int i = 0; i < total; i++) {
            struct sockaddr_in address;
            socklen_t length = sizeof address;
            if (all[i].state == GONE || getsockname(all[i].fd, (struct sockaddr *)&address, &length)) continue;
            unsigned long inode = inode_of_port[ntohs(address.sin_port)];
            if (inode && bsearch(&inode, inodes, count, sizeof *inodes, by_number)) owners[i] = worker;
        }
    }
}

/* Reconnect clients until the n-th is served by the n-th process, modulo the number of processes. Then
 * a room is spread evenly, and the two of a pair are served by two processes. */
static bool spread(void) {
    int *owners = calloc((size_t)total, sizeof *owners);
    bool *wrong = calloc((size_t)total, sizeof *wrong);
    uint64_t end = now() + (uint64_t)(patience * 1e9);
    for (;;) {
        int count = 0;
        find_owners(owners);
        for (int i = 0; i < total; i++) count += wrong[i] = owners[i] != i % worker_count;
        if (!count) return true;
        if (now() > end) return false;
        for (int i = 0; i < total; i++) {
            if (!wrong[i]) continue;
            if (all[i].state == READY) ready_count--;
            if (all[i].state == GONE) gone_count--;
            else close(all[i].fd);
            all[i].in_size = all[i].out_size = 0;
            all[i].state = IDLE;
        }
        connect_clients(wrong);
        if (ready_count < total) return false;
    }
}

/* Works --------------------------------------------------------------------------------------------------------- */

/* The first client sends at most `count` messages for `how_long` seconds, `wide` of them under way.
 * True when all arrived. */
static bool fan_out(long count, double how_long, int wide) {
    uint64_t begun = delivered, last = 0, moved = now(), everyone = (uint64_t)total;
    uint64_t end = now() + (uint64_t)(how_long * 1e9);
    long sent = 0;
    for (;;) {
        uint64_t arrived = delivered - begun;
        bool is_over = sent >= count || now() > end;
        if (is_over && arrived >= (uint64_t)sent * everyone) return true;
        while (!is_over && sent < count && (uint64_t)sent * everyone - arrived <= (uint64_t)(wide - 1) * everyone) {
            say(&all[0]);
            sent++;
        }
        turn(10);
        if (delivered != last) {
            last = delivered;
            moved = now();
        } else if (now() - moved > (uint64_t)(patience * 1e9) || refused) {
            return false;
        }
    }
}

static void paced(void) {
    uint64_t begun = now();
    long due = (long)(rate * seconds);
    for (long sent = 0; sent < due;) {
        uint64_t at = begun + (uint64_t)((double)sent * 1e9 / rate), moment = now();
        if (moment >= at) {
            say(&all[(sent++ * 7919) % total]);
        } else {
            turn((int)((at - moment) / 1000000));
        }
    }
    uint64_t end = now() + 5000000000u;
    while (delivered < (uint64_t)due * (uint64_t)total && now() < end) turn(5);
}

/* Wait at most 5 s for what is still under way among pairs, or for answers. */
static void drain(bool pairs) {
    uint64_t end = now() + 5000000000u, missing = 0;
    while (now() < end) {
        missing = 0;
        if (pairs)
            for (int i = 0; i < total; i++) missing += all[i].got < (uint64_t)all[i].sent + all[i ^ 1].sent;
        else
            for (int i = 0; i < total; i++) missing += all[i].posted_at != 0;
        if (!missing) return;
        turn(20);
    }
    fprintf(stderr, "%llu clients still wait\n", (unsigned long long)missing);
}

static int by_size(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return a < b ? -1 : a > b;
}

static double percentile(double share) {
    return latency_count ? latencies[(size_t)(share * (double)(latency_count - 1))] / 10000.0 : -1;
}

static void take_numbers(char *text, int *numbers, int *count) {
    for (char *word = strtok(text, ","); word && *count < 16; word = strtok(NULL, ",")) numbers[(*count)++] = atoi(word);
}

static void take_option(char *name, char *value) {
    if (!strcmp(name, "kind")) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (!strcmp(kinds[i].name, value)) kind = &kinds[i];
    } else if (!strcmp(name, "work")) work = value;
    else if (!strcmp(name, "path")) path = value;
    else if (!strcmp(name, "people")) people_file = value;
    else if (!strcmp(name, "hello")) hello = value;
    else if (!strcmp(name, "frame")) frame = value;
    else if (!strcmp(name, "body")) body = value;
    else if (!strcmp(name, "port")) take_numbers(value, ports, &port_count);
    else if (!strcmp(name, "workers")) take_numbers(value, worker_pids, &worker_count);
    else if (!strcmp(name, "clients")) clients = atoi(value);
    else if (!strcmp(name, "window")) window = atoi(value);
    else if (!strcmp(name, "size")) size = atoi(value);
    else if (!strcmp(name, "rate")) rate = atof(value);
    else if (!strcmp(name, "seconds")) seconds = atof(value);
    else if (!strcmp(name, "patience")) patience = atof(value);
    else if (!strcmp(name, "at_once")) connecting_at_once = atoi(value);
    else if (!strcmp(name, "batch")) batch = atoi(value);
    else if (!strcmp(name, "pids")) take_numbers(value, server_pids, &server_count);
    else if (!strcmp(name, "stores")) take_numbers(value, store_pids, &store_count);
    else {
        fprintf(stderr, "unknown option %s\n", name);
        exit(2);
    }
}

static void read_people(void) {
    if (!*people_file) return;
    FILE *file = fopen(people_file, "r");
    if (!file) fail(people_file);
    for (int i = 0; i < total; i++)
        if (fscanf(file, "%127s %63s %63s", all[i].token, all[i].id, all[i].target) != 3) fail("too few people");
    fclose(file);
}

int main(int count, char **options) {
    for (int i = 1; i < count; i++) {
        char *value = strchr(options[i], '=');
        if (!value) continue;
        *value = 0;
        take_option(options[i], value + 1);
    }
    if (!kind) kind = &kinds[0];
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    bool pairs = !strcmp(work, "pairs"), posts = !strcmp(work, "post");
    epoll = epoll_create1(0);
    run = (uint32_t)(now() / 1000);
    total = pairs ? 2 * clients : clients;
    all = calloc((size_t)total, sizeof *all);
    for (int i = 0; i < total; i++) all[i].number = i;
    read_people();

    connect_clients(NULL);
    if (ready_count < total) {
        fprintf(stderr, "only %d of %d are connected\n", ready_count, total);
        return 1;
    }
    if (worker_count > 1) {
        if (!spread()) {
            fprintf(stderr, "the clients are not spread over the processes\n");
            return 1;
        }
        turn_for(1);
    }
    turn_for(0.5);
    if (!pairs && !posts) {
        if (!fan_out(200, 2, !strcmp(work, "fanout") ? window : 1)) {
            fprintf(stderr, "the warm-up was not delivered: %llu\n", (unsigned long long)delivered);
            return 1;
        }
        turn_for(0.5);
    }
    for (int i = 0; i < total; i++) all[i].got = all[i].sum = 0;
    uint32_t first = said;
    delivered = disorder = 0;
    double server = cpu_of_all(server_pids, server_count), store = cpu_of_all(store_pids, store_count);
    double mine = cpu_of_mine(), machine = cpu_of_machine();
    measuring = true;
    uint64_t begun = now();
    bool whole = true;
    if (!strcmp(work, "fanout")) {
        whole = fan_out(INT32_MAX, seconds, window);
    } else if (!strcmp(work, "paced")) {
        paced();
    } else {
        for (int i = 0; i < total; i += pairs ? 2 : 1) posts ? post(&all[i]) : say(&all[i]);
        turn_for(seconds);
    }
    double taken = (double)(now() - begun) / 1e9;
    server = cpu_of_all(server_pids, server_count) - server;
    store = cpu_of_all(store_pids, store_count) - store;
    mine = cpu_of_mine() - mine;
    machine = cpu_of_machine() - machine;
    measuring = false;
    uint64_t delivered_in_time = delivered, trips_in_time = trips, answers_in_time = answers;
    if (pairs || posts) drain(pairs);

    uint64_t incomplete = 0, numbers = said - first, sum = 0;
    for (uint32_t seq = first + 1; seq <= said; seq++) sum += seq;
    if (!pairs && !posts)
        for (int i = 0; i < total; i++) incomplete += all[i].got != numbers || all[i].sum != sum;
    if (pairs)
        for (int i = 0; i < total; i++) incomplete += all[i].got < (uint64_t)all[i].sent + all[i ^ 1].sent;
    qsort(latencies, latency_count, sizeof *latencies, by_size);
    double done = (double)(posts ? answers_in_time : delivered_in_time);
    printf("{\"whole\":%s,\"incomplete\":%llu,\"disorder\":%llu,\"refused\":%llu,\"gone\":%d,\"seconds\":%.3f,"
           "\"deliveries_per_s\":%.0f,\"trips_per_s\":%.0f,\"answers_per_s\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
           "\"server_us\":%.2f,\"store_us\":%.2f,\"server_cores\":%.2f,\"load_cores\":%.2f,\"other_cores\":%.2f}\n",
           whole && !incomplete && !disorder && !refused && !gone_count ? "true" : "false", (unsigned long long)incomplete,
           (unsigned long long)disorder, (unsigned long long)refused, gone_count, taken, (double)delivered_in_time / taken,
           (double)trips_in_time / taken, (double)answers_in_time / taken, percentile(.5), percentile(.99), server * 1e6 / done,
           store * 1e6 / done, server / taken, mine / taken, (machine - server - store - mine) / taken);
    return 0;
}
