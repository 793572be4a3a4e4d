#include "broker/replica/partition.h"

#include <algorithm>

#include "runtime/bounded_ms.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

std::string text_of(const std::vector<BrokerId>& brokers) {
  std::string text;
  for (BrokerId id : brokers) text += (text.empty() ? "" : ",") + std::to_string(id.value);
  return "[" + text + "]";
}

Error error_of(ErrorCode code, const TopicPartition& name) {
  return Error{make_error_code(code), std::string(name_of(code)) + " " + name.to_string()};
}

}  // namespace

Partition::Partition(BrokerId self, const Clock& clock, const LogDirectory& directory,
                     std::unique_ptr<PartitionLog> log, Offset high_watermark, PartitionSettings settings)
    : self_(self),
      clock_(clock),
      directory_(&directory),
      log_(std::move(log)),
      settings_(std::move(settings)),
      high_watermark_(self, std::clamp(high_watermark, log_->log_start_offset(), log_->log_end_offset())) {}

void Partition::reconfigure(PartitionSettings settings) {
  settings_ = std::move(settings);
  log_->set_config(settings_.log);
}

Result<void> Partition::apply(const PartitionState& state, PartitionSettings settings) {
  if (failure_) return *failure_;
  if (state.leader_epoch < leader_epoch_) return error_of(ErrorCode::stale_controller_epoch, name());
  const auto& known_id = log_->topic_id();
  if (known_id && !state.topic_id.is_zero() && *known_id != state.topic_id) {
    return error_of(ErrorCode::inconsistent_topic_id, name());
  }
  if (!known_id && !state.topic_id.is_zero()) {
    if (auto written = log_->set_topic_id(state.topic_id); !written) return written.error();
  }
  reconfigure(std::move(settings));
  bool stays_leader = is_leader() && state.leader == self_;
  if (state.leader_epoch > leader_epoch_) epoch_start_ = log_->log_end_offset();
  leader_ = state.leader;
  leader_epoch_ = state.leader_epoch;
  replicas_ = state.replicas;
  is_suspended_ = false;
  if (stays_leader) {
    keep_leading(state.in_sync);
    return {};
  }
  if (leader_ == self_) {
    log_->begin_epoch(leader_epoch_);
    high_watermark_.begin_leading(state.in_sync, log_->log_end_offset());
    log::info("became leader partition={} epoch={} isr={} log_end={}", name().to_string(), leader_epoch_.value,
              text_of(state.in_sync), log_->log_end_offset().value);
  } else {
    log::info("is not leader partition={} epoch={} leader={}", name().to_string(), leader_epoch_.value,
              leader_.value);
  }
  wake_all();
  return {};
}

void Partition::keep_leading(const std::vector<BrokerId>& in_sync) {
  log_->begin_epoch(leader_epoch_);
  if (!high_watermark_.set_in_sync(in_sync)) return;
  end_replicated_waits();
  wake_fetches();
}

void Partition::suspend() {
  is_suspended_ = true;
  wake_all();
}

void Partition::fail(Error error) {
  failure_ = std::move(error);
  wake_all();
}

void Partition::wake_all() {
  replication_waiters_.end_all(ErrorCode::not_leader_or_follower);
  wake_fetches();
}

size_t Partition::waiting_fetches() const {
  auto is_waiting = [](const auto& waiter) { return !waiter->is_done(); };
  return static_cast<size_t>(std::count_if(fetch_waiters_.begin(), fetch_waiters_.end(), is_waiting));
}

void Partition::wake_fetches() {
  for (auto& waiter : fetch_waiters_) waiter->on_change();
  fetch_waiters_.clear();
}

ErrorCode Partition::check_leader(LeaderEpoch epoch) const {
  if (failure_) return ErrorCode::kafka_storage_error;
  if (epoch != kNoEpoch && epoch < leader_epoch_) return ErrorCode::fenced_leader_epoch;
  if (epoch != kNoEpoch && epoch > leader_epoch_) return ErrorCode::unknown_leader_epoch;
  return is_leader() ? ErrorCode::none : ErrorCode::not_leader_or_follower;
}

