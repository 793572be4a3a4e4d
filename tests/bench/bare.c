// The physical limit that the broker is measured against: the same bytes moved by nothing but system calls.
//
//   bare write FILE BYTES    socket -> page cache: recv and write, 1 MB at a time
//   bare read FILE BYTES     page cache -> socket: sendfile, 1 MB at a time, from a file that `bare write` made
//
// The other end of the connection is a child process. Prints the seconds that passed and the CPU seconds of this
// side.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kChunk = 1 << 20 };
static char chunk[kChunk];

static void check(int ok, const char* what) {
  if (ok) return;
  perror(what);
  exit(1);
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static void send_all(int socket, size_t bytes) {
  memset(chunk, 'x', sizeof chunk);
  while (bytes > 0) {
    ssize_t sent = send(socket, chunk, smaller(bytes, sizeof chunk), 0);
    check(sent > 0, "send");
    bytes -= (size_t)sent;
  }
}

static void receive_all(int socket, size_t bytes) {
  while (bytes > 0) {
    ssize_t received = recv(socket, chunk, smaller(bytes, sizeof chunk), 0);
    check(received > 0, "recv");
    bytes -= (size_t)received;
  }
}

static void socket_to_page_cache(int socket, int file, size_t bytes) {
  while (bytes > 0) {
    ssize_t received = recv(socket, chunk, smaller(bytes, sizeof chunk), MSG_WAITALL);
    check(received > 0, "recv");
    check(write(file, chunk, (size_t)received) == received, "write");
    bytes -= (size_t)received;
  }
}

static void page_cache_to_socket(int socket, int file, size_t bytes) {
  while (bytes > 0) {
    ssize_t sent = sendfile(socket, file, NULL, smaller(bytes, kChunk));
    check(sent > 0, "sendfile");
    bytes -= (size_t)sent;
  }
}

// A child that has connected to us over the loopback interface and runs `other_end`; returns our end.
static int connect_child(void (*other_end)(int, size_t), size_t bytes) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  check(bind(listener, (struct sockaddr*)&address, length) == 0, "bind");
  check(listen(listener, 1) == 0, "listen");
  check(getsockname(listener, (struct sockaddr*)&address, &length) == 0, "getsockname");
  if (fork() == 0) {
    int child = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(child, (struct sockaddr*)&address, length) == 0, "connect");
    other_end(child, bytes);
    _exit(0);
  }
  int connection = accept(listener, NULL, NULL);
  check(connection >= 0, "accept");
  return connection;
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char** argv) {
  if (argc != 4 || (strcmp(argv[1], "write") != 0 && strcmp(argv[1], "read") != 0)) {
    fprintf(stderr, "usage: bare write|read FILE BYTES\n");
    return 2;
  }
  int writes = strcmp(argv[1], "write") == 0;
  size_t bytes = strtoull(argv[3], NULL, 10);
  int file = open(argv[2], writes ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY, 0600);
  check(file >= 0, argv[2]);
  int connection = connect_child(writes ? send_all : receive_all, bytes);

  double began = seconds_now();
  double cpu_began = cpu_seconds();
  if (writes)
    socket_to_page_cache(connection, file, bytes);
  else
    page_cache_to_socket(connection, file, bytes);
  double cpu = cpu_seconds() - cpu_began;
  wait(NULL);
  printf("{\"seconds\": %.6f, \"cpu_seconds\": %.6f}\n", seconds_now() - began, cpu);
  return 0;
}
