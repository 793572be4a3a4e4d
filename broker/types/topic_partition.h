#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gregor {

/// The name of one partition of one topic.
struct TopicPartition {
  std::string topic;
  int32_t partition = 0;

  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
  /// `orders-3`, as Kafka names directories and prints partitions.
  std::string to_string() const { return topic + "-" + std::to_string(partition); }
};

/// A TopicPartition whose topic is somebody else's text; what maps of TopicPartition are searched by.
struct TopicPartitionView {
  std::string_view topic;
  int32_t partition = 0;

  TopicPartitionView(std::string_view topic_name, int32_t index) : topic(topic_name), partition(index) {}
  TopicPartitionView(const TopicPartition& owner) : topic(owner.topic), partition(owner.partition) {}  // NOLINT
  friend bool operator==(TopicPartitionView, TopicPartitionView) = default;
};

/// Hash and equality that take both, for unordered containers with heterogeneous lookup.
struct TopicPartitionHash {
  using is_transparent = void;
  size_t operator()(TopicPartitionView name) const {
    return std::hash<std::string_view>()(name.topic) * 31 + static_cast<size_t>(name.partition);
  }
};
struct TopicPartitionEqual {
  using is_transparent = void;
  bool operator()(TopicPartitionView a, TopicPartitionView b) const { return a == b; }
};

/// Why `name` can't be a topic's name, in Kafka's words, or an empty text when it can: letters, digits, `.`, `_`
/// and
/// `-`, at most 249 of them, and neither `.` nor `..`.
std::string topic_name_problem(std::string_view name);

}  // namespace gregor
