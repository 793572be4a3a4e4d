#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gregor::protocol {

/// One message as another implementation put it on the wire (tests/wire/capture_golden.py).
struct Golden {
  std::string description;
  std::string name;
  int16_t version;
  std::vector<uint8_t> bytes;
};

/// The messages of one file of tests/wire/golden; throws when the file is not what the capture script writes.
std::vector<Golden> read_golden(const std::string& file);

}  // namespace gregor::protocol
