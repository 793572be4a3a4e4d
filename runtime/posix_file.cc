#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "runtime/file.h"

namespace gregor {
namespace {

Error file_error(const char* doing, const std::string& path) {
  return system_error(errno, std::string(doing) + " " + path);
}

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~PosixFile() override { ::close(descriptor_); }

  Result<size_t> read_at(uint64_t position, std::span<uint8_t> into) override {
    size_t done = 0;
    while (done < into.size()) {
      ssize_t n = ::pread(descriptor_, into.data() + done, into.size() - done, static_cast<off_t>(position + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return file_error("read", path_);
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    return done;
  }

  Result<void> write_at(uint64_t position, std::span<const Bytes> pieces) override {
    constexpr size_t kMaxPieces = 64;
    iovec vectors[kMaxPieces];
    size_t first = 0;
    size_t skip = 0;  // bytes of pieces[first] that are written already
    while (first < pieces.size()) {
      int count = 0;
      for (size_t i = first; i < pieces.size() && count < static_cast<int>(kMaxPieces); ++i, ++count) {
        Bytes piece = i == first ? pieces[i].subspan(skip) : pieces[i];
        vectors[count] = {const_cast<uint8_t*>(piece.data()), piece.size()};
      }
      ssize_t n = ::pwritev(descriptor_, vectors, count, static_cast<off_t>(position));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return file_error("write", path_);
      position += static_cast<uint64_t>(n);
      skip += static_cast<size_t>(n);
      while (first < pieces.size() && skip >= pieces[first].size()) skip -= pieces[first++].size();
    }
    return {};
  }

  Result<uint64_t> size() override {
    struct stat status;
    if (::fstat(descriptor_, &status) != 0) return file_error("stat", path_);
    return static_cast<uint64_t>(status.st_size);
  }

  Result<void> truncate(uint64_t size) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return file_error("truncate", path_);
    return {};
  }

  Result<void> allocate(uint64_t size) override {
    struct stat status;
    if (::fstat(descriptor_, &status) != 0) return file_error("stat", path_);
    auto old_size = static_cast<uint64_t>(status.st_size);
    if (size <= old_size) return {};
    int number = ::posix_fallocate(descriptor_, status.st_size, static_cast<off_t>(size - old_size));
    if (number == 0) return {};
    (void)!::ftruncate(descriptor_, status.st_size);
    return system_error(number, "allocate " + path_);
  }

  Result<void> sync() override {
    if (::fdatasync(descriptor_) != 0) return file_error("sync", path_);
    return {};
  }

  const std::string& path() const override { return path_; }
  int descriptor() const override { return descriptor_; }

 private:
  int descriptor_;
  std::string path_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(int descriptor) : descriptor_(descriptor) {}
  ~PosixFileLock() override { ::close(descriptor_); }

 private:
  int descriptor_;
};

int open_flags(OpenMode mode) {
  switch (mode) {
    case OpenMode::read:
      return O_RDONLY;
    case OpenMode::read_write:
      return O_RDWR;
    case OpenMode::create:
      return O_RDWR | O_CREAT;
    case OpenMode::create_new:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

Result<void> from_std(const std::error_code& code, const char* doing, const std::string& path) {
  if (!code) return {};
  return system_error(code.value(), std::string(doing) + " " + path);
}

}  // namespace

Result<std::shared_ptr<File>> PosixFileSystem::open(const std::string& path, OpenMode mode) {
  // Where files are written all the time, noting when they were last read dirties an inode at every other read.
  int flags = open_flags(mode) | O_CLOEXEC;
  int descriptor = ::open(path.c_str(), flags | O_NOATIME, 0644);
  if (descriptor < 0 && errno == EPERM) descriptor = ::open(path.c_str(), flags, 0644);  // it is somebody else's
  if (descriptor < 0) return file_error("open", path);
  return std::shared_ptr<File>(std::make_shared<PosixFile>(descriptor, path));
}

bool PosixFileSystem::exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<void> PosixFileSystem::create_directories(const std::string& path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  return from_std(code, "create directory", path);
}

Result<std::vector<DirectoryEntry>> PosixFileSystem::list(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return file_error("list", path);
  std::vector<DirectoryEntry> entries;
  while (dirent* entry = ::readdir(directory)) {
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat status;
    if (::fstatat(::dirfd(directory), entry->d_name, &status, 0) != 0) continue;  // removed since it was listed
    entries.push_back({std::move(name), S_ISDIR(status.st_mode), static_cast<uint64_t>(status.st_size)});
  }
  ::closedir(directory);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

Result<int64_t> PosixFileSystem::modified_ms(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return file_error("stat", path);
  return status.st_mtim.tv_sec * 1000LL + status.st_mtim.tv_nsec / 1'000'000;
}

Result<DiskSpace> PosixFileSystem::space(const std::string& path) {
  struct statvfs status;
  if (::statvfs(path.c_str(), &status) != 0) return file_error("stat the file system of", path);
  return DiskSpace{status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize};
}

Result<void> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return file_error("rename", from + " to " + to);
  return {};
}

Result<void> PosixFileSystem::remove(const std::string& path) {
  if (::remove(path.c_str()) != 0) return file_error("remove", path);
  return {};
}

Result<void> PosixFileSystem::remove_all(const std::string& path) {
  std::error_code code;
  std::filesystem::remove_all(path, code);
  return from_std(code, "remove", path);
}

namespace {

Result<void> sync_by(int (*sync)(int), const std::string& path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return file_error("open", path);
  int outcome = sync(descriptor);
  int number = errno;
  ::close(descriptor);
  if (outcome != 0) return system_error(number, "sync " + path);
  return {};
}

/// Before Linux 5.8 syncfs succeeds whatever became of the writes.
bool does_syncfs_tell_errors() {
  utsname system = {};
  int major = 0;
  int minor = 0;
  if (::uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &major, &minor) != 2) return false;
  return major > 5 || (major == 5 && minor >= 8);
}

}  // namespace

Result<void> PosixFileSystem::sync_directory(const std::string& path) { return sync_by(::fsync, path); }

Result<void> PosixFileSystem::sync_all(const std::string& path) {
  static const bool is_supported = does_syncfs_tell_errors();
  if (!is_supported) return Error{std::make_error_code(std::errc::operation_not_supported), "sync all of " + path};
  return sync_by(::syncfs, path);
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::lock(const std::string& path) {
  int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return file_error("open", path);
  // A record lock, as Java's FileChannel.lock takes it, so that a Java broker on the same directory is kept out
  // too.
  struct flock record = {};
  record.l_type = F_WRLCK;
  record.l_whence = SEEK_SET;
  if (::fcntl(descriptor, F_SETLK, &record) != 0) {
    int number = errno == EACCES || errno == EAGAIN ? EWOULDBLOCK : errno;
    ::close(descriptor);
    return system_error(number, "lock " + path);
  }
  return std::unique_ptr<FileLock>(std::make_unique<PosixFileLock>(descriptor));
}

}  // namespace gregor
