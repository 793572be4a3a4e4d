#include "stored_batch.h"

namespace gregor {
namespace {

// docs/formats.md, record batch.
constexpr size_t kLengthAt = 8;
constexpr size_t kLeaderEpochAt = 12;
constexpr size_t kLastOffsetDeltaAt = 23;
constexpr size_t kHeaderSize = 61;

void put(std::string& bytes, size_t at, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) bytes[at + i] = static_cast<char>(value >> (8 * (size - 1 - i)));
}

uint64_t get(const std::string& bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

}  // namespace

int32_t BatchSpec::last_sequence() const {
  constexpr int64_t kSequences = int64_t(1) << 31;
  return sequence < 0 ? -1 : static_cast<int32_t>((sequence + count() - 1) % kSequences);
}

Buffer encode(const BatchSpec& spec) {
  BatchOptions options;
  options.codec = spec.codec;
  options.producer_id = spec.producer_id;
  options.producer_epoch = spec.producer_epoch;
  options.base_sequence = spec.is_marker() ? -1 : spec.sequence;
  options.is_transactional = spec.is_transactional || spec.is_marker();
  options.is_control = spec.is_marker();
  BatchBuilder builder(options);
  if (spec.is_marker()) {
    std::string key(4, '\0');
    put(key, 2, spec.kind == BatchSpec::Kind::commit ? 1 : 0, 2);
    std::string value(6, '\0');
    put(value, 2, static_cast<uint64_t>(spec.coordinator_epoch), 4);
    return builder.add(spec.timestamps[0], key, value).build();
  }
  for (int64_t timestamp : spec.timestamps) builder.add(timestamp, "key", std::string(spec.value_size, 'v'));
  return builder.build();
}

BatchPtr stored_at(const BatchSpec& spec, int64_t first, int32_t leader_epoch) {
  auto batch = std::make_shared<StoredBatch>();
  batch->spec = spec;
  batch->first = first;
  batch->last = first + spec.count() - 1;
  batch->leader_epoch = leader_epoch;
  batch->bytes = as_text(encode(spec).view());
  put(batch->bytes, 0, static_cast<uint64_t>(first), 8);
  put(batch->bytes, kLeaderEpochAt, static_cast<uint64_t>(leader_epoch), 4);
  return batch;
}

std::vector<std::string> cut_into_batches(const std::string& bytes) {
  std::vector<std::string> batches;
  for (size_t at = 0; at < bytes.size();) {
    size_t size = bytes.size() - at;
    if (size >= kHeaderSize) size = std::min(size, size_t(12) + get(bytes, at + kLengthAt, 4));
    batches.push_back(bytes.substr(at, size));
    at += size;
  }
  return batches;
}

int64_t first_offset_of(const std::string& batch) { return static_cast<int64_t>(get(batch, 0, 8)); }

int64_t last_offset_of(const std::string& batch) {
  return first_offset_of(batch) + static_cast<int64_t>(get(batch, kLastOffsetDeltaAt, 4));
}

}  // namespace gregor
