#include "log_machine.h"

#include <fmt/format.h>

#include <algorithm>

namespace gregor {
namespace {

constexpr const char* kDirectory = "/data/logs";

}  // namespace

const char* name_of(Manner manner) {
  switch (manner) {
    case Manner::process_end:
      return "process end";
    case Manner::power_loss:
      return "power loss";
    default:
      return "worst loss";
  }
}

LogMachine::LogMachine(LogConfig config, uint64_t seed) : disk_(seed), config_(config) {
  disk_.put(std::string(kDirectory) + "/.lock", {});
}

void LogMachine::tell(std::string line) { story_.push_back(std::move(line)); }

std::string LogMachine::story() const {
  constexpr size_t kShown = 80;
  std::string text;
  for (size_t i = story_.size() > kShown ? story_.size() - kShown : 0; i < story_.size(); ++i) {
    text += "  " + story_[i] + "\n";
  }
  return text;
}

// Starting and ending.

void LogMachine::start() {
  open_directory();
  if (directory_ == nullptr || ::testing::Test::HasFatalFailure()) return;
  open_log();
  if (log_ == nullptr || ::testing::Test::HasFatalFailure()) return;
  adopt_what_was_found();
  if (is_dead_ || ::testing::Test::HasFatalFailure()) return;
  check();
}

void LogMachine::open_directory() {
  disk_.set_now_ms(clock_.wall);
  auto opened = LogDirectory::open(disk_, kDirectory);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  (*opened)->begin_use();
  if ((*opened)->health().is_offline()) {
    ASSERT_TRUE(disk_.is_stopped()) << "a directory opens whatever happened before";
    is_clean_ = false;  // the mark is gone, or is still there
    return;
  }
  directory_ = std::move(*opened);
  ASSERT_TRUE(may_be_clean_ || !directory_->was_clean_shutdown()) << "claims a clean stop that was not";
  ASSERT_TRUE(directory_->was_clean_shutdown() || !is_clean_) << "forgot a clean stop";
  may_be_clean_ = is_clean_ = false;
  OpenOptions options = directory_->open_options(kName);
  ASSERT_TRUE(recovery_point_.possible.contains(options.recovery_point.value)) << options.recovery_point.value;
  ASSERT_TRUE(log_start_.possible.contains(options.log_start_offset.value)) << options.log_start_offset.value;
  recovery_point_.find(options.recovery_point.value, has_lost_power_);
  log_start_.find(options.log_start_offset.value, has_lost_power_);
}

void LogMachine::open_log() {
  OpenOptions options = directory_->open_options(kName);
  tell(fmt::format("open clean={} recovery_point={} log_start={}", options.clean_shutdown,
                   options.recovery_point.value, options.log_start_offset.value));
  // Nothing that a clean stop closed is lost, whatever became of the power.
  if (options.clean_shutdown) has_lost_power_ = false;
  auto opened =
      PartitionLog::open(directory_->files(), clock_, directory_->path_of(kName), kName, config_, options);
  is_dead_ = !opened;
  if (!opened) {
    ASSERT_TRUE(directory_->health().is_offline() && disk_.is_stopped())
        << "a log opens whatever happened before: " << opened.error().message;
    tell("the disk stopped meanwhile");
    return;
  }
  log_ = std::move(*opened);
  log_->set_config(config_);
}

void LogMachine::adopt_what_was_found() {
  std::vector<std::string> found = read_everything();
  if (::testing::Test::HasFatalFailure()) return;
  if (disk_.is_stopped()) {
    is_dead_ = true;
    return;
  }
  auto loss = has_lost_power_ ? LogModel::Loss::unsynced : LogModel::Loss::nothing;
  std::string problem =
      model_.reopen(found, log_->log_start_offset().value, log_->log_end_offset().value, log_start_.seen, loss);
  ASSERT_EQ(problem, "") << "found [" << log_->log_start_offset().value << ", " << log_->log_end_offset().value
                         << ") recovery point " << recovery_point_.seen;
  has_lost_power_ = false;
  has_restarted_ = true;
  tell(fmt::format("found [{}, {}) in {} segments", model_.start(), model_.end(), log_->segment_count()));
  adopt_producers();
}

void LogMachine::adopt_producers() {
  std::map<int64_t, ProducerModel::Producer> known;
  for (const auto& [id, entry] : log_->producers().producers()) {
    ProducerModel::Producer& producer = known[id];
    producer.epoch = entry.epoch();
    producer.coordinator_epoch = entry.coordinator_epoch();
    if (entry.transaction_start()) producer.transaction_start = entry.transaction_start()->value;
    const ProducedBatch* last = entry.last_batch();
    if (last == nullptr) continue;
    producer.known.push_back(
        {last->first_sequence(), last->last_sequence, last->first_offset().value, last->last_offset.value});
  }
  ProducerModel found = model_of(known);
  ASSERT_TRUE(model_.could_know(found)) << "producers are\n"
                                        << found.to_string() << "all that there ever were\n"
                                        << model_.all_producers().to_string();
  // What it says of batches before the last is tested by sending them again.
  ProducerModel all = model_.all_producers();
  for (auto& [id, producer] : known) {
    size_t count = log_->producers().find(id)->batch_count();
    ProducerModel::Producer told = all.producer(id);
    ASSERT_LE(count, told.known.size()) << "producer " << id;
    if (told.last_offset() == producer.last_offset()) producer.known = told.known;
    if (producer.known.size() > count)
      producer.known.erase(producer.known.begin(), producer.known.end() - static_cast<ptrdiff_t>(count));
  }
  model_.set_producers(model_of(known));
}

void LogMachine::stop_cleanly() {
  if (job_) finish_flush();
  if (!is_up()) return;
  tell("stop cleanly");
  auto closed = log_->close();
  if (!closed) {
    // For want of room: the next start recovers.
    ASSERT_TRUE(is_broken() || disk_fault(closed.error()) != DiskFault::none || directory_->health().is_offline() ||
                !directory_->health().takes_records())
        << closed.error().message;
    tell("could not be closed: " + closed.error().message);
    is_dead_ = true;
    return;
  }
  is_dead_ = true;  // a closed log takes no calls, and a failure below is the end
  // The directory that the log's own directory lies in is synced with this.
  if (!write_recovery_point(log_->recovery_point().value)) return;
  model_.flush();
  if (!write_log_start(log_->log_start_offset().value)) return;
  may_be_clean_ = true;
  is_clean_ = directory_->mark_clean_shutdown().ok();
}

void LogMachine::end(Manner manner) {
  tell(fmt::format("{} after change {}", name_of(manner), disk_.change_count()));
  job_.reset();
  model_.give_up_flush();
  log_.reset();
  directory_.reset();
  is_dead_ = false;
  if (manner == Manner::process_end) disk_.end_process();
  if (manner == Manner::power_loss) disk_.lose_power();
  if (manner == Manner::worst_loss) disk_.lose_everything_unsynced();
  has_lost_power_ = has_lost_power_ || manner != Manner::process_end;
}

bool LogMachine::is_broken() {
  return disk_.is_stopped() || directory_->health().is_offline() || !log_->append_as_follower({}).ok();
}

bool LogMachine::died(const Error& error) {
  tell("failed: " + error.message);
  is_dead_ = is_broken();
  return is_dead_;
}

// Operations.

void LogMachine::append(BatchSpec spec, int32_t leader_epoch) {
  BatchPtr batch = stored_at(spec, model_.end(), leader_epoch);
  tell(fmt::format("append {} at {} epoch={} producer={}/{} sequence={} transactional={} kind={} size={}",
                   spec.count(), batch->first, leader_epoch, spec.producer_id, spec.producer_epoch, spec.sequence,
                   spec.is_transactional, static_cast<int>(spec.kind), batch->bytes.size()));
  AppendRules rules;
  if (spec.is_marker()) rules.origin = AppendOrigin::coordinator;
  auto duplicates = model_.producers().duplicates_of(spec);
  bool is_free = spec.producer_id < 0 || !duplicates.empty();
  ErrorCode refusal = is_free ? ErrorCode::none : model_.producers().check(spec);
  Buffer bytes = encode(spec);
  auto appended = log_->append_as_leader(trusted_batch(bytes.span()), LeaderEpoch(leader_epoch), rules);
  if (refusal != ErrorCode::none) {
    ASSERT_FALSE(appended.ok());
    ASSERT_TRUE(appended.error().is(refusal)) << appended.error().message;
  } else if (appended && !duplicates.empty()) {
    ASSERT_TRUE(appended->is_duplicate);
    bool is_one = std::any_of(duplicates.begin(), duplicates.end(), [&](const auto& duplicate) {
      return appended->first_offset.value == duplicate.first && appended->last_offset.value == duplicate.last;
    });
    ASSERT_TRUE(is_one) << appended->first_offset.value << " to " << appended->last_offset.value;
  } else if (appended) {
    ASSERT_FALSE(appended->is_duplicate);
    ASSERT_EQ(appended->first_offset.value, batch->first);
    ASSERT_EQ(appended->last_offset.value, batch->last);
    model_.append({batch});
  } else if (died(appended.error())) {
    model_.maybe_append({batch});
  } else {
    ASSERT_TRUE(appended.error().is(ErrorCode::kafka_storage_error)) << appended.error().message;
    model_.append_in_vain({batch});
  }
  check_bounds();
}

void LogMachine::append_as_follower(const LogModel::Batches& batches) {
  std::string bytes;
  for (const BatchPtr& batch : batches) bytes += batch->bytes;
  tell(fmt::format("append as follower {} batches at {} to {}", batches.size(), batches.front()->first,
                   batches.back()->last));
  auto appended = log_->append_as_follower(as_bytes(bytes));
  if (appended) {
    ASSERT_EQ(appended->first_offset.value, batches.front()->first);
    ASSERT_EQ(appended->last_offset.value, batches.back()->last);
    model_.append(batches);
  } else if (died(appended.error())) {
    model_.maybe_append(batches);
  } else {
    // What filled a segment may be in before the disk was full.
    auto is_in_place = [&](const BatchPtr& batch) { return batch->last < log_->log_end_offset().value; };
    auto first_in_vain = std::find_if_not(batches.begin(), batches.end(), is_in_place);
    model_.append({batches.begin(), first_in_vain});
    model_.append_in_vain({first_in_vain, batches.end()});
  }
  check_bounds();
}

void LogMachine::roll() {
  tell("roll");
  if (auto rolled = log_->roll(); !rolled) died(rolled.error());
  check_bounds();
}

/// What a broker does before it cuts a log below a start that the checkpoint may have; false when it could not. The
/// log's own start may be lower still, and a greater one would drop records.
bool LogMachine::lower_log_start(int64_t target) {
  bool is_low = *log_start_.possible.rbegin() <= target;
  return is_low || write_log_start(std::min(target, log_->log_start_offset().value));
}

void LogMachine::truncate(int64_t target) {
  tell(fmt::format("truncate to {}", target));
  bool is_below_all = target < log_->segment_base_offsets().front().value;
  if (!lower_log_start(target)) return;
  auto truncated = log_->truncate_to(Offset(target));
  bool goes_fully = is_below_all && target < model_.end();
  if (truncated) {
    goes_fully ? model_.start_anew(target) : model_.truncate(target);
    adopt_producers();
  } else if (died(truncated.error())) {
    goes_fully ? model_.maybe_start_anew(target) : model_.maybe_truncate(target);
  } else {
    FAIL() << "a truncation needs no room: " << truncated.error().message;
  }
  check_bounds();
}

void LogMachine::start_anew(int64_t start) {
  tell(fmt::format("drop everything and start at {}", start));
  if (!lower_log_start(start)) return;
  auto truncated = log_->truncate_fully_and_start_at(Offset(start));
  if (truncated) {
    model_.start_anew(start);
  } else if (died(truncated.error())) {
    model_.maybe_start_anew(start);
  } else {
    FAIL() << "a truncation needs no room: " << truncated.error().message;
  }
  check_bounds();
}

void LogMachine::delete_records(int64_t up_to) {
  tell(fmt::format("delete records up to {}", up_to));
  auto advanced = log_->advance_log_start_offset(Offset(up_to));
  model_.maybe_raise_start(up_to);
  if (!advanced) {
    ASSERT_LE(up_to, model_.end());
    if (died(advanced.error())) return;
    model_.raise_start(log_->log_start_offset().value);
  } else {
    ASSERT_EQ(*advanced, up_to > model_.start());
    model_.raise_start(up_to);
  }
  check_bounds();
}

void LogMachine::apply_retention(const LogRetention& retention, int64_t high_watermark) {
  tell(fmt::format("apply retention max_age={} max_size={} high_watermark={}", retention.max_age_ms,
                   retention.max_size_bytes, high_watermark));
  std::vector<Offset> begins = log_->segment_base_offsets();
  auto removed = log_->apply_retention(retention, Offset(high_watermark));
  if (!removed) {
    model_.maybe_raise_start(high_watermark);
    if (died(removed.error())) return;
  }
  int64_t start = log_->log_start_offset().value;
  ASSERT_LE(start, std::max(high_watermark, model_.start()));
  bool is_segments_begin = std::find(begins.begin(), begins.end(), Offset(start)) != begins.end();
  ASSERT_TRUE(is_segments_begin || start == model_.start() || start == model_.end());
  model_.raise_start(start);
  check_bounds();
}

void LogMachine::begin_epoch(int32_t epoch) {
  tell(fmt::format("begin epoch {}", epoch));
  log_->begin_epoch(LeaderEpoch(epoch));
  model_.begin_epoch(epoch);
}

void LogMachine::prepare_flush() {
  if (job_) finish_flush();
  if (!is_up()) return;
  tell("prepare flush");
  auto job = log_->prepare_flush();
  if (!job) {
    died(job.error());
    return;
  }
  model_.begin_flush();
  job_ = std::move(*job);
}

void LogMachine::finish_flush() {
  if (!job_ || !is_up()) return;
  tell(fmt::format("finish flush up to {}", job_->up_to.value));
  if (auto run = job_->run(); run) {
    model_.end_flush();
    log_->mark_flushed(*job_);
  } else {
    died(run.error());
    model_.give_up_flush();
  }
  job_.reset();
  check_recovery_point();
}

bool LogMachine::write_recovery_point(int64_t offset) {
  tell(fmt::format("write recovery point {}", offset));
  recovery_point_.possible.insert(offset);
  if (auto written = directory_->checkpoints().replace(CheckpointKind::recovery_point, {{kName, Offset(offset)}});
      !written) {
    is_dead_ = is_dead_ || is_broken();
    return false;
  }
  recovery_point_ = {offset, {offset}};
  return true;
}

bool LogMachine::write_log_start(int64_t offset) {
  tell(fmt::format("write log start {}", offset));
  log_start_.possible.insert(offset);
  OffsetCheckpoint offsets;
  if (offset > 0) offsets[kName] = Offset(offset);
  if (auto written = directory_->checkpoints().replace(CheckpointKind::log_start, offsets); !written) {
    is_dead_ = is_dead_ || is_broken();
    return false;
  }
  log_start_ = {offset, {offset}};
  return true;
}

void LogMachine::checkpoint_recovery_point() {
  check_recovery_point();
  if (::testing::Test::HasFatalFailure()) return;
  write_recovery_point(log_->recovery_point().value);
}

void LogMachine::checkpoint_log_start() { write_log_start(log_->log_start_offset().value); }

void LogMachine::remove_deleted_files() {
  std::vector<std::string> paths = log_->take_deleted_files();
  tell(fmt::format("remove {} deleted files", paths.size()));
  for (const std::string& path : paths) {
    ASSERT_TRUE(path.ends_with(".deleted")) << path;
    if (auto removed = directory_->files().remove(path); !removed) {
      died(removed.error());
      return;
    }
  }
}

}  // namespace gregor
