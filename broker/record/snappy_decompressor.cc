#include <snappy.h>

#include <algorithm>
#include <cstring>

#include "broker/record/compression.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

/// No element of snappy's format makes more than 64 bytes out of 3, so a larger claim is a lie not worth the
/// memory.
constexpr size_t kMaxExpansion = 32;

Error bad_snappy(const char* why) { return {ErrorCode::invalid_record, std::string("snappy data ") + why}; }

/// Reads xerial's blocks, or one raw block as clients without that framing send it.
class SnappyDecompressor final : public Decompressor {
 public:
  explicit SnappyDecompressor(Bytes compressed) : rest_(compressed), is_framed_(skip_header()) {}

  Result<size_t> read(std::span<uint8_t> into) override {
    while (position_ == block_.size()) {
      if (rest_.empty()) return size_t{0};
      auto compressed = next_block();
      if (!compressed) return compressed.error();
      if (auto opened = open_block(*compressed); !opened) return opened.error();
    }
    size_t count = std::min(into.size(), block_.size() - position_);
    std::memcpy(into.data(), block_.data() + position_, count);
    position_ += count;
    return count;
  }

 private:
  bool skip_header() {
    if (rest_.size() < sizeof xerial::kHeader) return false;
    if (std::memcmp(rest_.data(), xerial::kHeader, xerial::kMagicSize) != 0) return false;
    rest_ = rest_.subspan(sizeof xerial::kHeader);
    return true;
  }

  Result<Bytes> next_block() {
    if (!is_framed_) return std::exchange(rest_, {});
    skip_header();  // streams may be put one behind the other
    if (rest_.empty()) return Bytes();
    if (rest_.size() < 4) return bad_snappy("ends within a block length");
    auto size = load_big_endian<uint32_t>(rest_.data());
    rest_ = rest_.subspan(4);
    if (size > rest_.size()) return bad_snappy("ends within a block");
    Bytes block = rest_.first(size);
    rest_ = rest_.subspan(size);
    return block;
  }

  Result<void> open_block(Bytes compressed) {
    position_ = 0;
    block_.clear();
    if (compressed.empty()) return {};
    auto* from = reinterpret_cast<const char*>(compressed.data());
    size_t size = 0;
    if (!snappy::GetUncompressedLength(from, compressed.size(), &size)) return bad_snappy("has no length");
    if (size > compressed.size() * kMaxExpansion) return bad_snappy("claims an impossible length");
    block_.resize(size);
    if (snappy::RawUncompress(from, compressed.size(), reinterpret_cast<char*>(block_.data()))) return {};
    block_.clear();
    return bad_snappy("is malformed");
  }

  Bytes rest_;
  bool is_framed_;
  Buffer block_;
  size_t position_ = 0;
};

}  // namespace

std::unique_ptr<Decompressor> create_snappy_decompressor(Bytes compressed) {
  return std::make_unique<SnappyDecompressor>(compressed);
}

}  // namespace gregor