bool Partition::has_enough_in_sync() const {
  return static_cast<int32_t>(high_watermark_.in_sync().size()) >= settings_.min_insync_replicas;
}

ProduceOutcome Partition::append_as_leader(std::span<uint8_t> records, bool needs_all, bool allows_zstd) {
  if (ErrorCode error = check_leader(kNoEpoch); error != ErrorCode::none)
    return {error_of(error, name()), {}, false};
  if (needs_all && !has_enough_in_sync()) {
    return {
        Error{make_error_code(ErrorCode::not_enough_replicas),
              fmt::format("The size of the current ISR {} is insufficient to satisfy the min.isr requirement of {} "
                          "for partition {}",
                          text_of(high_watermark_.in_sync()), settings_.min_insync_replicas, name().to_string())},
        {},
        false};
  }
  if (!directory_->health().takes_records()) return {directory_->health().error(), {}, false};
  ProduceRules rules = settings_.produce_rules;
  rules.allows_zstd = allows_zstd;
  rules.now_ms = clock_.wall_ms();
  ProduceValidation validation = validate_produced(records, rules);
  if (!validation.batch) return {validation.batch.error(), std::move(validation.record_errors), false};
  AppendRules append_rules{AppendOrigin::client, !settings_.verifies_transactions};
  auto appended = log_->append_as_leader(*validation.batch, leader_epoch_, append_rules);
  if (!appended) return {appended.error(), {}, false};
  Offset end = appended->last_offset + 1;
  if (high_watermark_.on_log_end(self_, end)) on_high_watermark_risen(appended->size_bytes);
  ProduceOutcome outcome{std::move(appended), {}, high_watermark_.value() >= end};
  outcome.needs_flush = end - log_->recovery_point() >= settings_.flush_messages;
  if (settings_.flush_ms != INT64_MAX && !unflushed_since_) unflushed_since_ = clock_.now();
  return outcome;
}

bool Partition::is_flush_due() const {
  if (failure_ || log_->recovery_point() >= log_->log_end_offset()) return false;
  return unflushed_since_ && clock_.now() - *unflushed_since_ >= bounded_ms(settings_.flush_ms);
}

void Partition::note_flushed(const FlushJob& job) {
  log_->mark_flushed(job);
  unflushed_since_.reset();
  bool has_more = settings_.flush_ms != INT64_MAX && log_->recovery_point() < log_->log_end_offset();
  if (has_more) unflushed_since_ = clock_.now();
}

std::vector<PartitionSize> Partition::sizes() const {
  std::vector<PartitionSize> sizes{{name(), directory_, log_->size_bytes(), 0, false}};
  if (!future_) return sizes;
  int64_t lag = log_->log_end_offset() - future_->log->log_end_offset();
  sizes.push_back({name(), &future_->directory, future_->log->size_bytes(), std::max<int64_t>(lag, 0), true});
  return sizes;
}

Result<std::unique_ptr<PartitionLog>> Partition::replace_log_by_future() {
  ASSERT(future_ && future_->log->log_end_offset() == log_->log_end_offset());
  std::string path = future_->directory.path_of(name());
  if (future_->directory.files().exists(path)) {
    return Error{make_error_code(ErrorCode::kafka_storage_error), "something else is there already: " + path};
  }
  if (auto renamed = future_->log->rename_directory(path); !renamed) return renamed.error();
  std::unique_ptr<PartitionLog> replaced = std::exchange(log_, std::move(future_->log));
  directory_ = &future_->directory;
  future_.reset();
  log_->set_config(settings_.log);
  if (is_leader()) log_->begin_epoch(leader_epoch_);
  return replaced;
}

Result<size_t> Partition::apply_retention() {
  if (failure_) return *failure_;
  auto removed = log_->apply_retention(settings_.retention, high_watermark_.value());
  if (removed && *removed > 0) wake_fetches();  // what they have read may be gone
  return removed;
}

