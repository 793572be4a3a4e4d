#pragma once

#include <chrono>
#include <list>
#include <mutex>

namespace gregor {

/// The connections that the HTTP threads are busy with. Any thread.
class OpenConnections {
  struct Entry {
    int descriptor = -1;
    std::chrono::steady_clock::time_point since;
  };

 public:
  using Place = std::list<Entry>::iterator;

  /// Notes a connection by a descriptor of its own, a duplicate, which can't come to mean another socket.
  Place add(int descriptor);
  void remove(Place place);
  /// Ends those that have taken `age` or longer.
  void shut_down_older_than(std::chrono::steady_clock::duration age);

 private:
  std::mutex mutex_;
  std::list<Entry> entries_;
};

}  // namespace gregor
