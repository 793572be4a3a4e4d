// How LogMoves takes up the copies that an earlier process left.
#include <algorithm>

#include "broker/replica/log_moves.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

constexpr uint64_t kBatchHeaderBytes = 61;

/// The header, checksum and all, of the batch that `offset` lies in; empty where the log does not have it.
Result<std::vector<uint8_t>> batch_header(PartitionLog& log, Offset offset) {
  std::vector<uint8_t> header;
  if (offset < log.log_start_offset() || offset >= log.log_end_offset()) return header;
  auto found = log.read(offset, log.log_end_offset(), 1, true);
  if (!found) return found.error();
  if (found->slices.empty()) return header;
  const FileSlice& slice = found->slices.front();
  header.resize(std::min<uint64_t>(slice.size, kBatchHeaderBytes));
  auto read = slice.file->read_at(slice.position, header);
  if (!read) return read.error();
  header.resize(*read);
  return header;
}

/// Whether the last batch of `copy` is the log's own: a log that lost its end in a crash may have been written
/// anew.
Result<bool> ends_alike(PartitionLog& copy, PartitionLog& log) {
  bool has_nothing_in_common = copy.log_end_offset() <= std::max(copy.log_start_offset(), log.log_start_offset());
  if (has_nothing_in_common) return true;
  Offset last = copy.log_end_offset() + (-1);
  auto of_copy = batch_header(copy, last);
  if (!of_copy) return of_copy.error();
  auto of_log = batch_header(log, last);
  if (!of_log) return of_log.error();
  return *of_copy == *of_log;
}

}  // namespace

Task<void> LogMoves::resume() {
  std::vector<Moving> resumed;
  for (LogDirectory* directory : environment_.directories) {
    if (directory->health().is_offline()) continue;
    for (const FutureDirectory& found : directory->futures()) co_await resume_one(found, *directory, resumed);
  }
  // Not before all are known: a move that ends has the checkpoints written.
  for (Moving& moving : resumed) enqueue(std::move(moving));
}

Task<void> LogMoves::resume_one(FutureDirectory found, const LogDirectory& directory,
                                std::vector<Moving>& resumed) {
  Shard& shard = partitions_.shard_of(found.partition);
  auto config_of = [&]() -> std::optional<LogConfig> {
    Partition* partition = partitions_.find(found.partition);
    if (partition == nullptr || partition->future()) return std::nullopt;
    return partition->settings().log;
  };
  std::optional<LogConfig> config = co_await on(shard, config_of);
  if (!config) {
    log::warn("leaving the copy of a log alone, since there is no log that it could replace path={}", found.path);
    co_return;
  }
  auto open = [&] {
    return PartitionLog::open(directory.files(), environment_.clock, found.path, found.partition, *config,
                              directory.open_options(found.partition));
  };
  auto opened = co_await in_background(environment_.pool, open);
  auto install = [&]() -> Result<std::shared_ptr<FutureLog>> {
    if (!opened) return opened.error();
    Partition* partition = partitions_.find(found.partition);
    if ((*opened)->topic_id() != partition->log().topic_id()) {
      return Error{make_error_code(ErrorCode::inconsistent_topic_id), "it is a copy of another topic's log"};
    }
    auto future = std::make_shared<FutureLog>(FutureLog{directory, std::move(*opened), 0});
    // What the log lost in a crash the copy must not have.
    if (auto cut = future->log->truncate_to(partition->log().log_end_offset()); !cut) return cut.error();
    auto agrees = ends_alike(*future->log, partition->log());
    if (!agrees) return agrees.error();
    if (!*agrees) {
      return Error{make_error_code(ErrorCode::inconsistent_topic_id), "the log was written anew since"};
    }
    partition->set_future(future);
    return future;
  };
  auto future = co_await on(shard, install);
  if (!future) {
    log::error("could not go on with a move between log directories path={} reason=\"{}\"", found.path,
               future.error().message);
    if (!future.error().is(ErrorCode::inconsistent_topic_id)) co_return;
    auto remove = [&] { return directory.files().remove_all(found.path); };
    Result<void> removed = co_await in_background(environment_.pool, remove);
    if (!removed) log::error("could not remove a copy reason=\"{}\"", removed.error().message);
    co_return;
  }
  resumed.push_back({found.partition, *future});
}

}  // namespace gregor
