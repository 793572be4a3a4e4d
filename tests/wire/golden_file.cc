#include "wire/golden_file.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace gregor::protocol {

namespace {

std::vector<uint8_t> from_hex(const std::string& text) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

}  // namespace

std::vector<Golden> read_golden(const std::string& file) {
  std::ifstream input(std::string(GOLDEN_FOLDER) + "/" + file);
  std::vector<Golden> found;
  std::string description, line;
  while (std::getline(input, description) && std::getline(input, line)) {
    std::istringstream words(line);
    Golden golden{description.substr(2), {}, 0, {}};
    std::string hex;
    if (!(words >> golden.name >> golden.version)) throw std::runtime_error(file + ": " + line);
    words >> hex;
    golden.bytes = from_hex(hex);
    found.push_back(std::move(golden));
  }
  if (found.empty()) throw std::runtime_error(file + " is missing or empty");
  return found;
}

}  // namespace gregor::protocol
