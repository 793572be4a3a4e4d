// What decompressing alone costs of the batches that a broker stored: nobody who looks into them can do without.
//
//   unzstd SEGMENT...
//
// Another thread compresses meanwhile, as the producer does while a broker decompresses: two cores share caches and
// memory, and what one does costs the other time. Prints the batches' compressed bytes and the CPU seconds for
// decompressing their records.
#include <time.h>
#include <zstd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr size_t kLengthAt = 8;
constexpr size_t kAttributesAt = 21;
constexpr size_t kRecordsAt = 61;
constexpr int kZstd = 4;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "unzstd: %s\n", what.c_str());
  std::exit(1);
}

/// Of this thread.
double cpu_seconds() {
  timespec spent;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

/// Compresses what it is given again and again, on a thread of its own.
class Neighbour {
 public:
  explicit Neighbour(std::string plain) : plain_(std::move(plain)), thread_([this] { work(); }) {}
  ~Neighbour() {
    is_over_ = true;
    thread_.join();
  }

 private:
  void work() {
    std::vector<char> into(ZSTD_compressBound(plain_.size()));
    while (!is_over_) ZSTD_compress(into.data(), into.size(), plain_.data(), plain_.size(), ZSTD_CLEVEL_DEFAULT);
  }

  std::string plain_;
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

uint32_t big_endian(const char* at) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(at[i]);
  return value;
}

void decompress(ZSTD_DStream* stream, const char* bytes, size_t size, std::vector<char>& into) {
  ZSTD_initDStream(stream);
  ZSTD_inBuffer in = {bytes, size, 0};
  while (in.pos < in.size) {
    ZSTD_outBuffer out = {into.data(), into.size(), 0};
    size_t left = ZSTD_decompressStream(stream, &out, &in);
    if (ZSTD_isError(left)) fail(ZSTD_getErrorName(left));
    if (left == 0) return;
  }
}

/// A megabyte as programs write it.
std::string compressible_text() {
  std::string text;
  for (uint64_t i = 0; text.size() < 1 << 20; ++i) {
    text += R"({"user_id": )" + std::to_string(i * 0x9E3779B97F4A7C15u % 100'000) + R"(, "action": "view"},)";
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  ZSTD_DStream* stream = ZSTD_createDStream();
  std::vector<char> into(128 << 10);
  uint64_t compressed = 0;
  double spent = 0;
  Neighbour neighbour(compressible_text());
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    double begun = cpu_seconds();
    for (size_t at = 0; at + kRecordsAt <= bytes.size();) {
      const char* batch = bytes.data() + at;
      size_t size = big_endian(batch + kLengthAt) + kLengthAt + 4;
      if (at + size > bytes.size()) break;
      if ((batch[kAttributesAt + 1] & 7) != kZstd) fail("a batch is not compressed with zstd");
      decompress(stream, batch + kRecordsAt, size - kRecordsAt, into);
      compressed += size;
      at += size;
    }
    spent += cpu_seconds() - begun;
  }
  ZSTD_freeDStream(stream);
  std::printf("{\"bytes\": %llu, \"cpu_seconds\": %.6f}\n", static_cast<unsigned long long>(compressed), spent);
  return 0;
}
