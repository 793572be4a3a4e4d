#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/record/builder.h"

namespace gregor {

/// What a batch is made of.
struct BatchSpec {
  enum class Kind { records, abort, commit };  ///< the last two are markers that end a transaction
  Kind kind = Kind::records;
  std::vector<int64_t> timestamps;  ///< of the records, in order; one for a marker
  size_t value_size = 10;
  Compression codec = Compression::none;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t sequence = -1;
  bool is_transactional = false;
  int32_t coordinator_epoch = 0;  ///< of a marker

  bool is_marker() const { return kind != Kind::records; }
  int64_t count() const { return static_cast<int64_t>(timestamps.size()); }
  int64_t max_timestamp() const { return *std::max_element(timestamps.begin(), timestamps.end()); }
  int32_t last_sequence() const;
};

/// A batch as a log must hold it, byte for byte, and what it was made of.
struct StoredBatch {
  BatchSpec spec;
  int64_t first = 0;  ///< offset of the first record
  int64_t last = 0;
  int32_t leader_epoch = 0;
  std::string bytes;
};
using BatchPtr = std::shared_ptr<const StoredBatch>;

/// The batch as a producer or coordinator sends it.
Buffer encode(const BatchSpec& spec);
/// The same as it is stored.
BatchPtr stored_at(const BatchSpec& spec, int64_t first, int32_t leader_epoch);

/// Cuts a run of stored bytes into batches by their lengths alone; what is left at the end is one piece too.
std::vector<std::string> cut_into_batches(const std::string& bytes);
/// The base offset that stands at the beginning of a batch, and the last one.
int64_t first_offset_of(const std::string& batch);
int64_t last_offset_of(const std::string& batch);

}  // namespace gregor
