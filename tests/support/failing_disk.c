// Lets a disk fail under a program that knows nothing of it: preloaded, it answers the file operations below
// $FAILING_DISK_PATH with the error whose number stands in the file $FAILING_DISK_CONTROL, while there is one. ENOSPC
// fails only what takes room; other errors fail everything, reads included.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int error_now(void) {
  const char* control = getenv("FAILING_DISK_CONTROL");
  if (control == NULL) return 0;
  FILE* file = fopen(control, "r");
  if (file == NULL) return 0;
  int number = 0;
  if (fscanf(file, "%d", &number) != 1) number = 0;
  fclose(file);
  return number;
}

static int is_below(const char* path) {
  const char* failing = getenv("FAILING_DISK_PATH");
  return failing != NULL && path != NULL && strncmp(path, failing, strlen(failing)) == 0;
}

static int fails_path(const char* path, int takes_room) {
  if (!is_below(path)) return 0;
  int number = error_now();
  if (number == 0 || (number == ENOSPC && !takes_room)) return 0;
  errno = number;
  return 1;
}

static int fails_descriptor(int descriptor, int takes_room) {
  char link[64];
  char path[PATH_MAX];
  int saved = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = saved;
  if (length <= 0) return 0;
  path[length] = 0;
  return fails_path(path, takes_room);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int open_mode(int flags, va_list arguments) { return (flags & O_CREAT) ? va_arg(arguments, int) : 0; }

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  int mode = open_mode(flags, arguments);
  va_end(arguments);
  if (fails_path(path, (flags & O_CREAT) && access(path, F_OK) != 0)) return -1;
  return REAL(open)(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  int mode = open_mode(flags, arguments);
  va_end(arguments);
  if (fails_path(path, (flags & O_CREAT) && access(path, F_OK) != 0)) return -1;
  return REAL(open64)(path, flags, mode);
}

ssize_t pread(int fd, void* into, size_t count, off_t at) {
  return fails_descriptor(fd, 0) ? -1 : REAL(pread)(fd, into, count, at);
}
ssize_t pread64(int fd, void* into, size_t count, off64_t at) {
  return fails_descriptor(fd, 0) ? -1 : REAL(pread64)(fd, into, count, at);
}
ssize_t pwritev(int fd, const struct iovec* pieces, int count, off_t at) {
  return fails_descriptor(fd, 1) ? -1 : REAL(pwritev)(fd, pieces, count, at);
}
ssize_t pwritev64(int fd, const struct iovec* pieces, int count, off64_t at) {
  return fails_descriptor(fd, 1) ? -1 : REAL(pwritev64)(fd, pieces, count, at);
}
ssize_t sendfile(int out, int in, off_t* at, size_t count) {
  return fails_descriptor(in, 0) ? -1 : REAL(sendfile)(out, in, at, count);
}
ssize_t sendfile64(int out, int in, off64_t* at, size_t count) {
  return fails_descriptor(in, 0) ? -1 : REAL(sendfile64)(out, in, at, count);
}
int ftruncate(int fd, off_t size) { return fails_descriptor(fd, 0) ? -1 : REAL(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { return fails_descriptor(fd, 0) ? -1 : REAL(ftruncate64)(fd, size); }
int fsync(int fd) { return fails_descriptor(fd, 0) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return fails_descriptor(fd, 0) ? -1 : REAL(fdatasync)(fd); }
int rename(const char* from, const char* to) { return fails_path(from, 0) ? -1 : REAL(rename)(from, to); }
int remove(const char* path) { return fails_path(path, 0) ? -1 : REAL(remove)(path); }
int mkdir(const char* path, mode_t mode) { return fails_path(path, 1) ? -1 : REAL(mkdir)(path, mode); }
