#include "broker/replica/log_moves.h"

#include <algorithm>

#include "broker/config/options.h"
#include "runtime/bounded_ms.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

// Copied in one go: enough to make the way to the background and back cheap, little enough that appending it does
// not keep the shard from its other work.
constexpr uint64_t kChunkBytes = 1 << 20;
constexpr int kMostPieces = 2;
constexpr int kTriesToSettle = 10;
constexpr Duration kStopPoll = std::chrono::milliseconds(20);
constexpr Duration kRoomPoll = std::chrono::seconds(1);

Result<Buffer> read_all(const LogRead& found) {
  Buffer bytes(found.size_bytes);
  uint64_t done = 0;
  for (const FileSlice& slice : found.slices) {
    auto read = slice.file->read_at(slice.position, bytes.span().subspan(done, slice.size));
    if (!read) return read.error();
    if (*read != slice.size) {
      return Error{make_error_code(ErrorCode::kafka_storage_error), slice.file->path() + " is shorter than it was"};
    }
    done += slice.size;
  }
  return bytes;
}

}  // namespace

LogMoves::LogMoves(ReplicaEnvironment environment, Partitions& partitions, Checkpointer& checkpointer,
                   LiveConfig& live, size_t at_once)
    : environment_(std::move(environment)),
      partitions_(partitions),
      checkpointer_(checkpointer),
      live_(live),
      home_(*environment_.shards[0]),
      at_once_(at_once) {}

Task<ErrorCode> LogMoves::request(TopicPartition name, std::string path) {
  AsyncMutex::Guard turn = co_await in_turn_.lock();
  LogDirectory* destination = directory_at(path);
  if (destination == nullptr) co_return ErrorCode::log_dir_not_found;
  if (destination->health().is_offline()) co_return ErrorCode::kafka_storage_error;
  ErrorCode error = co_await request_in_turn(std::move(name), *destination);
  co_return error;
}

Task<ErrorCode> LogMoves::request_in_turn(TopicPartition name, LogDirectory& destination) {
  Shard& shard = partitions_.shard_of(name);
  auto look_there = [&] { return look(name, destination); };
  Finding found = co_await on(shard, look_there);
  if (found.error == ErrorCode::replica_not_available) partitions_.prefer_directory(name, destination);
  if (!found.needs_future) co_return found.error;
  AsyncMutex::Guard unchanged = co_await partitions_.changing().lock();
  auto make = [&]() -> Result<std::shared_ptr<FutureLog>> {
    if (auto forgotten = destination.checkpoints().forget({name}); !forgotten) return forgotten.error();
    return make_future(name, destination, found);
  };
  Result<std::shared_ptr<FutureLog>> made = co_await in_background(environment_.pool, make);
  if (!made) {
    log::error("could not begin to move a partition partition={} to={} reason=\"{}\"", name.to_string(),
               destination.path(), made.error().message);
    co_return ErrorCode::kafka_storage_error;
  }
  auto install = [&] {
    Partition* partition = partitions_.find(name);
    bool is_same =
        partition != nullptr && !partition->has_failed() && partition->log().topic_id() == found.topic_id;
    if (is_same) partition->set_future(*made);
    return is_same;
  };
  bool installed = co_await on(shard, install);
  if (!installed) {
    // It was deleted meanwhile.
    auto remove = [&] { return destination.files().remove_all((*made)->log->directory()); };
    Result<void> removed = co_await in_background(environment_.pool, remove);
    if (!removed) log::warn("could not remove a copy reason=\"{}\"", removed.error().message);
    co_return ErrorCode::replica_not_available;
  }
  log::info("moving partition={} to={}", name.to_string(), destination.path());
  enqueue({std::move(name), *made});
  co_return ErrorCode::none;
}

LogDirectory* LogMoves::directory_at(const std::string& path) const {
  auto is_it = [&path](const LogDirectory* directory) { return directory->path() == path; };
  auto found = std::find_if(environment_.directories.begin(), environment_.directories.end(), is_it);
  return found == environment_.directories.end() ? nullptr : *found;
}

