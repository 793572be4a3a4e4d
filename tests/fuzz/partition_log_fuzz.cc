// A partition's directory whose files may hold anything, and what is done with the log afterwards.
//
// Input: pieces. The first says how the log is configured and opened, the others are files of its directory, or
// what is done with the log in turn (see Operation).

#include <algorithm>
#include <string>
#include <vector>

#include "broker/log/partition_log.h"
#include "broker/record/builder.h"
#include "broker/record/validation.h"
#include "broker/types/error_code.h"
#include "tests/fuzz/batch_repair.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/manual_shards.h"
#include "tests/support/memory_file_system.h"

namespace gregor {
namespace {

const std::string kDirectory = "/data/orders-0";
const TopicPartition kName{"orders", 0};
constexpr uint8_t kFirstOperation = 0x40;
constexpr uint64_t kEverything = 1 << 30;

enum FileKind : uint8_t {
  log,
  offset_index,
  time_index,
  txn_index,
  snapshot,
  leader_epochs,
  metadata,
  named,
  kinds
};
enum Operation : uint8_t {
  append_as_leader,
  append_as_follower,
  read,
  find_timestamp,
  truncate,
  start_anew,
  advance_start,
  roll,
  retain,
  flush,
  pass_time,
  begin_epoch,
  set_topic_id,
  reopen_clean,
  reopen_unclean,
  lose_power,
  operations
};

/// Small numbers stand for themselves, others for what is near the greatest offset.
Offset offset_of(int16_t number) { return Offset(number >= 0 ? number : INT64_MAX + (number + 1)); }

struct StoredBatch {
  Offset base_offset;
  Offset next_offset;
  std::string bytes;

  friend bool operator==(const StoredBatch&, const StoredBatch&) = default;
};

/// What a consumer would get, as far as it is a log of batches.
using Content = std::vector<StoredBatch>;

Content below(Content content, Offset end) {
  std::erase_if(content, [end](const StoredBatch& batch) { return batch.next_offset > end; });
  return content;
}

class Scenario {
 public:
  explicit Scenario(Bytes input) : input_(input) {}

  void run() {
    ASSERT(files_.create_directories("/data").ok() && files_.sync_directory("/").ok());
    configure(fuzz::FuzzInput(input_.piece()));
    std::vector<Bytes> operations_wanted;
    while (!input_.at_end()) {
      Bytes piece = input_.piece();
      if (piece.empty()) continue;
      if (piece[0] < kFirstOperation) {
        put_file(fuzz::FuzzInput(piece));
      } else {
        operations_wanted.push_back(piece);
      }
    }
    // What was closed properly, or lies below the recovery point, is not read at once: it may be unsound.
    is_sound_ = !options_.clean_shutdown && options_.recovery_point == Offset(0);
    if (!open()) return;
    check();
    for (Bytes piece : operations_wanted) {
      do_one(fuzz::FuzzInput(piece));
      if (!log_) return;
    }
    check();
    reopen_cleanly();
  }

 private:
  void configure(fuzz::FuzzInput setup) {
    uint8_t flags = setup.byte();
    options_.clean_shutdown = flags & 1;
    repairs_ = !(flags & 2);
    if (flags & 4) options_.recovery_point = offset_of(setup.int16());
    if (flags & 8) options_.log_start_offset = offset_of(setup.int16());
    config_.preallocate = flags & 16;
    config_.segment_size_bytes = 256 + setup.byte() * 16;
    config_.index_interval_bytes = setup.byte() * 8;
    config_.index_size_max_bytes = 12 + setup.byte() * 4;
    config_.segment_ms = 3'600'000;
  }

