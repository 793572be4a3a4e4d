#pragma once

#include <cstdint>

#include "runtime/bytes.h"

namespace gregor {

/// The CRC-32C (Castagnoli) of `bytes`, appended to data whose checksum is `so_far`. Uses the processor's
/// instruction where the build allows it, on three interleaved streams, so that it runs at near memory speed.
uint32_t crc32c(Bytes bytes, uint32_t so_far = 0);

}  // namespace gregor
