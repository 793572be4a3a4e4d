#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "runtime/result.h"

namespace gregor {

/// What it takes to speak for a session.
struct ZkSessionKey {
  int64_t id = 0;
  std::array<char, 16> password{};

  bool operator==(const ZkSessionKey&) const = default;
};

/// Remembers the session of the process that has a log directory, so that the one after it can end the session of a
/// predecessor that was killed, instead of waiting until nobody has heard of it for long enough.
///
/// What is read counts only in the very file that was written, on the machine where it was written and before that
/// was started anew: a copy of the directory speaks for nobody. Readable by its owner alone. Blocks; whoever calls
/// has the log directory's lock, so that the process that wrote it is gone.
class SessionFile {
 public:
  explicit SessionFile(std::string path) : path_(std::move(path)) {}

  /// None when there is none, or none that counts.
  std::optional<ZkSessionKey> read() const;
  /// Errors: those of the files.
  Result<void> write(const ZkSessionKey& session) const;
  void remove() const;

 private:
  std::string path_;
};

}  // namespace gregor
