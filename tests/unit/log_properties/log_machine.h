#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "broker/log/log_directory.h"
#include "broker/log/partition_log.h"
#include "log_model.h"
#include "tests/support/memory_file_system.h"

namespace gregor {

/// The partition whose log a LogMachine keeps.
inline const TopicPartition kName{"orders", 0};

/// How a process ends.
enum class Manner {
  process_end,  ///< killed; the machine goes on
  power_loss,   ///< some of what was not synced is there
  worst_loss,   ///< nothing of it is
};
const char* name_of(Manner manner);

/// A machine with a disk, on which a broker keeps one log in one log directory as docs/architecture.md has it: logs
/// are opened by the checkpoints found, flushed in two steps, checkpoints are written, a stop closes all and leaves
/// its mark. Every operation goes to the log and to the model; where one fails the machine notes what a restart may
/// find of it.
class LogMachine {
 public:
  explicit LogMachine(LogConfig config, uint64_t seed = 1);

  // Starting and ending. `start` checks all that was found, and is no more up afterwards if the disk stopped
  // meanwhile.
  void start();
  /// The disk may also stop where the log only tidies up, and tells nobody that it could not.
  bool is_up() const { return log_ != nullptr && !is_dead_ && !disk_.is_stopped(); }
  /// Syncs and closes the log, writes the checkpoints, leaves the mark.
  void stop_cleanly();
  void end(Manner manner);
  void end_and_start(Manner manner) {
    end(manner);
    start();
  }

  // Appends.
  void append(BatchSpec spec, int32_t leader_epoch);
  void append_as_follower(const LogModel::Batches& batches);
  // The rest of what a broker asks of a log.
  void roll();
  void truncate(int64_t target);
  void start_anew(int64_t start);
  void delete_records(int64_t up_to);
  void apply_retention(const LogRetention& retention, int64_t high_watermark);
  void begin_epoch(int32_t epoch);
  void prepare_flush();
  void finish_flush();
  void flush() {
    prepare_flush();
    finish_flush();
  }
  void checkpoint_recovery_point();
  void checkpoint_log_start();
  void remove_deleted_files();
  void read(int64_t from, uint64_t max_bytes);

  /// Everything that the log answers, against the model.
  void check();

  testing::MemoryFileSystem& disk() { return disk_; }
  const LogModel& model() const { return model_; }
  PartitionLog& log() { return *log_; }
  LogConfig& config() { return config_; }
  void pass_time(int64_t ms) { clock_.wall += ms; }
  int64_t now_ms() const { return clock_.wall; }
  /// What happened, by line; the youngest last.
  std::string story() const;
  void tell(std::string line);

 private:
  struct WallClock final : Clock {
    Instant now() const override { return Instant(std::chrono::milliseconds(wall)); }
    int64_t wall_ms() const override { return wall; }
    int64_t wall = 1700000000000;
  };
  /// What a checkpoint file says, and what it may say after a restart: what was written last, and what half way.
  struct Checkpointed {
    int64_t seen = 0;
    std::set<int64_t> possible = {0};
    void find(int64_t value, bool is_durable) {
      seen = value;
      if (is_durable) possible = {value};
    }
  };

  void open_directory();
  void open_log();
  void adopt_what_was_found();
  void adopt_producers();
  std::vector<std::string> read_everything();
  std::string bytes_of(const LogRead& found);
  /// Whether an operation failed so that only a restart helps.
  bool is_broken();
  /// After an operation that failed: dead, or the log is as it was.
  bool died(const Error& error);
  bool lower_log_start(int64_t target);
  bool write_recovery_point(int64_t offset);
  bool write_log_start(int64_t offset);
  void check_bounds();
  void check_recovery_point();
  void check_reads();
  void check_epochs();
  void check_times();
  void check_producers();
  void check_aborted(int64_t from, const LogRead& found, int64_t end);
  void check_index_files();
  void check_index_file(int64_t base, int64_t next_base);

  testing::MemoryFileSystem disk_;
  WallClock clock_;
  LogConfig config_;
  LogModel model_;
  std::unique_ptr<LogDirectory> directory_;
  std::unique_ptr<PartitionLog> log_;
  std::optional<FlushJob> job_;
  bool is_dead_ = false;
  bool may_be_clean_ = false;  ///< a mark of a clean stop may be there
  bool is_clean_ = false;      ///< it is there
  bool has_lost_power_ = false;
  bool has_restarted_ = false;  ///< since then the producers may be known in part
  Checkpointed recovery_point_;
  Checkpointed log_start_;
  std::vector<std::string> story_;
};

}  // namespace gregor
