#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "runtime/file.h"
#include "runtime/unique_function.h"

namespace gregor {

/// What an error of a file says about the disk below it.
enum class DiskFault {
  none,     ///< nothing: a file that is missing or in the way, or an error that is not the operating system's
  passing,  ///< nothing, but the process or the machine lacks descriptors or memory at the moment
  full,     ///< no room: it may come back when something is deleted
  broken,   ///< whatever else it is, the disk or the file system on it can't be trusted any more
};
DiskFault disk_fault(const Error& error);
/// Whether the same may succeed later, once there is room, a descriptor or memory.
inline bool may_pass(const Error& error) {
  DiskFault fault = disk_fault(error);
  return fault == DiskFault::passing || fault == DiskFault::full;
}

/// Whether the disk below one log directory does what it is asked. Shared by everything that touches its files; any
/// thread may use it.
///
/// A directory that went offline stays so until the next start: what its disk kept is unknown. A full one takes no
/// records, but everything else goes on, and it takes records again once there is room: clearly more than when it
/// was full, or any at all after something was deleted in it.
class DirectoryHealth {
 public:
  explicit DirectoryHealth(std::string path) : path_(std::move(path)) {}

  bool is_offline() const { return state_.load(std::memory_order_relaxed) == State::offline; }
  bool is_full() const { return state_.load(std::memory_order_relaxed) == State::full; }
  bool takes_records() const { return state_.load(std::memory_order_relaxed) == State::sound; }

  /// Notes that an operation on a file of the directory failed.
  void report(const Error& error);
  /// Notes how much room there is, once a second. Some is kept back, so that checkpoints, indexes and deletions
  /// never fail for want of it.
  void report_space(const DiskSpace& space);
  /// Notes that files with records were removed.
  void report_deletion();
  void take_offline(const Error& reason);
  /// `callback` is called once the directory is offline: on the thread that found out, or at once.
  void on_offline(UniqueFunction<void()> callback);
  /// kafka_storage_error with the reason, for what is asked of an offline or full directory.
  Error error() const;

 private:
  enum class State { sound, full, offline };
  /// What was seen since the directory is full.
  struct Fullness {
    uint64_t least_available = UINT64_MAX;
    bool was_deleted_from = false;
    int looks = 0;
  };
  bool has_room_again(const DiskSpace& space, uint64_t reserve);
  void change(State from, State to, const std::string& reason);

  const std::string path_;
  std::atomic<State> state_{State::sound};
  mutable std::mutex mutex_;  ///< of what follows
  std::string reason_;
  Fullness fullness_;
  UniqueFunction<void()> on_offline_;
};

}  // namespace gregor
