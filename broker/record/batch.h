#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "broker/types/ids.h"
#include "runtime/bytes.h"

namespace gregor {

/// The compression codec in the low three bits of a batch's attributes.
enum class Compression : int8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };
/// The name that compression.type uses.
std::string_view name_of(Compression codec);

enum class TimestampType : int8_t { create_time = 0, log_append_time = 1 };

inline constexpr int64_t kNoTimestamp = -1;
inline constexpr int64_t kNoProducerId = -1;
inline constexpr int32_t kNoSequence = -1;

/// Where the fields of a record batch stand (docs/formats.md). The first three and `magic` have the same place in
/// the message sets of magic 0 and 1.
namespace batch_layout {
inline constexpr size_t kBaseOffset = 0;
inline constexpr size_t kLength = 8;
inline constexpr size_t kLeaderEpoch = 12;
inline constexpr size_t kMagic = 16;
inline constexpr size_t kCrc = 17;
inline constexpr size_t kAttributes = 21;
inline constexpr size_t kLastOffsetDelta = 23;
inline constexpr size_t kBaseTimestamp = 27;
inline constexpr size_t kMaxTimestamp = 35;
inline constexpr size_t kProducerId = 43;
inline constexpr size_t kProducerEpoch = 51;
inline constexpr size_t kBaseSequence = 53;
inline constexpr size_t kRecordCount = 57;
inline constexpr size_t kHeaderSize = 61;
/// Base offset and length: what the length does not count.
inline constexpr size_t kPrefixSize = 12;
/// The shortest run of bytes from which size and magic can be told.
inline constexpr size_t kProbeSize = 17;
/// Of an entry of magic 0 (14 bytes after the prefix) and 1 (22), the least that there are.
inline constexpr size_t kMinSizeV0 = kPrefixSize + 14;
inline constexpr size_t kMinSizeV1 = kPrefixSize + 22;
}  // namespace batch_layout

/// A record batch, or the header of one, read in place. Does not own the bytes.
///
/// `probe` guarantees that the header is there, nothing else: what the header claims is the sender's word until
/// `is_intact` or validate_produced said so. Entries of magic 0 and 1 answer the fields that they have.
class BatchView {
 public:
  /// A view of the batch that begins `bytes`, which may end before the batch does but not before the header does.
  /// None when there are fewer bytes than a header, the magic is unknown or the length is less than a header's.
  static std::optional<BatchView> probe(Bytes bytes);

  int8_t magic() const { return static_cast<int8_t>(bytes_[batch_layout::kMagic]); }
  bool is_legacy() const { return magic() < 2; }
  /// In bytes, with the prefix.
  uint64_t size() const {
    return batch_layout::kPrefixSize + static_cast<uint64_t>(field<int32_t>(batch_layout::kLength));
  }
  bool is_whole() const { return bytes_.size() >= size(); }
  /// The batch's own bytes; it must be whole.
  Bytes bytes() const { return bytes_.first(size()); }

  /// The first record's offset; in an entry of magic 0 or 1 the last one's, which is all that it knows.
  Offset base_offset() const { return Offset(field<int64_t>(batch_layout::kBaseOffset)); }
  Offset last_offset() const { return is_legacy() ? base_offset() : base_offset() + last_offset_delta(); }
  Offset next_offset() const { return last_offset() + 1; }
  LeaderEpoch leader_epoch() const {
    return is_legacy() ? kNoEpoch : LeaderEpoch(field<int32_t>(batch_layout::kLeaderEpoch));
  }
  Compression compression() const { return static_cast<Compression>(attributes() & 0x07); }
  TimestampType timestamp_type() const { return static_cast<TimestampType>((attributes() >> 3) & 1); }
  int64_t max_timestamp() const;

  // Of magic 2 only.
  uint32_t crc() const { return field<uint32_t>(batch_layout::kCrc); }
  int32_t last_offset_delta() const { return field<int32_t>(batch_layout::kLastOffsetDelta); }
  bool is_transactional() const { return attributes() & 0x10; }
  bool is_control() const { return attributes() & 0x20; }
  bool has_delete_horizon() const { return attributes() & 0x40; }
  int64_t base_timestamp() const { return field<int64_t>(batch_layout::kBaseTimestamp); }
  int64_t producer_id() const { return field<int64_t>(batch_layout::kProducerId); }
  int16_t producer_epoch() const { return field<int16_t>(batch_layout::kProducerEpoch); }
  int32_t base_sequence() const { return field<int32_t>(batch_layout::kBaseSequence); }
  int32_t record_count() const { return field<int32_t>(batch_layout::kRecordCount); }
  /// The records, compressed if the codec says so; the batch must be whole.
  Bytes payload() const { return bytes().subspan(batch_layout::kHeaderSize); }

  /// True when the batch is whole and its checksum (CRC-32C, or CRC-32 of magic 0 and 1) is right.
  bool is_intact() const;

 private:
  explicit BatchView(Bytes bytes) : bytes_(bytes) {}
  template <class Int>
  Int field(size_t position) const {
    return load_big_endian<Int>(bytes_.data() + position);
  }
  /// The low byte; the high one has no bits yet.
  uint8_t attributes() const {
    return bytes_[is_legacy() ? batch_layout::kMagic + 1 : batch_layout::kAttributes + 1];
  }

  Bytes bytes_;
};

/// Walks the batches that stand back to back in a run of bytes.
class BatchIterator {
 public:
  explicit BatchIterator(Bytes bytes) : rest_(bytes) {}

  /// The next whole batch; none at the end, before a batch that is cut off, and before bytes that are no batch.
  std::optional<BatchView> next();
  /// What `next` has not got past.
  Bytes rest() const { return rest_; }

 private:
  Bytes rest_;
};

/// Writes the fields that the leader decides into a whole batch of magic 2. Base offset and leader epoch are
/// outside the checksum; a change of the timestamp recomputes it.
void patch_base_offset(std::span<uint8_t> batch, Offset base_offset);
void patch_leader_epoch(std::span<uint8_t> batch, LeaderEpoch epoch);
void patch_max_timestamp(std::span<uint8_t> batch, TimestampType type, int64_t max_timestamp);
/// Recomputes the checksum of a whole batch.
void patch_crc(std::span<uint8_t> batch);

}  // namespace gregor
