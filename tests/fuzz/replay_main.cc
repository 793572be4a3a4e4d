// Runs a target over inputs that are there already, without libFuzzer: the regression test of any build.
//
//   replay_<target> <file or folder>...

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/fuzz/fuzz_input.h"

namespace {

namespace fs = std::filesystem;

size_t replay(const fs::path& path) {
  if (fs::is_directory(path)) {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(path)) count += replay(entry.path());
    return count;
  }
  std::ifstream file(path, std::ios::binary);
  std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
  // Told before, so that the last line names the input that crashed.
  std::printf("%s\n", path.c_str());
  std::fflush(stdout);
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  return 1;
}

}  // namespace

int main(int count, char** arguments) {
  size_t replayed = 0;
  for (int i = 1; i < count; ++i) replayed += replay(arguments[i]);
  std::printf("%zu inputs\n", replayed);
  return replayed > 0 ? 0 : 1;
}
