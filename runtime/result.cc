#include "runtime/result.h"

namespace gregor {

Error system_error(int number, const std::string& doing) {
  std::error_code code(number, std::system_category());
  return Error{code, doing + ": " + code.message()};
}

}  // namespace gregor
