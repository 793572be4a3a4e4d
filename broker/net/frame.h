#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/buffer.h"
#include "runtime/clock.h"
#include "runtime/file.h"
#include "runtime/unique_function.h"

namespace gregor {

/// A frame on its way out: bytes in memory, its four-byte size first, with parts of files spliced in. What is
/// spliced in at `position` goes out before the byte at that position.
struct OutgoingFrame {
  struct Splice {
    size_t position = 0;
    FileSlice slice;
  };

  Buffer bytes;
  std::vector<Splice> splices;
};

/// What becomes of a connection after one request.
struct Reply {
  enum class Kind { send, nothing, close };

  Kind kind = Kind::nothing;
  OutgoingFrame frame;
  /// Why the connection is closed, for the log.
  std::string reason;
  /// Called once the frame is sent, or can't be sent.
  UniqueFunction<void(Instant)> on_sent;

  static Reply send(OutgoingFrame frame) { return {Kind::send, std::move(frame), {}, {}}; }
  static Reply nothing() { return {}; }
  static Reply close(std::string reason) { return {Kind::close, {}, std::move(reason), {}}; }
};

}  // namespace gregor