  void put_file(fuzz::FuzzInput piece) {
    auto kind = piece.byte() % kinds;
    if (kind == named) {
      Bytes name = piece.piece();
      bool is_name = !name.empty() && as_text(name).find('/') == std::string_view::npos && as_text(name)[0] != '.';
      if (is_name && as_text(name).find('\0') == std::string_view::npos) {
        files_.put(kDirectory + "/" + std::string(as_text(name)), piece.rest());
      }
      return;
    }
    if (kind == leader_epochs) return files_.put(kDirectory + "/leader-epoch-checkpoint", piece.rest());
    if (kind == metadata) return files_.put(kDirectory + "/partition.metadata", piece.rest());
    constexpr std::string_view kSuffixes[] = {file_suffix::kLog, file_suffix::kOffsetIndex, file_suffix::kTimeIndex,
                                              file_suffix::kTransactionIndex, file_suffix::kSnapshot};
    Offset base = offset_of(piece.int16());
    Buffer content = Buffer::copy_of(piece.rest());
    if (kind == FileKind::log && repairs_) fuzz::repair_checksums(content.span());
    files_.put(segment_file_path(kDirectory, base, kSuffixes[kind]), content.view());
  }

  bool open() {
    auto opened = PartitionLog::open(files_, clock_, kDirectory, kName, config_, options_);
    if (!opened) {
      expect_reason(opened.error());
      log_.reset();
      return false;
    }
    log_ = std::move(*opened);
    ASSERT(log_->log_start_offset() <= log_->log_end_offset());
    ASSERT(log_->recovery_point() <= log_->log_end_offset() || !is_sound_);
    return true;
  }

  static void expect_reason(const Error& error) {
    ASSERT(error.code && !error.message.empty());
    ASSERT(kafka_code(error.code) != ErrorCode::unknown_server_error);
  }

  // --- properties ---

  /// Reads the log from one end to the other.
  Content content() {
    Content content;
    Offset next = log_->log_start_offset();
    Offset least;
    uint64_t size = 0;
    while (next < log_->log_end_offset()) {
      auto found = log_->read(next, log_->log_end_offset(), kEverything, true);
      if (!found) {
        expect_reason(found.error());
        ASSERT(!is_sound_);
        return content;
      }
      std::string bytes = bytes_of(*found);
      BatchIterator batches(as_bytes(bytes));
      Offset before = next;
      while (auto batch = batches.next()) {
        if (is_sound_) ASSERT(batch->is_intact() && batch->last_offset() >= batch->base_offset());
        if (is_sound_) ASSERT(batch->base_offset() >= least && batch->last_offset() >= next);
        if (batch->last_offset().value == INT64_MAX) return content;
        if (batch->last_offset() < next) continue;
        next = least = batch->next_offset();
        size += batch->size();
        content.push_back({batch->base_offset(), next, std::string(as_text(batch->bytes()))});
      }
      if (next == before) break;
    }
    // A log may end behind a gap: its last segment is empty and begins later, or it was cut there.
    has_gap_at_end_ = next < log_->log_end_offset();
    bool is_read_from_its_begin = log_->log_start_offset() == log_->segment_base_offsets().front();
    if (is_sound_ && is_read_from_its_begin) ASSERT(size == log_->size_bytes());
    return content;
  }

  static std::string bytes_of(const LogRead& found) {
    std::string bytes;
    uint64_t size = 0;
    for (const FileSlice& slice : found.slices) {
      std::vector<uint8_t> part(slice.size);
      auto count = slice.file->read_at(slice.position, part);
      ASSERT(count.ok() && *count == slice.size);
      bytes.append(part.begin(), part.end());
      size += slice.size;
    }
    ASSERT(size == found.size_bytes);
    return bytes;
  }

  void check() {
    Content all = content();
    ASSERT(log_->segment_count() == log_->segment_base_offsets().size());
    auto begins = log_->segment_base_offsets();
    ASSERT(std::is_sorted(begins.begin(), begins.end()));
    if (!is_sound_) return;
    for (const StoredBatch& batch : all) {
      auto epoch = log_->epoch_of(batch.base_offset);
      if (epoch) ASSERT(epoch->value >= 0);
    }
  }

  // --- operations ---

