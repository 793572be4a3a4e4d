#pragma once

#include <optional>
#include <string>
#include <vector>

#include "producer_model.h"
#include "stored_batch.h"

namespace gregor {

/// A log as a list of batches in memory, with what a restart may take from it.
///
/// What was asked of the log and failed half way is noted with the `maybe_` functions: a restart may have it or
/// not.
class LogModel {
 public:
  using Batches = std::vector<BatchPtr>;

  /// Everything appended and not cut off since, also what lies below the start.
  const Batches& batches() const { return batches_; }
  int64_t start() const { return start_; }
  /// The greatest start that there ever was: what was noted then knows nothing of what lies before it.
  int64_t greatest_start() const { return greatest_start_; }
  int64_t end() const { return end_; }
  /// Of the producers as the running log knows them.
  const ProducerModel& producers() const { return producers_; }
  void set_producers(ProducerModel producers) { producers_ = std::move(producers); }
  /// Below which everything survives a loss of power.
  int64_t durable_end() const { return durable_end_; }
  /// The batches with an offset that is not below the start.
  Batches readable() const;

  void append(const Batches& appended);
  void maybe_append(const Batches& attempted) { attempted_ = attempted; }
  /// A full disk took a part of them, which was cut off again.
  void append_in_vain(const Batches& attempted);
  void begin_epoch(int32_t epoch);
  /// Everything from the batch on that holds `target`, or comes after it, goes.
  void truncate(int64_t target);
  void maybe_truncate(int64_t target);
  /// Everything goes.
  void start_anew(int64_t start);
  void maybe_start_anew(int64_t start);
  void raise_start(int64_t start);
  /// The start may have risen up to `start`.
  void maybe_raise_start(int64_t start) { highest_start_ = std::max(highest_start_, start); }

  /// A flush of what there is now is prepared; later it has ended.
  void begin_flush();
  void end_flush();
  void give_up_flush() { flush_.reset(); }
  /// Everything that there is now is durable.
  void flush();

  /// The log was opened again, and `found` is all that can be read of it, in batches. Takes it over, or says what
  /// is wrong with it.
  enum class Loss { nothing, unsynced };
  std::string reopen(const std::vector<std::string>& found, int64_t start, int64_t end, int64_t start_checkpoint,
                     Loss loss);

  // What the log has to answer.
  struct Timestamped {
    int64_t offset = -1;
    int64_t timestamp = -1;
  };
  /// The first record that is as young as `timestamp`.
  std::optional<Timestamped> find_timestamp(int64_t timestamp) const;
  /// The first record of the greatest timestamp, where nothing below `first_segment` is there any more.
  std::optional<Timestamped> find_max_timestamp(int64_t first_segment) const;
  /// The epoch that began without a record so far.
  std::optional<int32_t> begun_epoch() const { return begun_epoch_; }
  /// Whether the producers can be those of a log that was read from some offset at or before the start on: older
  /// batches are gone, and what they told was kept by snapshots or not. A start that a restart has forgotten counts
  /// too.
  bool could_know(const ProducerModel& producers) const;
  /// The same of everything that ever was in this log.
  ProducerModel all_producers() const;

 private:
  struct Flush {
    int64_t up_to = 0;
    size_t pasts = 0;
  };

  struct Past {
    Batches batches;
    int64_t start = 0;
  };

  void cut_at(int64_t target);
  std::string match(const Batches& timeline, const std::vector<std::string>& found, int64_t start) const;

  Batches batches_;
  int64_t start_ = 0;
  int64_t end_ = 0;
  std::optional<int32_t> begun_epoch_;
  ProducerModel producers_;
  int64_t durable_end_ = 0;
  int64_t greatest_start_ = 0;  ///< that there ever was
  std::optional<Flush> flush_;
  /// What the log was before it was cut, which a loss of power may bring back until the next flush.
  std::vector<Past> pasts_;

  // Set where something failed half way, until the next restart.
  Batches attempted_;
  int64_t highest_start_ = 0;
  int64_t sure_end_ = INT64_MAX;  ///< below which nothing may have gone
};

}  // namespace gregor
