#include "broker/admin/open_connections.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gregor {

OpenConnections::Place OpenConnections::add(int descriptor) {
  std::lock_guard lock(mutex_);
  Entry entry{::fcntl(descriptor, F_DUPFD_CLOEXEC, 0), std::chrono::steady_clock::now()};
  return entries_.insert(entries_.end(), entry);
}

void OpenConnections::remove(Place place) {
  std::lock_guard lock(mutex_);
  if (place->descriptor >= 0) ::close(place->descriptor);
  entries_.erase(place);
}

void OpenConnections::shut_down_older_than(std::chrono::steady_clock::duration age) {
  std::lock_guard lock(mutex_);
  auto latest = std::chrono::steady_clock::now() - age;
  for (const Entry& entry : entries_) {
    if (entry.since <= latest) ::shutdown(entry.descriptor, SHUT_RDWR);
  }
}

}  // namespace gregor
