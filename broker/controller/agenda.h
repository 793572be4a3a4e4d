#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "runtime/clock.h"

namespace gregor {

/// What the controller has yet to look at: each thing once, however often it was put there, and since when.
class Agenda {
 public:
  /// In the order in which they are looked at.
  enum class Kind {
    election,
    brokers,
    topics,
    assignment,  ///< of a topic
    deletions,
    deleted,  ///< a topic whose replicas are all gone
  };
  struct Entry {
    Kind kind{};
    std::string topic;  ///< empty where the kind is not about one
    Instant since{};
  };

  void put(Kind kind, Instant now, std::string topic = {}) { entries_.try_emplace({kind, std::move(topic)}, now); }
  /// The next to look at; none when there is nothing.
  std::optional<Entry> take();
  void clear() { entries_.clear(); }

  bool is_empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }

 private:
  /// Since when each has been there.
  std::map<std::pair<Kind, std::string>, Instant> entries_;
};

}  // namespace gregor