  void do_one(fuzz::FuzzInput arguments) {
    auto operation = (arguments.byte() - kFirstOperation) % operations;
    switch (operation) {
      case append_as_leader:
        return lead(arguments);
      case append_as_follower:
        return follow(arguments);
      case read:
        return read_some(arguments);
      case find_timestamp:
        return find_time(arguments);
      case truncate:
        return change(log_->truncate_to(near(arguments.int16())));
      case start_anew:
        return change(log_->truncate_fully_and_start_at(Offset(arguments.int16() & INT16_MAX)));
      case advance_start:
        return change(log_->advance_log_start_offset(near(arguments.int16())));
      case roll:
        return change(log_->roll());
      case retain:
        return change(
            log_->apply_retention({arguments.int16() * 1000, arguments.int16()}, near(arguments.int16())));
      case flush:
        return flush_all();
      case pass_time:
        clock_.move_to(clock_.now() + std::chrono::milliseconds(arguments.int32() & INT32_MAX));
        return log_->expire_producers();
      case begin_epoch:
        return log_->begin_epoch(LeaderEpoch(arguments.int16() & INT16_MAX));
      case set_topic_id: {
        Uuid id;
        id.bytes.fill(arguments.byte());
        return change(log_->set_topic_id(id));
      }
      case reopen_clean:
        return reopen_cleanly();
      case reopen_unclean:
        return reopen_uncleanly();
      case lose_power:
        return lose_power_and_reopen();
    }
  }

  /// An offset within the log, or a little outside of it.
  Offset near(int16_t number) {
    int64_t size = log_->log_end_offset() - log_->log_start_offset();
    if (size > INT16_MAX) return log_->log_end_offset() + std::min<int64_t>(number, 0);
    return std::max(Offset(0), log_->log_start_offset() + number % (size + 2));
  }

  template <class T>
  void change(const Result<T>& outcome) {
    if (!outcome) expect_reason(outcome.error());
    ASSERT(log_->log_start_offset() <= log_->log_end_offset());
  }

  void lead(fuzz::FuzzInput& arguments) {
    uint8_t flags = arguments.byte();
    BatchOptions options;
    options.codec = static_cast<Compression>(flags % 5);
    if (flags & 0x10) {
      options.producer_id = arguments.byte() % 4;
      options.producer_epoch = arguments.byte() % 4;
      options.base_sequence = arguments.byte() % 16;
      options.is_transactional = flags & 0x20;
    }
    int64_t timestamp = clock_.wall_ms() + arguments.int16() * 1000;
    BatchBuilder builder(options);
    for (int count = flags >> 6; count >= 0; --count) builder.add(timestamp++, "key", as_text(arguments.piece()));
    Buffer batch = builder.build();
    if (log_->log_end_offset() > Offset(INT64_MAX / 2)) return;  // nobody ever gets there
    auto epoch = LeaderEpoch(std::max<int32_t>(0, log_->latest_epoch().value_or(LeaderEpoch(0)).value));
    append(log_->append_as_leader(trusted_batch(batch.span()), epoch));
  }

  void follow(fuzz::FuzzInput& arguments) {
    bool comes_next = arguments.byte() & 1;
    Buffer batches = Buffer::copy_of(arguments.rest());
    auto first = BatchView::probe(batches.view());
    if (comes_next && first) patch_base_offset(batches.span(), log_->log_end_offset());
    if (repairs_) fuzz::repair_checksums(batches.span());
    append(log_->append_as_follower(batches.view()));
  }

  void append(const Result<AppendInfo>& outcome) {
    if (!outcome) return expect_reason(outcome.error());
    if (outcome->is_duplicate) return;
    ASSERT(outcome->last_offset + 1 == log_->log_end_offset());
    if (outcome->size_bytes == 0 || outcome->first_offset < log_->log_start_offset()) return;
    auto found = log_->read(outcome->first_offset, log_->log_end_offset(), kEverything, true);
    ASSERT(found.ok() || !is_sound_);
    if (is_sound_) ASSERT(found->size_bytes > 0);
  }

