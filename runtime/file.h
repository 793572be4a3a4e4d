#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/bytes.h"
#include "runtime/result.h"

namespace gregor {

/// One open file. Errors carry the system category (ENOSPC, EIO, ...) and name the path.
///
/// Positions and sizes are in bytes. Calls may come from any thread; two writes to the same place are the caller's
/// affair. The real one is over file descriptors; simulation and fault tests bring their own.
class File {
 public:
  virtual ~File() = default;

  /// Reads into `into` from `position`, and returns how many bytes there were; fewer than asked only at the end.
  virtual Result<size_t> read_at(uint64_t position, std::span<uint8_t> into) = 0;
  /// Writes all `pieces` one after another from `position` on, extending the file where needed.
  virtual Result<void> write_at(uint64_t position, std::span<const Bytes> pieces) = 0;
  virtual Result<uint64_t> size() = 0;
  /// Cuts the file to `size`, or extends it with zeros.
  virtual Result<void> truncate(uint64_t size) = 0;
  /// Extends the file to `size` with zeros for which the disk has set room aside. On ENOSPC it is as it was.
  virtual Result<void> allocate(uint64_t size) = 0;
  /// Returns once everything written is on the disk. Blocks; a failed one is never tried again (the kernel may have
  /// dropped the pages).
  virtual Result<void> sync() = 0;
  virtual const std::string& path() const = 0;
  /// The file descriptor for sendfile, -1 where there is none.
  virtual int descriptor() const { return -1; }
};

/// Bytes of a file that are to be sent. Keeps the file open, also when it is deleted meanwhile.
struct FileSlice {
  std::shared_ptr<File> file;
  uint64_t position = 0;
  uint64_t size = 0;
};

enum class OpenMode {
  read,        ///< must exist
  read_write,  ///< must exist
  create,      ///< read and write; made when missing
  create_new,  ///< read and write; must not exist
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  uint64_t size = 0;
};

/// How much a file system holds, in bytes, and how much of it this process may still take.
struct DiskSpace {
  uint64_t total = 0;
  uint64_t available = 0;
};

/// Held while it lives; no other process gets it meanwhile.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

/// Directories and the way to open files. Paths are as the operating system takes them.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual bool exists(const std::string& path) = 0;
  virtual Result<void> create_directories(const std::string& path) = 0;
  /// The entries of a directory but for `.` and `..`, sorted by name.
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
  /// When the content of the file at `path` last changed, in milliseconds since 1970.
  virtual Result<int64_t> modified_ms(const std::string& path) = 0;
  /// The room on the file system that holds `path`.
  virtual Result<DiskSpace> space(const std::string& path) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove(const std::string& path) = 0;
  /// Removes a directory and all that is in it; succeeds when there is none.
  virtual Result<void> remove_all(const std::string& path) = 0;
  /// Makes creations, renames and removals in this directory durable.
  virtual Result<void> sync_directory(const std::string& path) = 0;
  /// Makes durable whatever was changed on the file system that `path` lies on: for who changed very many files.
  /// Error: operation_not_supported where the operating system would not tell of what could not be written.
  virtual Result<void> sync_all(const std::string& path) = 0;
  /// Told by who found out that what lies here can't be relied on any more, for a reason that no operation above
  /// gave by itself. Nothing happens by default.
  virtual void distrust(const Error&) {}
  /// Takes the exclusive lock on the file at `path`, which is created if missing. Error: EWOULDBLOCK when another
  /// process holds it.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

/// The operating system's files.
class PosixFileSystem final : public FileSystem {
 public:
  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override;
  bool exists(const std::string& path) override;
  Result<void> create_directories(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<int64_t> modified_ms(const std::string& path) override;
  Result<DiskSpace> space(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> remove_all(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<void> sync_all(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
};

/// Reads a whole small file, at most `max_size` bytes (EFBIG beyond).
Result<std::string> read_text_file(FileSystem& files, const std::string& path, uint64_t max_size = 64 << 20);
/// Replaces the file at `path` so that after a crash either the old or the new text is there: writes `path`.tmp,
/// syncs it, renames it over `path` and syncs the directory. Blocks.
Result<void> replace_text_file(FileSystem& files, const std::string& path, const std::string& text);

}  // namespace gregor