LogMoves::Finding LogMoves::look(const TopicPartition& name, const LogDirectory& destination) {
  Finding found;
  Partition* partition = partitions_.find(name);
  if (partition == nullptr) {
    found.error = partitions_.why_absent(name);
    if (found.error == ErrorCode::none) found.error = ErrorCode::replica_not_available;
    return found;
  }
  if (partition->has_failed()) {
    found.error = ErrorCode::kafka_storage_error;
    return found;
  }
  bool is_on_its_way = partition->future() && &partition->future()->directory == &destination;
  if (is_on_its_way) return found;
  if (partition->future()) {
    log::info("gave up a move partition={} to={}", name.to_string(), partition->future()->directory.path());
    partitions_.drop_future(*partition);
  }
  found.needs_future = &partition->directory() != &destination;
  found.log_start = partition->log().log_start_offset();
  found.topic_id = partition->log().topic_id();
  found.config = partition->settings().log;
  return found;
}

Result<std::shared_ptr<FutureLog>> LogMoves::make_future(const TopicPartition& name,
                                                         const LogDirectory& destination, const Finding& found) {
  auto directory_name = future_directory_name(name, Uuid::from_random(environment_.random.sixteen_bytes()));
  if (!directory_name) {
    return Error{make_error_code(ErrorCode::kafka_storage_error),
                 "the topic's name is too long for the directory that the copy would be made in"};
  }
  OpenOptions options;
  options.log_start_offset = found.log_start;
  auto opened = PartitionLog::open(destination.files(), environment_.clock,
                                   destination.path() + "/" + *directory_name, name, found.config, options);
  if (!opened) return opened.error();
  if (found.topic_id) {
    if (auto written = (*opened)->set_topic_id(*found.topic_id); !written) return written.error();
  }
  return std::make_shared<FutureLog>(FutureLog{destination, std::move(*opened), 0});
}

void LogMoves::enqueue(Moving moving) {
  waiting_.push_back(std::move(moving));
  start_waiting();
}

void LogMoves::start_waiting() {
  while (running_ < at_once_ && !waiting_.empty() && !is_stopping_) {
    ++running_;
    spawn(run(std::move(waiting_.front())));
    waiting_.pop_front();
  }
}

Task<void> LogMoves::run(Moving moving) {
  Shard& shard = partitions_.shard_of(moving.name);
  co_await run_on(shard, move(std::move(moving)));
  --running_;
  start_waiting();
}

Task<void> LogMoves::stop() {
  is_stopping_ = true;
  waiting_.clear();
  while (running_ > 0) co_await sleep_for(kStopPoll);
}

Partition* LogMoves::find(const Moving& moving) {
  Partition* partition = partitions_.find(moving.name);
  bool is_wanted = partition != nullptr && !partition->has_failed() && partition->future() == moving.future;
  return is_wanted && !is_stopping_ ? partition : nullptr;
}

Task<bool> LogMoves::move(Moving moving) {
  Step step = Step::more;
  while (step == Step::more || step == Step::lacks_room) {
    uint64_t copied_before = moving.future->copied_bytes;
    step = co_await copy_some(moving);
    // Of a directory that is offline the partition will have heard by then.
    if (step == Step::lacks_room) co_await sleep_for(kRoomPoll);
    if (step == Step::more) co_await keep_pace(moving.future->copied_bytes - copied_before);
    if (step == Step::caught_up) step = co_await finish(moving);
  }
  Partition* partition = step == Step::failed ? find(moving) : nullptr;
  if (partition != nullptr) {
    log::error("gave up a move, for the reason above partition={}", moving.name.to_string());
    partitions_.drop_future(*partition);
  }
  co_return step == Step::caught_up;
}

Task<LogMoves::Step> LogMoves::copy_some(Moving moving) {
  Partition* partition = find(moving);
  if (partition == nullptr) co_return Step::given_up;
  if (!moving.future->directory.health().takes_records()) co_return Step::lacks_room;
  PartitionLog& log = partition->log();
  PartitionLog& copy = *moving.future->log;
  Offset log_end = log.log_end_offset();
  Result<void> aligned = align_start(*partition, copy);
  Result<LogRead> found =
      aligned ? log.read(copy.log_end_offset(), log_end, kChunkBytes, true) : Result<LogRead>(aligned.error());
  Result<Buffer> bytes{Buffer()};
  if (found) {
    auto read = [&found] { return read_all(*found); };
    bytes = co_await in_background(environment_.pool, read);
  }
  partition = find(moving);
  if (partition == nullptr) co_return Step::given_up;
  Result<bool> wants_flush{false};
  if (!found || !bytes) {
    wants_flush = found ? bytes.error() : found.error();
  } else {
    wants_flush = append(*partition, *moving.future, bytes->view());
  }
  if (!wants_flush && !moving.future->directory.health().takes_records()) co_return Step::lacks_room;
  if (!wants_flush) {
    log::error("could not copy a log partition={} reason=\"{}\"", moving.name.to_string(),
               wants_flush.error().message);
    co_return Step::failed;
  }
  // Piece by piece: at the end there would be too much to be synced at once.
  if (*wants_flush) co_return co_await flush(moving);
  co_return copy.log_end_offset() >= log_end ? Step::caught_up : Step::more;
}

