// The physical limit of small requests: a server that does for each nothing but the system calls.
//
//   bare_server PORT FILE TOPIC
//
// Takes frames by epoll, writes each to the file, and answers as a broker answers Produce version 3 for one
// partition. Ends when its input does; prints the CPU seconds that it took.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kMostConnections = 1024, kMostFrame = 64 << 10, kMostEvents = 256 };

struct connection {
  size_t filled;
  unsigned char bytes[kMostFrame];
};
static struct connection* connections[kMostConnections];
static char answer[512];
static size_t answer_size;

static void check(int ok, const char* what) {
  if (ok) return;
  perror(what);
  exit(1);
}

static uint32_t big_endian(const unsigned char* at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put(uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) answer[answer_size++] = (char)(value >> (8 * i));
}

static void make_answer(const char* topic) {
  size_t length = strlen(topic);
  put(4 + 4 + 2 + length + 4 + 4 + 2 + 8 + 8 + 4, 4);
  put(0, 4);  // correlation
  put(1, 4);
  put(length, 2);
  memcpy(answer + answer_size, topic, length);
  answer_size += length;
  put(1, 4);
  put(0, 4);
  put(0, 2);   // no error
  put(0, 8);   // base offset
  put(-1, 8);  // log append time
  put(0, 4);   // throttle
}

static void serve(int socket, int file, off_t* end) {
  struct connection* own = connections[socket];
  ssize_t count = recv(socket, own->bytes + own->filled, sizeof own->bytes - own->filled, 0);
  if (count <= 0) {
    close(socket);
    return;
  }
  own->filled += (size_t)count;
  if (own->filled < 4) return;
  size_t size = big_endian(own->bytes) + 4;
  if (own->filled < size) return;
  check(pwrite(file, own->bytes + 4, size - 4, *end) == (ssize_t)(size - 4), "pwrite");
  *end += (off_t)(size - 4);
  check(send(socket, answer, answer_size, MSG_NOSIGNAL) == (ssize_t)answer_size, "send");
  own->filled = 0;
}

static void admit(int listener, int epoll) {
  int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  check(socket >= 0 && socket < kMostConnections, "accept");
  int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (!connections[socket]) connections[socket] = malloc(sizeof *connections[socket]);
  connections[socket]->filled = 0;
  struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = socket};
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) == 0, "epoll_ctl");
}

int main(int argc, char** argv) {
  check(argc == 4, "usage: bare_server PORT FILE TOPIC");
  make_answer(argv[3]);
  int file = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
  check(file >= 0, argv[2]);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  address.sin_port = htons((uint16_t)atoi(argv[1]));
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  check(bind(listener, (struct sockaddr*)&address, sizeof address) == 0, "bind");
  check(listen(listener, 128) == 0, "listen");
  int epoll = epoll_create1(0);
  struct epoll_event of_listener = {.events = EPOLLIN, .data.fd = listener};
  struct epoll_event of_input = {.events = EPOLLIN, .data.fd = 0};
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &of_listener) == 0, "epoll_ctl");
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &of_input) == 0, "epoll_ctl");
  puts("ready");
  fflush(stdout);
  off_t end = 0;
  while (1) {
    struct epoll_event events[kMostEvents];
    int count = epoll_wait(epoll, events, kMostEvents, -1);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == 0) {
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        printf("{\"cpu_seconds\": %.6f}\n", (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                                                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
        return 0;
      }
      if (events[i].data.fd == listener) {
        admit(listener, epoll);
      } else {
        serve(events[i].data.fd, file, &end);
      }
    }
  }
}
