#pragma once

#include <memory>
#include <optional>

#include "broker/record/batch.h"
#include "runtime/buffer.h"
#include "runtime/file.h"

namespace gregor {

/// A batch in a file. The view is good until the scanner moves on.
struct ScannedBatch {
  BatchView batch;
  uint64_t position = 0;
  uint64_t end_position() const { return position + batch.size(); }
};

/// Walks the batches of a file from one position to another.
class BatchScanner {
 public:
  enum class Depth {
    headers,  ///< the views may end behind the header: cheap, for finding an offset
    whole,    ///< the batches are read in full
  };

  /// Scans [begin, end) of `file`.
  BatchScanner(std::shared_ptr<File> file, uint64_t begin, uint64_t end, Depth depth)
      : file_(std::move(file)), position_(begin), end_(end), depth_(depth) {}

  /// The next batch that lies entirely before the end; none when there is no more, or no batch but garbage. The two
  /// are told apart by `position`. Errors: the file's.
  Result<std::optional<ScannedBatch>> next();
  /// Where the next batch would begin.
  uint64_t position() const { return position_; }

 private:
  /// The bytes from `position_` on, `size` of them or as many as there are before the end.
  Result<Bytes> window(size_t size);

  std::shared_ptr<File> file_;
  uint64_t position_;
  uint64_t end_;
  Depth depth_;
  Buffer buffer_;
  uint64_t buffer_begin_ = 0;
};

}  // namespace gregor
