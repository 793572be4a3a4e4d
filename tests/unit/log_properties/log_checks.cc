// What LogMachine asks of its log, and compares with the model.
#include <fmt/format.h>

#include <algorithm>

#include "broker/log/log_files.h"
#include "log_machine.h"

namespace gregor {

std::string LogMachine::bytes_of(const LogRead& found) {
  std::string bytes;
  for (const FileSlice& slice : found.slices) {
    std::vector<uint8_t> part(slice.size);
    auto count = slice.file->read_at(slice.position, part);
    if (!count) return "";
    EXPECT_EQ(*count, slice.size) << "a read names bytes that are not there";
    bytes.append(part.begin(), part.end());
  }
  EXPECT_EQ(bytes.size(), found.size_bytes);
  return bytes;
}

/// The batches from the log's start to its end.
std::vector<std::string> LogMachine::read_everything() {
  std::vector<std::string> batches;
  Offset next = log_->log_start_offset();
  while (next < log_->log_end_offset()) {
    auto found = log_->read(next, log_->log_end_offset(), 1 << 20, true);
    if (!found && disk_.is_stopped()) return {};
    EXPECT_TRUE(found.ok()) << found.error().message;
    if (!found || found->size_bytes == 0) break;
    for (std::string& batch : cut_into_batches(bytes_of(*found))) {
      next = std::max(next, Offset(last_offset_of(batch) + 1));
      batches.push_back(std::move(batch));
    }
  }
  return batches;
}

void LogMachine::check() {
  if (!is_up()) return;
  for (auto part : {&LogMachine::check_bounds, &LogMachine::check_reads, &LogMachine::check_epochs,
                    &LogMachine::check_times, &LogMachine::check_producers, &LogMachine::check_index_files}) {
    (this->*part)();
    if (::testing::Test::HasFatalFailure()) return;
  }
}

void LogMachine::check_bounds() {
  if (!is_up()) return;
  ASSERT_EQ(log_->log_end_offset().value, model_.end());
  ASSERT_EQ(log_->log_start_offset().value, model_.start());
  ASSERT_LE(log_->recovery_point(), log_->log_end_offset());
  std::vector<Offset> begins = log_->segment_base_offsets();
  ASSERT_TRUE(std::is_sorted(begins.begin(), begins.end(), std::less_equal<>()));
  ASSERT_LE(begins.front(), std::max(log_->log_start_offset(), Offset(0)));
}

/// Whatever lies below the recovery point, the disk has it.
void LogMachine::check_recovery_point() {
  if (!is_up()) return;
  int64_t recovery_point = log_->recovery_point().value;
  std::string durable;
  for (Offset base : log_->segment_base_offsets()) {
    if (base.value >= recovery_point) break;
    auto content = disk_.durable_content(segment_file_path(directory_->path_of(kName), base, ".log"));
    if (content) durable.append(content->begin(), content->end());
  }
  int64_t first = log_->segment_base_offsets().front().value;
  for (const BatchPtr& batch : model_.batches()) {
    if (batch->first < first || batch->last >= recovery_point) continue;
    ASSERT_TRUE(durable.starts_with(batch->bytes)) << "the batch at " << batch->first << " may be gone";
    durable.erase(0, batch->bytes.size());
  }
}

/// Whatever offset is asked for, the batch that holds it, or the next one, comes first.
void LogMachine::check_reads() {
  int64_t next = model_.start();
  for (const BatchPtr& batch : model_.readable()) {
    for (int64_t from : {next, std::max(model_.start(), batch->first), batch->last}) {
      auto found = log_->read(Offset(from), log_->log_end_offset(), 1, true);
      ASSERT_TRUE(found.ok()) << found.error().message;
      ASSERT_EQ(bytes_of(*found), batch->bytes) << "a read from " << from;
    }
    next = batch->last + 1;
  }
  for (int64_t outside : {model_.start() - 1, model_.end() + 1}) {
    auto found = log_->read(Offset(outside), log_->log_end_offset(), 1, true);
    ASSERT_TRUE(!found && found.error().is(ErrorCode::offset_out_of_range)) << outside;
  }
}

void LogMachine::read(int64_t from, uint64_t max_bytes) {
  auto found = log_->read(Offset(from), log_->log_end_offset(), max_bytes, true);
  ASSERT_TRUE(found.ok()) << found.error().message;
  std::vector<std::string> pieces = cut_into_batches(bytes_of(*found));
  LogModel::Batches expected = model_.readable();
  std::erase_if(expected, [from](const BatchPtr& batch) { return batch->last < from; });
  ASSERT_LE(pieces.size(), expected.size());
  ASSERT_EQ(pieces.empty(), expected.empty());
  for (size_t i = 0; i < pieces.size(); ++i) {
    bool may_be_cut = i + 1 == pieces.size() && i > 0;
    ASSERT_TRUE(pieces[i] == expected[i]->bytes || (may_be_cut && expected[i]->bytes.starts_with(pieces[i])))
        << "batch at " << expected[i]->first;
  }
  if (pieces.empty()) return;
  const StoredBatch& last = *expected[pieces.size() - 1];
  check_aborted(from, *found, pieces.back() == last.bytes ? last.last + 1 : last.first);
}

/// All aborted transactions with records in [from, end) are told, and none that was not aborted.
void LogMachine::check_aborted(int64_t from, const LogRead& found, int64_t end) {
  auto told = log_->aborted_transactions(Offset(from), found);
  ASSERT_TRUE(told.ok()) << told.error().message;
  auto same = [this](const ProducerModel::Aborted& one, const AbortedTransaction& two) {
    // Of a transaction that began below the log's start, as it was then, the beginning may be forgotten.
    bool begins_alike = one.first == two.first_offset.value ||
                        (one.first < model_.greatest_start() && one.first < two.first_offset.value);
    bool is_stable_alike =
        one.last_stable == two.last_stable_offset.value ||
        (one.last_stable < model_.greatest_start() && one.last_stable < two.last_stable_offset.value);
    return one.producer_id == two.producer_id && one.last == two.last_offset.value && begins_alike &&
           is_stable_alike;
  };
  std::vector<ProducerModel::Aborted> aborted = model_.all_producers().aborted();
  for (const AbortedTransaction& entry : *told) {
    ASSERT_TRUE(std::any_of(aborted.begin(), aborted.end(), [&](const auto& one) { return same(one, entry); }))
        << "producer " << entry.producer_id << " from " << entry.first_offset.value << " to "
        << entry.last_offset.value << " stable " << entry.last_stable_offset.value;
  }
  for (const auto& one : aborted) {
    bool has_records_here = false;
    // The same of records that lay below the start then, and are back because no checkpoint knew of it.
    int64_t first_known = one.first < model_.greatest_start() ? model_.greatest_start() : one.first;
    for (const BatchPtr& batch : model_.readable()) {
      has_records_here =
          has_records_here ||
          (batch->spec.producer_id == one.producer_id && batch->first >= one.first && batch->last <= one.last &&
           batch->last >= std::max(from, first_known) && batch->first < end && batch->spec.is_transactional);
    }
    if (!has_records_here) continue;
    ASSERT_TRUE(std::any_of(told->begin(), told->end(), [&](const auto& entry) { return same(one, entry); }))
        << "producer " << one.producer_id << " from " << one.first << " to " << one.last
        << " is missing in a read from " << from << " to " << end;
  }
}

void LogMachine::check_epochs() {
  LogModel::Batches batches = model_.readable();
  for (size_t i = 0; i < batches.size(); ++i) {
    const StoredBatch& batch = *batches[i];
    LeaderEpoch epoch(batch.leader_epoch);
    for (int64_t offset : {std::max(batch.first, model_.start()), batch.last}) {
      ASSERT_EQ(log_->epoch_of(Offset(offset)).value_or(kNoEpoch), epoch) << "at " << offset;
    }
    if (i + 1 < batches.size() && batches[i + 1]->leader_epoch == batch.leader_epoch) continue;
    auto end = log_->end_offset_for_epoch(epoch);
    ASSERT_TRUE(end.has_value()) << "epoch " << epoch.value;
    ASSERT_EQ(end->epoch, epoch);
    bool is_last = i + 1 == batches.size();
    ASSERT_GE(end->end_offset.value, batch.last + 1) << "epoch " << epoch.value;
    ASSERT_LE(end->end_offset.value, is_last ? model_.end() : batches[i + 1]->first) << "epoch " << epoch.value;
  }
  if (auto begun = model_.begun_epoch()) {
    ASSERT_EQ(log_->latest_epoch().value_or(kNoEpoch).value, *begun);
  }
}

void LogMachine::check_times() {
  auto compare = [](const char* what, int64_t asked, const auto& answer, const auto& expected) {
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    ASSERT_EQ(answer->has_value(), expected.has_value()) << what << " " << asked;
    if (!expected) return;
    ASSERT_EQ((*answer)->offset.value, expected->offset) << what << " " << asked;
    ASSERT_EQ((*answer)->timestamp, expected->timestamp) << what << " " << asked;
  };
  for (const BatchPtr& batch : model_.readable()) {
    for (int64_t asked : {batch->spec.max_timestamp(), batch->spec.max_timestamp() + 1}) {
      if (asked < 0) continue;
      compare("the first record from", asked, log_->offset_for_timestamp(asked), model_.find_timestamp(asked));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
  int64_t first_segment = log_->segment_base_offsets().front().value;
  compare("the youngest record", 0, log_->max_timestamp(), model_.find_max_timestamp(first_segment));
}

void LogMachine::check_producers() {
  const ProducerModel& model = model_.producers();
  ASSERT_EQ(log_->producers().producers().size(), model.producers().size());
  for (const auto& [id, producer] : model.producers()) {
    const ProducerEntry* entry = log_->producers().find(id);
    ASSERT_TRUE(entry != nullptr) << "producer " << id;
    ASSERT_EQ(entry->epoch(), producer.epoch) << "producer " << id;
    ASSERT_EQ(entry->coordinator_epoch(), producer.coordinator_epoch) << "producer " << id;
    ASSERT_EQ(entry->last_sequence(), producer.last_sequence()) << "producer " << id;
    ASSERT_EQ(entry->batch_count(), producer.known.size()) << "producer " << id;
    ASSERT_EQ(entry->transaction_start().value_or(kNoOffset).value, producer.transaction_start.value_or(-1))
        << "producer " << id;
  }
  auto unstable = log_->first_unstable_offset(log_->log_end_offset());
  ASSERT_EQ(unstable.has_value(), model.first_open().has_value());
  if (!unstable) return;
  ASSERT_EQ(unstable->value, std::max(*model.first_open(), model_.start()));
}

void LogMachine::check_index_files() {
  std::vector<Offset> begins = log_->segment_base_offsets();
  for (size_t i = 0; i < begins.size(); ++i) {
    bool is_last = i + 1 == begins.size();
    check_index_file(begins[i].value, is_last ? model_.end() : begins[i + 1].value);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

/// The entries in a segment's index files, which may be fewer than those in memory, by docs/formats.md. A full disk
/// may have cut the last one.
void LogMachine::check_index_file(int64_t base, int64_t next_base) {
  auto path = [&](const char* suffix) {
    return fmt::format("{}/orders-0/{:020}{}", directory_->path(), base, suffix);
  };
  if (!disk_.exists(path(".index"))) return;
  std::map<uint64_t, const StoredBatch*> by_position;
  uint64_t position = 0;
  for (const BatchPtr& batch : model_.batches()) {
    if (batch->first < base || batch->first >= next_base) continue;
    by_position[position] = batch.get();
    position += batch->bytes.size();
  }
  auto number = [](const std::vector<uint8_t>& bytes, size_t at, size_t size) {
    int64_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | bytes[at + i];
    return value;
  };
  const auto& offsets = disk_.content(path(".index"));
  int64_t last = -1;
  for (size_t at = 0; at + 8 <= offsets.size(); at += 8) {
    int64_t offset = base + number(offsets, at, 4);
    auto indexed = by_position.find(static_cast<uint64_t>(number(offsets, at + 4, 4)));
    ASSERT_TRUE(indexed != by_position.end()) << path(".index") << " names a position where no batch begins";
    ASSERT_GT(offset, last) << path(".index");
    ASSERT_GE(offset, indexed->second->last) << path(".index") << " names an offset before its position";
    last = offset;
  }
  const auto& times = disk_.content(path(".timeindex"));
  int64_t latest = -1;
  for (size_t at = 0; at + 12 <= times.size(); at += 12) {
    int64_t timestamp = number(times, at, 8);
    int64_t offset = base + number(times, at + 8, 4);
    ASSERT_GT(timestamp, latest) << path(".timeindex");
    int64_t greatest = -1;
    int64_t holder = -1;
    for (const auto& [where, batch] : by_position) {
      if (batch->last > offset || batch->spec.max_timestamp() <= greatest) continue;
      greatest = batch->spec.max_timestamp();
      holder = batch->last;
    }
    ASSERT_EQ(timestamp, greatest) << path(".timeindex") << " at " << offset;
    ASSERT_EQ(offset, holder) << path(".timeindex");
    latest = timestamp;
  }
}

}  // namespace gregor
