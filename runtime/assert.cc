#include "runtime/assert.h"

#include <cstdio>
#include <cstdlib>

namespace gregor {

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "broken invariant: %s at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace gregor
