#include "broker/config/host_name.h"

#include <netdb.h>
#include <unistd.h>

#include <array>

namespace gregor {

std::string canonical_host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  addrinfo hints{};
  hints.ai_flags = AI_CANONNAME;
  addrinfo* found = nullptr;
  if (getaddrinfo(name.data(), nullptr, &hints, &found) != 0) return name.data();
  std::string canonical = found->ai_canonname != nullptr ? found->ai_canonname : name.data();
  freeaddrinfo(found);
  return canonical;
}

}  // namespace gregor
