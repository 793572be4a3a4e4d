#pragma once

#include <cstdint>
#include <span>

namespace gregor {

/// Which checksum the descriptor of an LZ4 frame carries.
enum class Lz4Checksum {
  standard,
  /// What Kafka wrote, and its consumers of that time expect, in messages of magic 0: the sum takes in the frame's
  /// magic number too (KIP-57).
  of_magic_0,
};

/// Overwrites the checksum of the descriptor that begins `frame`. No effect where there is none: bytes that are too
/// short are left for the decompressor to refuse.
void set_lz4_checksum(std::span<uint8_t> frame, Lz4Checksum kind);

}  // namespace gregor