  void read_some(fuzz::FuzzInput& arguments) {
    Offset from = near(arguments.int16());
    Offset end = near(arguments.int16());
    uint64_t max_bytes = arguments.int16() & INT16_MAX;
    auto found = log_->read(from, end, max_bytes, arguments.byte() & 1);
    if (!found) return expect_reason(found.error());
    (void)bytes_of(*found);
    auto aborted = log_->aborted_transactions(from, *found);
    if (!aborted) expect_reason(aborted.error());
    (void)log_->first_unstable_offset(end);
    (void)log_->end_offset_for_epoch(LeaderEpoch(arguments.int16()));
    (void)log_->epoch_of(from);
  }

  void find_time(fuzz::FuzzInput& arguments) {
    int64_t timestamp = arguments.int64();
    auto found = log_->offset_for_timestamp(timestamp);
    if (!found) expect_reason(found.error());
    if (found && *found && is_sound_) ASSERT((*found)->offset < log_->log_end_offset());
    auto latest = log_->max_timestamp();
    if (!latest) expect_reason(latest.error());
  }

  void flush_all() {
    auto job = log_->prepare_flush();
    if (!job) return expect_reason(job.error());
    ASSERT(job->run().ok());
    log_->mark_flushed(*job);
    ASSERT(log_->recovery_point() >= job->up_to || !is_sound_);
  }

  /// As the log directory's checkpoints would have it.
  void remember(bool is_clean) { options_ = {is_clean, log_->recovery_point(), log_->log_start_offset()}; }

  void reopen_cleanly() {
    Content before = content();
    bool had_gap_at_end = has_gap_at_end_;
    Offset start = log_->log_start_offset();
    Offset end = log_->log_end_offset();
    auto epoch = log_->epoch_of(end + (-1));  // one without records is forgotten
    log_->expire_producers();                 // as it is done when a snapshot is read
    size_t producers = log_->producers().producers().size();
    auto closed = log_->close();
    if (!closed) {
      expect_reason(closed.error());
      return log_.reset();
    }
    // Whoever closes a log syncs the directory that it lies in, once for all logs.
    ASSERT(files_.sync_directory("/data").ok());
    remember(true);
    log_.reset();
    bool is_open = open();
    if (!is_sound_) return;
    ASSERT(is_open && log_->log_start_offset() == start);
    ASSERT(had_gap_at_end || log_->log_end_offset() == end);
    ASSERT(content() == before);
    ASSERT(before.empty() || had_gap_at_end || log_->epoch_of(end + (-1)) == epoch);
    // No snapshot at or below the log's start is read: of producers without records nothing is left, as in Kafka.
    if (!had_gap_at_end) ASSERT(log_->producers().producers().size() == (start < end ? producers : 0));
  }

  void reopen_uncleanly() {
    Content before = content();
    bool had_gap_at_end = has_gap_at_end_;
    Offset end = log_->log_end_offset();
    remember(false);
    log_.reset();
    files_.end_process();
    bool is_open = open();
    if (!is_sound_) return;
    ASSERT(is_open && (had_gap_at_end || log_->log_end_offset() == end));
    ASSERT(content() == before);
  }

  void lose_power_and_reopen() {
    Content before = content();
    bool had_gap_at_end = has_gap_at_end_;
    Offset recovery_point = log_->recovery_point();
    remember(false);
    log_.reset();
    files_.lose_power();
    bool is_open = open();
    if (!is_sound_) return;
    ASSERT(is_open && (had_gap_at_end || log_->log_end_offset() >= recovery_point));
    ASSERT(below(content(), recovery_point) == below(std::move(before), recovery_point));
  }

  fuzz::FuzzInput input_;
  testing::MemoryFileSystem files_;
  testing::ManualClock clock_;
  LogConfig config_;
  OpenOptions options_;
  bool repairs_ = true;
  bool is_sound_ = false;
  bool has_gap_at_end_ = false;  ///< as `content` found it
  std::unique_ptr<PartitionLog> log_;
};

}  // namespace
}  // namespace gregor

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gregor::fuzz::be_quiet();
  gregor::Scenario({data, size}).run();
  return 0;
}
