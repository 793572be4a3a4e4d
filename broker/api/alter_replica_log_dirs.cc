#include "broker/api/alter_replica_log_dirs.h"

#include <map>

#include "broker/types/error_code.h"

namespace gregor {

Task<protocol::AlterReplicaLogDirsResponse> AlterReplicaLogDirsApi::answer(
    RequestContext, protocol::AlterReplicaLogDirsRequest request) {
  // Of two places for one partition the last counts, as in Kafka.
  std::map<TopicPartition, std::string> wanted;
  for (const auto& directory : request.dirs) {
    for (const auto& topic : directory.topics) {
      for (int32_t index : topic.partitions) wanted[{std::string(topic.name), index}] = std::string(directory.path);
    }
  }
  protocol::AlterReplicaLogDirsResponse response;
  for (const auto& [name, path] : wanted) {
    ErrorCode error = co_await run_on(home_, moves_.request(name, path));
    if (response.results.empty() || response.results.back().topic_name != name.topic) {
      response.results.emplace_back().topic_name = name.topic;
    }
    auto& row = response.results.back().partitions.emplace_back();
    row.partition_index = name.partition;
    row.error_code = static_cast<int16_t>(error);
  }
  co_return response;
}

}  // namespace gregor
