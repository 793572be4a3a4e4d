#pragma once

#include <string>

namespace gregor {

/// This machine's full name as the resolver knows it, or its short one where the resolver knows none. May block on
/// DNS.
std::string canonical_host_name();

}  // namespace gregor
