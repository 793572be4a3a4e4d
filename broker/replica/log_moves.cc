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

Task<void> LogMoves::resume() {
  for (LogDirectory* directory : environment_.directories) {
    if (directory->health().is_offline()) continue;
    for (const FutureDirectory& found : directory->futures()) co_await resume_one(found, *directory);
  }
}

Task<void> LogMoves::resume_one(FutureDirectory found, const LogDirectory& directory) {
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
    auto future = std::make_shared<FutureLog>(FutureLog{directory, std::move(*opened)});
    // What the log lost in a crash the copy must not have.
    if (auto cut = future->log->truncate_to(partition->log().log_end_offset()); !cut) return cut.error();
    partition->set_future(future);
    return future;
  };
  auto future = co_await on(shard, install);
  if (!future) {
    log::error("could not go on with a move between log directories path={} reason=\"{}\"", found.path,
               future.error().message);
    co_return;
  }
  enqueue({found.partition, *future});
}

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
  auto make = [&] { return make_future(name, destination, found); };
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
  return std::make_shared<FutureLog>(FutureLog{destination, std::move(*opened)});
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
  while (step == Step::more) step = co_await copy_some(moving);
  if (step == Step::caught_up) step = co_await finish(moving);
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
  if (!moving.future->directory.health().takes_records()) {
    // It goes on when there is room again; of an offline one the partition will have heard by then.
    co_await sleep_for(kRoomPoll);
    co_return Step::more;
  }
  PartitionLog& log = partition->log();
  Result<void> aligned = align_start(*partition, *moving.future->log);
  Result<LogRead> found =
      aligned ? log.read(moving.future->log->log_end_offset(), log.log_end_offset(), kChunkBytes, true)
              : Result<LogRead>(aligned.error());
  Result<Buffer> bytes{Buffer()};
  if (found) {
    auto read = [&found] { return read_all(*found); };
    bytes = co_await in_background(environment_.pool, read);
  }
  partition = find(moving);
  if (partition == nullptr) co_return Step::given_up;
  Result<void> appended = !found   ? Result<void>(found.error())
                          : !bytes ? Result<void>(bytes.error())
                                   : Result<void>();
  if (appended) appended = append(*partition, *moving.future->log, bytes->view());
  if (!appended && !moving.future->directory.health().takes_records()) co_return Step::more;
  if (!appended) {
    log::error("could not copy a log partition={} reason=\"{}\"", moving.name.to_string(),
               appended.error().message);
    co_return Step::failed;
  }
  if (found->size_bytes < kChunkBytes) co_return Step::caught_up;
  uint64_t size = found->size_bytes;
  auto pause_for = [this, size] {
    int64_t rate = live_.get().get(options::replica_alter_log_dirs_io_max_bytes_per_second);
    return pace_.note(size, rate, environment_.clock.now());
  };
  Duration pause = co_await on(home_, pause_for);
  Instant until = environment_.clock.now() + pause;
  while (!is_stopping_ && environment_.clock.now() < until) {
    co_await sleep_for(std::min<Duration>(kStopPoll, until - environment_.clock.now()));
  }
  co_return Step::more;
}

Result<void> LogMoves::align_start(Partition& partition, PartitionLog& copy) {
  Offset start = partition.log().log_start_offset();
  if (start <= copy.log_start_offset()) return {};
  if (start > copy.log_end_offset()) return copy.truncate_fully_and_start_at(start);
  auto advanced = copy.advance_log_start_offset(start);
  return advanced ? Result<void>() : Result<void>(advanced.error());
}

Result<void> LogMoves::append(Partition& partition, PartitionLog& copy, Bytes bytes) {
  auto first = BatchView::probe(bytes);
  if (!first) return {};
  bool is_empty = copy.log_end_offset() == copy.log_start_offset();
  if (is_empty && first->base_offset() < copy.log_end_offset()) {
    // Records were deleted up to within a batch: the batch is kept as a whole.
    if (auto begun = copy.truncate_fully_and_start_at(first->base_offset()); !begun) return begun;
  }
  auto appended = copy.append_as_follower(bytes);
  if (!appended) return appended.error();
  return align_start(partition, copy);
}

Task<LogMoves::Step> LogMoves::finish(Moving moving) {
  Partition* partition = find(moving);
  if (partition == nullptr) co_return Step::given_up;
  // Until the end nothing more of the log becomes durable, so that the copy can be no less durable than the log.
  std::shared_ptr<AsyncMutex> flushing = partition->flushing();
  AsyncMutex::Guard no_flush = co_await flushing->lock();
  partition = find(moving);
  if (partition == nullptr) co_return Step::given_up;
  const LogDirectory* from = &partition->directory();
  const LogDirectory* to = &moving.future->directory;
  Result<FlushJob> job = moving.future->log->prepare_flush();
  auto flush = [&]() -> Result<void> {
    if (!job) return job.error();
    if (auto run = job->run(); !run) return run;
    return from->mark_moved(moving.name, *to);
  };
  Result<void> flushed = co_await in_background(environment_.pool, flush);
  Step step = flushed ? Step::more : Step::failed;
  if (flushed && find(moving) != nullptr) moving.future->log->mark_flushed(*job);
  while (step == Step::more) step = co_await copy_some(moving);
  partition = find(moving);
  if (step != Step::caught_up || partition == nullptr) {
    auto unmark = [&] { return from->unmark_moved(moving.name); };
    (void)co_await in_background(environment_.pool, unmark);
    co_return partition == nullptr ? Step::given_up : step;
  }
  // From here on in one go: nobody may append in between.
  Result<void> replaced = copy_rest(*partition, *moving.future->log);
  Uuid unique = Uuid::from_random(environment_.random.sixteen_bytes());
  std::string retired = from->path() + "/" + deleted_directory_name(moving.name, unique);
  if (replaced) replaced = partition->replace_log_by_future(retired);
  if (!replaced) {
    log::error("could not end a move partition={} reason=\"{}\"", moving.name.to_string(),
               replaced.error().message);
    co_return Step::failed;
  }
  Duration delay = bounded_ms(partition->settings().file_delete_delay_ms);
  co_await run_on(home_, settle(moving.name, from, to, std::move(retired), delay));
  co_return Step::caught_up;
}

Result<void> LogMoves::copy_rest(Partition& partition, PartitionLog& copy) {
  PartitionLog& log = partition.log();
  while (copy.log_end_offset() < log.log_end_offset()) {
    auto found = log.read(copy.log_end_offset(), log.log_end_offset(), kChunkBytes, true);
    if (!found) return found.error();
    auto bytes = read_all(*found);
    if (!bytes) return bytes.error();
    Offset before = copy.log_end_offset();
    if (auto appended = append(partition, copy, bytes->view()); !appended) return appended;
    if (copy.log_end_offset() == before) {
      return Error{make_error_code(ErrorCode::kafka_storage_error), "there is a gap in the log"};
    }
  }
  return align_start(partition, copy);
}

Task<void> LogMoves::settle(TopicPartition name, const LogDirectory* from, const LogDirectory* to,
                            std::string retired, Duration delay) {
  log::info("moved partition={} from={} to={}", name.to_string(), from->path(), to->path());
  co_await partitions_.note_moved(name, *from, *to, std::move(retired), delay);
  co_await checkpointer_.write_now();
}

}  // namespace gregor
