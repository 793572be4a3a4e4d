#include "broker/controller/replica_assignment.h"

#include "broker/types/error_code.h"

namespace gregor {
namespace {

size_t follower_index(size_t first, size_t shift, size_t replica, size_t brokers) {
  size_t distance = 1 + (shift + replica) % (brokers - 1);
  return (first + distance) % brokers;
}

}  // namespace

Result<std::map<int32_t, std::vector<BrokerId>>> assign_replicas(const std::vector<BrokerId>& brokers,
                                                                 int32_t partitions, int32_t replication_factor,
                                                                 size_t start_index, size_t start_shift,
                                                                 int32_t first_partition) {
  if (replication_factor > static_cast<int32_t>(brokers.size())) {
    return Error{make_error_code(ErrorCode::invalid_replication_factor),
                 "Replication factor: " + std::to_string(replication_factor) +
                     " larger than available brokers: " + std::to_string(brokers.size()) + "."};
  }
  std::map<int32_t, std::vector<BrokerId>> assignment;
  size_t shift = start_shift;
  for (int32_t i = 0; i < partitions; ++i) {
    auto partition = static_cast<size_t>(first_partition + i);
    if (i > 0 && partition % brokers.size() == 0) ++shift;
    size_t first = (partition + start_index) % brokers.size();
    std::vector<BrokerId> replicas{brokers[first]};
    for (int32_t j = 0; j + 1 < replication_factor; ++j) {
      replicas.push_back(brokers[follower_index(first, shift, static_cast<size_t>(j), brokers.size())]);
    }
    assignment.emplace(first_partition + i, std::move(replicas));
  }
  return assignment;
}

}  // namespace gregor
