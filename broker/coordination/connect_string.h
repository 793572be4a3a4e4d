#pragma once

#include <string>
#include <string_view>

#include "runtime/result.h"

namespace gregor {

/// zookeeper.connect taken apart: `host1:2181,host2:2181/chroot`.
struct ConnectString {
  std::string servers;  // host:port, separated by commas
  std::string chroot;   // empty, or a path that begins with "/" and does not end with it

  /// Ports that are left out are 2181. Errors: invalid_argument.
  static Result<ConnectString> parse(std::string_view text);
};

}  // namespace gregor
