#include "broker/log/directory_health.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "broker/types/error_code.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

// Kept back for everything but records; half a percent where the disk is small.
constexpr uint64_t kReserveBytes = 16 << 20;
constexpr uint64_t kReserveDivisor = 200;
// What has to be free beyond what was free when the disk was full. A write may fail where there is room for a
// smaller one; without this the directory would be full and not full in turns.
constexpr uint64_t kMarginBytes = 64 << 20;
constexpr uint64_t kMarginDivisor = 50;
// Some minutes. A quota, or a file system that lacks something else than bytes, may let records in again although
// the free bytes are the same as ever.
constexpr int kLooksUntilTry = 300;

}  // namespace

DiskFault disk_fault(const Error& error) {
  if (error.code.category() != std::system_category()) return DiskFault::none;
  switch (error.code.value()) {
    case ENOSPC:
    case EDQUOT:
      return DiskFault::full;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EINTR:
      return DiskFault::passing;
    // Something else has the name, or nothing has it: the disk did what it was told.
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
    case ENOTEMPTY:
    case ENAMETOOLONG:
    case EWOULDBLOCK:  // somebody else's lock
      return DiskFault::none;
    default:
      return DiskFault::broken;
  }
}

void DirectoryHealth::report(const Error& error) {
  DiskFault fault = disk_fault(error);
  if (fault == DiskFault::broken) take_offline(error);
  if (fault == DiskFault::full) change(State::sound, State::full, error.message);
}

void DirectoryHealth::report_space(const DiskSpace& space) {
  uint64_t reserve = std::min(kReserveBytes, space.total / kReserveDivisor);
  std::string left = fmt::format("{} of {} bytes are free", space.available, space.total);
  if (space.available < reserve) change(State::sound, State::full, left);
  if (has_room_again(space, reserve)) change(State::full, State::sound, left);
}

bool DirectoryHealth::has_room_again(const DiskSpace& space, uint64_t reserve) {
  std::lock_guard lock(mutex_);
  if (state_ != State::full) return false;
  Fullness& seen = fullness_;
  seen.least_available = std::min(seen.least_available, space.available);
  bool is_worth_a_try = seen.was_deleted_from || ++seen.looks >= kLooksUntilTry;
  uint64_t margin = std::min(kMarginBytes, space.total / kMarginDivisor);
  return space.available >= 2 * reserve && (is_worth_a_try || space.available - seen.least_available >= margin);
}

void DirectoryHealth::report_deletion() {
  std::lock_guard lock(mutex_);
  fullness_.was_deleted_from = true;
}

void DirectoryHealth::change(State from, State to, const std::string& reason) {
  {
    std::lock_guard lock(mutex_);
    if (state_ != from) return;
    state_ = to;
    reason_ = reason;
    fullness_ = {};
  }
  if (to == State::full) {
    log::error("a log directory is full, its partitions take no records until there is room path={} reason=\"{}\"",
               path_, reason);
  } else {
    log::info("a log directory has room again path={} reason=\"{}\"", path_, reason);
  }
}

void DirectoryHealth::take_offline(const Error& reason) {
  UniqueFunction<void()> callback;
  {
    std::lock_guard lock(mutex_);
    if (state_ == State::offline) return;
    state_ = State::offline;
    reason_ = reason.message;
    callback = std::move(on_offline_);
  }
  log::error("a log directory went offline, its partitions are not served until a restart path={} reason=\"{}\"",
             path_, reason.message);
  if (callback) callback();
}

void DirectoryHealth::on_offline(UniqueFunction<void()> callback) {
  {
    std::lock_guard lock(mutex_);
    if (state_ != State::offline) {
      on_offline_ = std::move(callback);
      return;
    }
  }
  callback();
}

Error DirectoryHealth::error() const {
  std::lock_guard lock(mutex_);
  return {ErrorCode::kafka_storage_error,
          fmt::format("log directory {} is {}: {}", path_, is_offline() ? "offline" : "full", reason_)};
}

}  // namespace gregor
