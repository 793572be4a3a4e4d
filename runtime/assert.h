#pragma once

namespace gregor {

/// Reports a broken invariant on standard error and aborts the process.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace gregor

/// Stops the process when an invariant of our own code does not hold; on in release builds too. Never used for what
/// comes from outside (bytes, files, peers): those are checked and answered with a Result.
#define ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::gregor::assertion_failed(#expression, __FILE__, __LINE__))
