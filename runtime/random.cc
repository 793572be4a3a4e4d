#include "runtime/random.h"

#include <sys/random.h>

#include "runtime/assert.h"

namespace gregor {

void SystemRandom::fill(std::span<uint8_t> into) {
  size_t done = 0;
  while (done < into.size()) {
    ssize_t count = ::getrandom(into.data() + done, into.size() - done, 0);
    if (count > 0) done += static_cast<size_t>(count);
  }
}

}  // namespace gregor
