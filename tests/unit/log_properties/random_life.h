#pragma once

#include <random>

#include "log_machine.h"

namespace gregor {

/// The life of one log, by a seed: what happens to it, and how often its machine fails.
class RandomLife {
 public:
  explicit RandomLife(uint64_t seed);
  /// Some hundred steps, up to a clean stop and a start after it.
  void run();
  std::string story() const { return machine_.story(); }

 private:
  static LogConfig some_config(std::mt19937_64& random);
  void step();
  void fail_somehow();
  void recover();
  void end_trouble();

  void append_something();
  void append_as_follower();
  void cut();
  void flush_something();
  void start_trouble();

  BatchSpec records(int64_t producer_id = -1);
  BatchSpec plain() { return records(); }
  /// What the producer sends next, as the broker of `known` would like it.
  BatchSpec next_of(int64_t producer_id, const ProducerModel& known);
  BatchSpec marker_for(int64_t producer_id, const ProducerModel& known);
  BatchSpec any_proper(const ProducerModel& known);
  /// A repetition, a gap, an old epoch.
  void spoil(BatchSpec& spec, const ProducerModel& known);
  Manner some_manner();

  int64_t pick(int64_t bound) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(bound)); }
  bool happens(int percent) { return pick(100) < percent; }
  int64_t some_offset() {
    return machine_.model().start() + pick(machine_.model().end() - machine_.model().start() + 1);
  }

  std::mt19937_64 random_;
  LogMachine machine_;
  int32_t leader_epoch_ = 0;
  bool must_lose_power_ = false;  ///< a sync failed: what the kernel shows is not what the disk has
};

}  // namespace gregor
