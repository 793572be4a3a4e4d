#include "runtime/buffer.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace gregor {

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  return *this;
}

Buffer::~Buffer() { std::free(data_); }

Buffer Buffer::copy_of(Bytes bytes) {
  Buffer buffer;
  buffer.append(bytes);
  return buffer;
}

void Buffer::reserve(size_t capacity) {
  if (capacity <= capacity_) return;
  // realloc moves large blocks by remapping their pages, so growing costs no copy where it would hurt.
  auto* grown = static_cast<uint8_t*>(std::realloc(data_, capacity));
  if (grown == nullptr) throw std::bad_alloc();
  data_ = grown;
  capacity_ = capacity;
}

void Buffer::resize(size_t size) {
  reserve(size);
  size_ = size;
}

uint8_t* Buffer::extend(size_t size) {
  size_t needed = size_ + size;
  if (needed > capacity_) reserve(std::max(needed, std::max<size_t>(64, capacity_ * 2)));
  uint8_t* begin = data_ + size_;
  size_ = needed;
  return begin;
}

void Buffer::append(Bytes bytes) {
  if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
}

}  // namespace gregor