Result<Offset> Partition::delete_records(Offset up_to) {
  if (ErrorCode error = check_leader(kNoEpoch); error != ErrorCode::none) return error_of(error, name());
  if (!settings_.is_deleted_by_age) {
    return Error{make_error_code(ErrorCode::policy_violation),
                 "Records of partition " + name().to_string() +
                     " can not be deleted due to the configured policy: its cleanup.policy lacks delete"};
  }
  Offset start = up_to == kNoOffset ? high_watermark_.value() : up_to;
  if (start < Offset(0) || start > high_watermark_.value()) {
    return Error{make_error_code(ErrorCode::offset_out_of_range),
                 fmt::format("Cannot increment the log start offset to {} of partition {} since it is larger than "
                             "the high watermark {}",
                             start.value, name().to_string(), high_watermark_.value().value)};
  }
  auto advanced = log_->advance_log_start_offset(start);
  if (!advanced) return advanced.error();
  if (*advanced) wake_fetches();  // what they have read may be gone
  return log_->log_start_offset();
}

ErrorCode Partition::replicated_outcome() const {
  return has_enough_in_sync() ? ErrorCode::none : ErrorCode::not_enough_replicas_after_append;
}

void Partition::end_replicated_waits() {
  replication_waiters_.on_reached(high_watermark_.value(), replicated_outcome());
}

Offset Partition::last_stable_offset() {
  Offset high_watermark = high_watermark_.value();
  return std::min(high_watermark, log_->first_unstable_offset(high_watermark).value_or(high_watermark));
}

void Partition::on_high_watermark_risen(uint64_t bytes) {
  end_replicated_waits();
  // The end of a transaction makes more readable than its own bytes.
  if (log_->producers().first_unstable_offset()) {
    (void)log_->first_unstable_offset(high_watermark_.value());
    wake_fetches();
  }
  std::erase_if(fetch_waiters_, [&](const auto& waiter) {
    waiter->on_readable(static_cast<int64_t>(bytes));
    return waiter->is_done();
  });
}

Task<ErrorCode> Partition::wait_until_replicated(Offset end, Duration timeout) {
  // Since the append leadership may have gone; nobody would end the wait then.
  if (ErrorCode error = check_leader(kNoEpoch); error != ErrorCode::none) co_return error;
  if (high_watermark_.value() >= end) co_return replicated_outcome();
  ErrorCode outcome = co_await replication_waiters_.wait(end, timeout);
  co_return outcome;
}

std::optional<EpochEnd> Partition::divergence(const ReadRequest& request) const {
  if (request.last_fetched_epoch == kNoEpoch) return std::nullopt;
  auto end = log_->end_offset_for_epoch(request.last_fetched_epoch);
  if (!end) return EpochEnd{kNoEpoch, kNoOffset};
  bool agrees = end->epoch == request.last_fetched_epoch && end->end_offset >= request.fetch_offset;
  return agrees ? std::nullopt : end;
}

Result<ReadOutcome> Partition::read(const ReadRequest& request) {
  if (ErrorCode error = check_leader(request.current_leader_epoch); error != ErrorCode::none) {
    return error_of(error, name());
  }
  ReadOutcome outcome;
  outcome.high_watermark = high_watermark_.value();
  outcome.last_stable_offset = last_stable_offset();
  outcome.log_start_offset = log_->log_start_offset();
  if (request.read_committed) outcome.aborted_transactions.emplace();
  if (auto diverging = divergence(request)) {
    bool is_before_start = request.fetch_offset < log_->log_start_offset();
    if (diverging->epoch == kNoEpoch || is_before_start) return error_of(ErrorCode::offset_out_of_range, name());
    outcome.diverging = diverging;
    return outcome;
  }
  // Beyond `end` lies nothing that the consumer may see; beyond the log's end lies nothing at all.
  Offset end = request.read_committed ? outcome.last_stable_offset : outcome.high_watermark;
  if (request.fetch_offset > end && request.fetch_offset <= log_->log_end_offset()) return outcome;
  auto data = log_->read(request.fetch_offset, end, request.max_bytes, request.at_least_one_batch);
  if (!data) return data.error();
  outcome.data = std::move(*data);
  if (!request.read_committed) return outcome;
  auto aborted = log_->aborted_transactions(request.fetch_offset, outcome.data);
  if (!aborted) return aborted.error();
  outcome.aborted_transactions = std::move(*aborted);
  return outcome;
}