Task<LogMoves::Step> LogMoves::flush(Moving moving) {
  Result<FlushJob> job = moving.future->log->prepare_flush();
  auto run = [&job] { return job ? job->run() : Result<void>(job.error()); };
  Result<void> flushed = co_await in_background(environment_.pool, run);
  if (find(moving) == nullptr) co_return Step::given_up;
  if (flushed) {
    moving.future->log->mark_flushed(*job);
    co_return Step::more;
  }
  if (job && job->may_be_repeated) {
    moving.future->log->mark_unflushed(*job);
    co_return Step::lacks_room;
  }
  log::error("could not sync the copy of a log partition={} reason=\"{}\"", moving.name.to_string(),
             flushed.error().message);
  co_return Step::failed;
}

Task<void> LogMoves::keep_pace(uint64_t bytes) {
  auto pause_for = [this, bytes] {
    int64_t rate = live_.get().get(options::replica_alter_log_dirs_io_max_bytes_per_second);
    return pace_.note(bytes, rate, environment_.clock.now());
  };
  Duration pause = co_await on(home_, pause_for);
  Instant until = environment_.clock.now() + pause;
  while (!is_stopping_ && environment_.clock.now() < until) {
    co_await sleep_for(std::min<Duration>(kStopPoll, until - environment_.clock.now()));
  }
}

Result<void> LogMoves::align_start(Partition& partition, PartitionLog& copy) {
  Offset start = partition.log().log_start_offset();
  if (start <= copy.log_start_offset()) return {};
  if (start > copy.log_end_offset()) return copy.truncate_fully_and_start_at(start);
  auto advanced = copy.advance_log_start_offset(start);
  return advanced ? Result<void>() : Result<void>(advanced.error());
}

/// True when the copy should be flushed.
Result<bool> LogMoves::append(Partition& partition, FutureLog& future, Bytes bytes) {
  PartitionLog& copy = *future.log;
  auto first = BatchView::probe(bytes);
  if (!first) return false;
  bool is_empty = copy.log_end_offset() == copy.log_start_offset();
  if (is_empty && first->base_offset() < copy.log_end_offset()) {
    // Records were deleted up to within a batch: the batch is kept as a whole.
    if (auto begun = copy.truncate_fully_and_start_at(first->base_offset()); !begun) return begun.error();
  }
  auto appended = copy.append_as_follower(bytes);
  if (!appended) return appended.error();
  future.copied_bytes += appended->size_bytes;
  if (auto aligned = align_start(partition, copy); !aligned) return aligned.error();
  return appended->wants_flush;
}

Task<LogMoves::Step> LogMoves::finish(Moving moving) {
  Partition* partition = find(moving);
  if (partition == nullptr) co_return Step::given_up;
  const LogDirectory& from = partition->directory();
  std::unique_ptr<PartitionLog> replaced;
  Step step = Step::more;
  std::shared_ptr<AsyncMutex> flushing = partition->flushing();
  {
    // Meanwhile nothing more of the log becomes durable, so that the copy can be no less durable than the log; and
    // the partition is not deleted.
    AsyncMutex::Guard no_flush = co_await flushing->lock();
    step = co_await prepare_swap(moving, from);
    if (step == Step::caught_up) step = swap(moving, replaced);
    if (step == Step::caught_up) {
      co_await settle(moving, from, std::move(replaced));
    } else {
      auto unmark = [&] { return from.unmark_moved(moving.name); };
      Result<void> unmarked = co_await in_background(environment_.pool, unmark);
      if (!unmarked) log::warn("could not remove the mark of a move reason=\"{}\"", unmarked.error().message);
    }
  }
  if (step == Step::caught_up) {
    auto write = [this]() -> Task<void> { return checkpointer_.write_now(); };
    co_await run_on(home_, write());
  }
  co_return step;
}

