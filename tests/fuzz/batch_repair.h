#pragma once

#include <cstdint>
#include <span>

namespace gregor::fuzz {

/// Makes the checksums of all whole entries of `records`, of whatever magic, right: else a fuzzer would never get
/// past them. The length of the last entry is made to be what is there.
void repair_lengths_and_checksums(std::span<uint8_t> records);
/// The checksums only.
void repair_checksums(std::span<uint8_t> records);

}  // namespace gregor::fuzz