Offset Partition::end_seen_by(OffsetsReader reader) {
  switch (reader) {
    case OffsetsReader::consumer:
      return high_watermark_.value();
    case OffsetsReader::committed_consumer:
      return last_stable_offset();
    case OffsetsReader::replica:
      break;
  }
  return log_->log_end_offset();
}

Result<std::optional<TimestampedOffset>> Partition::list_offset(int64_t timestamp, LeaderEpoch current_leader_epoch,
                                                                OffsetsReader reader) {
  using Answer = std::optional<TimestampedOffset>;
  if (ErrorCode error = check_leader(current_leader_epoch); error != ErrorCode::none)
    return error_of(error, name());
  Offset end = end_seen_by(reader);
  // The leader before may have shown more than is known here to be on all replicas.
  bool is_behind = reader != OffsetsReader::replica && high_watermark_.value() < epoch_start_;
  switch (timestamp) {
    case list_offsets::kLatest:
      if (is_behind) return error_of(ErrorCode::offset_not_available, name());
      return Answer({end, kNoTimestamp, leader_epoch_});
    case list_offsets::kEarliest:
    case list_offsets::kEarliestLocal: {
      Offset start = log_->log_start_offset();
      return Answer({start, kNoTimestamp, log_->epoch_of(start).value_or(kNoEpoch)});
    }
    case list_offsets::kLatestTiered:
      return Answer();
    default:
      break;
  }
  auto found =
      timestamp == list_offsets::kMaxTimestamp ? log_->max_timestamp() : log_->offset_for_timestamp(timestamp);
  if (!found || (*found && (*found)->offset < end)) return found;
  if (is_behind) return error_of(ErrorCode::offset_not_available, name());
  return Answer();
}

Result<std::vector<Offset>> Partition::list_offsets_backwards(int64_t timestamp, size_t count,
                                                              OffsetsReader reader) {
  if (ErrorCode error = check_leader(kNoEpoch); error != ErrorCode::none) return error_of(error, name());
  auto marks = log_->time_marks();
  if (!marks) return marks.error();
  auto last = std::find_if(marks->rbegin(), marks->rend(), [timestamp](const TimeMark& mark) {
    return timestamp == list_offsets::kLatest || mark.changed_ms <= timestamp;
  });
  if (timestamp == list_offsets::kEarliest) last = std::prev(marks->rend());
  std::vector<Offset> offsets;
  for (; last != marks->rend() && offsets.size() < count; ++last) offsets.push_back(last->offset);
  std::sort(offsets.begin(), offsets.end(), std::greater<>());
  // What consumers may not see shrinks to one offset, the end of what they may.
  Offset end = reader == OffsetsReader::replica ? log_->log_end_offset() : high_watermark_.value();
  auto beyond = std::find_if(offsets.begin(), offsets.end(), [end](Offset offset) { return offset <= end; });
  if (beyond == offsets.begin()) return offsets;
  *std::prev(beyond) = end;
  offsets.erase(offsets.begin(), std::prev(beyond));
  return offsets;
}

Result<std::optional<EpochEnd>> Partition::end_offset_for_epoch(LeaderEpoch epoch,
                                                                LeaderEpoch current_leader_epoch) {
  if (ErrorCode error = check_leader(current_leader_epoch); error != ErrorCode::none)
    return error_of(error, name());
  return log_->end_offset_for_epoch(epoch);
}

void Partition::add_waiter(std::shared_ptr<FetchWaiter> waiter, Offset seen) {
  if (high_watermark_.value() != seen || check_leader(kNoEpoch) != ErrorCode::none) {
    waiter->on_change();
    return;
  }
  // Fetches that ended by time leave their waiters behind; here they go, so that polling an idle partition costs
  // no memory.
  std::erase_if(fetch_waiters_, [](const auto& other) { return other->is_done(); });
  fetch_waiters_.push_back(std::move(waiter));
}

}  // namespace gregor