/// Until the copy has what the log has, and the disk has as much of it.
Task<LogMoves::Step> LogMoves::prepare_swap(Moving moving, const LogDirectory& from) {
  constexpr int kMostTries = 16;  // somebody may write faster than this copies
  Step step = Step::more;
  for (int tries = 0; step == Step::more && tries < kMostTries; ++tries) {
    step = co_await copy_some(moving);
    Partition* partition = find(moving);
    if (step != Step::caught_up || partition == nullptr) continue;
    bool is_as_durable = moving.future->log->recovery_point() >= partition->log().recovery_point();
    if (!is_as_durable) step = co_await flush(moving);
  }
  if (step != Step::caught_up) co_return step;
  auto mark = [&] { return from.mark_moved(moving.name, moving.future->directory); };
  Result<void> marked = co_await in_background(environment_.pool, mark);
  if (marked) co_return find(moving) == nullptr ? Step::given_up : Step::caught_up;
  if (may_pass(marked.error())) co_return Step::lacks_room;
  log::error("could not end a move partition={} reason=\"{}\"", moving.name.to_string(), marked.error().message);
  co_return Step::failed;
}

LogMoves::Step LogMoves::swap(const Moving& moving, std::unique_ptr<PartitionLog>& replaced) {
  Partition* partition = find(moving);
  if (partition == nullptr) return Step::given_up;
  Result<bool> has_all = copy_rest(*partition, *moving.future);
  if (has_all && !*has_all) return Step::more;
  auto swapped =
      has_all ? partition->replace_log_by_future() : Result<std::unique_ptr<PartitionLog>>(has_all.error());
  if (!swapped) {
    log::error("could not end a move partition={} reason=\"{}\"", moving.name.to_string(), swapped.error().message);
    return Step::failed;
  }
  replaced = std::move(*swapped);
  return Step::caught_up;
}

/// False when it is too much to be copied without letting the shard do its other work.
Result<bool> LogMoves::copy_rest(Partition& partition, FutureLog& future) {
  PartitionLog& log = partition.log();
  PartitionLog& copy = *future.log;
  for (int pieces = 0; copy.log_end_offset() < log.log_end_offset(); ++pieces) {
    if (pieces == kMostPieces) return false;
    auto found = log.read(copy.log_end_offset(), log.log_end_offset(), kChunkBytes, true);
    if (!found) return found.error();
    auto bytes = read_all(*found);
    if (!bytes) return bytes.error();
    Offset before = copy.log_end_offset();
    auto appended = append(partition, future, bytes->view());
    if (!appended) return appended.error();
    if (copy.log_end_offset() == before) {
      return Error{make_error_code(ErrorCode::kafka_storage_error), "there is a gap in the log"};
    }
  }
  if (auto aligned = align_start(partition, copy); !aligned) return aligned.error();
  return true;
}

/// Puts the replaced log away, once it is certain that the other one is there after a loss of power, and that it
/// begins where this one did.
Task<void> LogMoves::settle(Moving moving, const LogDirectory& from, std::unique_ptr<PartitionLog> replaced) {
  const LogDirectory& to = moving.future->directory;
  log::info("moved partition={} from={} to={}", moving.name.to_string(), from.path(), to.path());
  Offset start = replaced->log_start_offset();
  Uuid unique = Uuid::from_random(environment_.random.sixteen_bytes());
  std::string retired = from.path() + "/" + deleted_directory_name(moving.name, unique);
  auto put_away = [&]() -> Result<void> {
    if (auto synced = to.files().sync_directory(to.path()); !synced) return synced;
    if (start > Offset(0)) {
      auto written = to.checkpoints().set(CheckpointKind::log_start, moving.name, start);
      if (!written) return written;
    }
    return replaced->retire(retired);
  };
  Result<void> done = co_await in_background(environment_.pool, put_away);
  for (int tries = 1; !done && may_pass(done.error()) && tries < kTriesToSettle && !is_stopping_; ++tries) {
    co_await sleep_for(kRoomPoll);
    done = co_await in_background(environment_.pool, put_away);
  }
  if (!done) {
    log::warn(
        "could not put aside the log of a partition that was moved, the next start will partition={} reason=\"{}\"",
        moving.name.to_string(), done.error().message);
    retired.clear();
  }
  Partition* partition = partitions_.find(moving.name);
  Duration delay = bounded_ms(partition == nullptr ? 0 : partition->settings().file_delete_delay_ms);
  co_await run_on(home_, partitions_.note_moved(moving.name, from, to, std::move(retired), delay));
}

}  // namespace gregor
