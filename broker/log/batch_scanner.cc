#include "broker/log/batch_scanner.h"

#include <algorithm>

namespace gregor {

Result<Bytes> BatchScanner::window(size_t size) {
  size = std::min<uint64_t>(size, end_ - position_);
  bool is_held = position_ >= buffer_begin_ && position_ + size <= buffer_begin_ + buffer_.size();
  if (!is_held) {
    const size_t read_ahead = depth_ == Depth::headers ? 8 << 10 : 1 << 20;
    buffer_.resize(std::min<uint64_t>(std::max(size, read_ahead), end_ - position_));
    auto count = file_->read_at(position_, buffer_.span());
    if (!count) return count.error();
    buffer_.resize(*count);
    buffer_begin_ = position_;
    size = std::min(size, *count);
  }
  return buffer_.view().subspan(position_ - buffer_begin_, size);
}

Result<std::optional<ScannedBatch>> BatchScanner::next() {
  auto header = window(batch_layout::kHeaderSize);
  if (!header) return header.error();
  auto batch = BatchView::probe(*header);
  if (!batch || batch->size() > end_ - position_) return std::optional<ScannedBatch>();
  if (depth_ == Depth::whole) {
    auto whole = window(batch->size());
    if (!whole) return whole.error();
    batch = BatchView::probe(*whole);
    if (!batch || !batch->is_whole()) return std::optional<ScannedBatch>();
  }
  ScannedBatch found{*batch, position_};
  position_ += batch->size();
  return std::optional<ScannedBatch>(found);
}

}  // namespace gregor
