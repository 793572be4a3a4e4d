// The physical limit of latency: a message's way through another process with nothing but the system calls.
//
//   bare_latency FILE COUNT SIZE RATE
//
// RATE messages a second go over the loopback interface to a server process, which waits in an epoll loop, writes
// each to the file and passes it to the connection of a consumer, a thread of the sending process. Prints the
// percentiles in microseconds from before a message is sent until it has been received; the first tenth does not
// count.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kMostMessage = 64 << 10 };
static const int64_t kSecond = 1000000000;

struct consumer {
  int socket;
  size_t size;
  size_t count;
  int64_t* latencies;
};

static void check(int ok, const char* what) {
  if (ok) return;
  perror(what);
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

static void sleep_until(int64_t ns) {
  struct timespec until = {.tv_sec = ns / kSecond, .tv_nsec = ns % kSecond};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0) {
  }
}

static void send_whole(int socket, const char* bytes, size_t size) {
  while (size > 0) {
    ssize_t sent = send(socket, bytes, size, MSG_NOSIGNAL);
    check(sent > 0, "send");
    bytes += sent;
    size -= (size_t)sent;
  }
}

static void without_delay(int socket) {
  int on = 1;
  check(setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
}

// Passes on what comes, until the producer closes its connection.
static void serve(int producer, int consumer, int file) {
  static char message[kMostMessage];
  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = producer};
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, producer, &event) == 0, "epoll_ctl");
  while (1) {
    check(epoll_wait(epoll, &event, 1, -1) == 1, "epoll_wait");
    ssize_t received = recv(producer, message, sizeof message, 0);
    check(received >= 0, "recv");
    if (received == 0) return;
    check(write(file, message, (size_t)received) == received, "write");
    send_whole(consumer, message, (size_t)received);
  }
}

static int accept_one(int listener) {
  int connection = accept(listener, NULL, NULL);
  check(connection >= 0, "accept");
  without_delay(connection);
  return connection;
}

// The first connection is the producer's, the second the consumer's.
static pid_t start_server(int listener, int file) {
  pid_t server = fork();
  check(server >= 0, "fork");
  if (server > 0) return server;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int producer = accept_one(listener);
  int consumer = accept_one(listener);
  close(listener);
  serve(producer, consumer, file);
  exit(0);
}

static int listen_on_loopback(struct sockaddr_in* address) {
  socklen_t length = sizeof *address;
  *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  check(bind(listener, (struct sockaddr*)address, length) == 0, "bind");
  check(listen(listener, 2) == 0, "listen");
  check(getsockname(listener, (struct sockaddr*)address, &length) == 0, "getsockname");
  return listener;
}

static int connect_to(const struct sockaddr_in* address) {
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  check(connect(connection, (const struct sockaddr*)address, sizeof *address) == 0, "connect");
  without_delay(connection);
  return connection;
}

static void* consume(void* argument) {
  struct consumer* own = argument;
  static char message[kMostMessage];
  for (size_t i = 0; i < own->count; ++i) {
    check(recv(own->socket, message, own->size, MSG_WAITALL) == (ssize_t)own->size, "recv");
    int64_t sent_at;
    memcpy(&sent_at, message, sizeof sent_at);
    own->latencies[i] = now_ns() - sent_at;
  }
  return NULL;
}

static void produce(int socket, size_t count, size_t size, int64_t rate) {
  static char message[kMostMessage];
  memset(message, 'x', size);
  int64_t start = now_ns();
  for (size_t i = 0; i < count; ++i) {
    sleep_until(start + (int64_t)i * kSecond / rate);
    int64_t now = now_ns();
    memcpy(message, &now, sizeof now);
    send_whole(socket, message, size);
  }
}

static int by_value(const void* a, const void* b) {
  int64_t left = *(const int64_t*)a, right = *(const int64_t*)b;
  return (left > right) - (left < right);
}

static void print_percentiles(int64_t* latencies, size_t count) {
  int64_t* counting = latencies + count / 10;
  size_t last = count - count / 10 - 1;
  qsort(counting, last + 1, sizeof *counting, by_value);
  double us[3], shares[3] = {0.5, 0.99, 0.999};
  for (int i = 0; i < 3; ++i) us[i] = (double)counting[(size_t)(shares[i] * (double)last)] / 1e3;
  printf("{\"p50_us\": %.1f, \"p99_us\": %.1f, \"p99.9_us\": %.1f}\n", us[0], us[1], us[2]);
}

int main(int argc, char** argv) {
  size_t count = argc == 5 ? strtoull(argv[2], NULL, 10) : 0;
  size_t size = argc == 5 ? strtoull(argv[3], NULL, 10) : 0;
  int64_t rate = argc == 5 ? strtoll(argv[4], NULL, 10) : 0;
  if (count == 0 || size < sizeof(int64_t) || size > kMostMessage || rate <= 0) {
    fprintf(stderr, "usage: bare_latency FILE COUNT SIZE RATE, a SIZE of 8 to %d\n", kMostMessage);
    return 2;
  }
  int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
  check(file >= 0, argv[1]);
  struct sockaddr_in address;
  int listener = listen_on_loopback(&address);
  pid_t server = start_server(listener, file);
  int producer = connect_to(&address);
  struct consumer consumer = {.socket = connect_to(&address), .size = size, .count = count};
  consumer.latencies = calloc(count, sizeof *consumer.latencies);
  check(consumer.latencies != NULL, "calloc");

  pthread_t consuming;
  check(pthread_create(&consuming, NULL, consume, &consumer) == 0, "pthread_create");
  produce(producer, count, size, rate);
  pthread_join(consuming, NULL);
  close(producer);
  int status = 0;
  check(waitpid(server, &status, 0) == server && status == 0, "the server");
  print_percentiles(consumer.latencies, count);
  free(consumer.latencies);
  return 0;
}
