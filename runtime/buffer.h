#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/bytes.h"

namespace gregor {

/// A growing run of bytes on the heap whose new bytes are not cleared, unlike a vector's. Move-only.
class Buffer {
 public:
  Buffer() = default;
  /// A buffer of `size` bytes of unspecified content.
  explicit Buffer(size_t size) { resize(size); }
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  /// A buffer that holds a copy of `bytes`.
  static Buffer copy_of(Bytes bytes);

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  Bytes view() const { return {data_, size_}; }
  std::span<uint8_t> span() { return {data_, size_}; }

  /// Makes room for `capacity` bytes in all; what is held stays.
  void reserve(size_t capacity);
  /// Sets the size; new bytes have unspecified content.
  void resize(size_t size);
  /// Adds `size` bytes of unspecified content at the end, growing geometrically, and returns where they begin.
  uint8_t* extend(size_t size);
  void append(Bytes bytes);
  void clear() { size_ = 0; }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace gregor
