#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "broker/record/compression.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

Error bad_data(Compression codec, const char* why) {
  return {ErrorCode::invalid_record, std::string(name_of(codec)) + " data " + why};
}

class PassThrough final : public Decompressor {
 public:
  explicit PassThrough(Bytes bytes) : rest_(bytes) {}
  Result<size_t> read(std::span<uint8_t> into) override {
    size_t count = std::min(into.size(), rest_.size());
    std::copy_n(rest_.data(), count, into.data());
    rest_ = rest_.subspan(count);
    return count;
  }

 private:
  Bytes rest_;
};

class GzipDecompressor final : public Decompressor {
 public:
  explicit GzipDecompressor(Bytes compressed) {
    stream_.next_in = const_cast<uint8_t*>(compressed.data());
    stream_.avail_in = static_cast<uInt>(compressed.size());
    constexpr int kGzipOnly = 16;
    ASSERT(::inflateInit2(&stream_, MAX_WBITS + kGzipOnly) == Z_OK);
  }
  ~GzipDecompressor() override { ::inflateEnd(&stream_); }

  Result<size_t> read(std::span<uint8_t> into) override {
    stream_.next_out = into.data();
    stream_.avail_out = static_cast<uInt>(into.size());
    while (!at_end_ && stream_.avail_out == into.size()) {
      int outcome = ::inflate(&stream_, Z_NO_FLUSH);
      if (outcome == Z_STREAM_END) {
        at_end_ = !starts_another_member();
        if (!at_end_) ::inflateReset(&stream_);
      } else if (outcome != Z_OK) {
        return bad_data(Compression::gzip, outcome == Z_BUF_ERROR ? "is cut off" : "is malformed");
      }
    }
    return into.size() - stream_.avail_out;
  }

 private:
  bool starts_another_member() const { return stream_.avail_in > 1 && stream_.next_in[0] == 0x1f; }

  z_stream stream_ = {};
  bool at_end_ = false;
};

class Lz4Decompressor final : public Decompressor {
 public:
  explicit Lz4Decompressor(Bytes compressed) : rest_(compressed) {
    ASSERT(!LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)));
  }
  ~Lz4Decompressor() override { LZ4F_freeDecompressionContext(context_); }

  Result<size_t> read(std::span<uint8_t> into) override {
    while (!at_end_) {
      size_t made = into.size();
      size_t taken = rest_.size();
      size_t wanted = LZ4F_decompress(context_, into.data(), &made, rest_.data(), &taken, nullptr);
      if (LZ4F_isError(wanted)) return bad_data(Compression::lz4, "is malformed");
      rest_ = rest_.subspan(taken);
      at_end_ = wanted == 0;
      if (made > 0) return made;
      if (!at_end_ && taken == 0) return bad_data(Compression::lz4, "is cut off");
    }
    return size_t{0};
  }

 private:
  LZ4F_dctx* context_ = nullptr;
  Bytes rest_;
  bool at_end_ = false;
};

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
using ZstdContext = std::unique_ptr<ZSTD_DCtx, FreeContext>;

/// The context that this thread used last, which has its memory already, unless that is much.
ZstdContext& spare_context() {
  thread_local ZstdContext context;
  return context;
}

class ZstdDecompressor final : public Decompressor {
 public:
  explicit ZstdDecompressor(Bytes compressed) : input_{compressed.data(), compressed.size(), 0} {
    if (context_ == nullptr) context_.reset(ZSTD_createDCtx());
    ASSERT(context_ != nullptr);
  }
  ~ZstdDecompressor() override {
    constexpr size_t kMostKeptBytes = 4 << 20;
    bool is_kept = ZSTD_sizeof_DCtx(context_.get()) <= kMostKeptBytes;
    ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only);
    if (is_kept) spare_context() = std::move(context_);
  }

  Result<size_t> read(std::span<uint8_t> into) override {
    ZSTD_outBuffer output{into.data(), into.size(), 0};
    while (output.pos == 0) {
      size_t consumed_before = input_.pos;
      if (between_frames_ && input_.pos == input_.size) return size_t{0};
      size_t wanted = ZSTD_decompressStream(context_.get(), &output, &input_);
      if (ZSTD_isError(wanted)) return bad_data(Compression::zstd, "is malformed");
      between_frames_ = wanted == 0;
      bool is_stuck = output.pos == 0 && input_.pos == consumed_before;
      if (is_stuck && !between_frames_) return bad_data(Compression::zstd, "is cut off");
    }
    return output.pos;
  }

 private:
  ZstdContext context_ = std::move(spare_context());
  ZSTD_inBuffer input_;
  bool between_frames_ = true;
};

}  // namespace

std::unique_ptr<Decompressor> Decompressor::create(Compression codec, Bytes compressed) {
  switch (codec) {
    case Compression::gzip:
      return std::make_unique<GzipDecompressor>(compressed);
    case Compression::snappy:
      return create_snappy_decompressor(compressed);
    case Compression::lz4:
      return std::make_unique<Lz4Decompressor>(compressed);
    case Compression::zstd:
      return std::make_unique<ZstdDecompressor>(compressed);
    case Compression::none:
      break;
  }
  return std::make_unique<PassThrough>(compressed);
}

Result<Buffer> decompress(Compression codec, Bytes compressed, size_t max_size) {
  constexpr size_t kPiece = 64 << 10;
  auto source = Decompressor::create(codec, compressed);
  Buffer plain;
  while (true) {
    size_t before = plain.size();
    auto count = source->read({plain.extend(kPiece), kPiece});
    if (!count) return count.error();
    plain.resize(before + *count);
    if (*count == 0) return plain;
    if (plain.size() > max_size) {
      return Error{ErrorCode::message_too_large,
                   "the batch decompresses to more than " + std::to_string(max_size) + " bytes"};
    }
  }
}

}  // namespace gregor
