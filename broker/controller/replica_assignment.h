#pragma once

#include <map>
#include <vector>

#include "broker/types/ids.h"
#include "runtime/result.h"

namespace gregor {

/// Deals the replicas of new partitions out to `brokers` (sorted by id) so that leaders and replicas are spread
/// evenly: the first replicas go round robin from `start_index`, the others follow at a distance that shifts after
/// each round. Rack-unaware; the rule of Kafka's AdminUtils. `first_partition` is where numbering begins, for added
/// partitions.
///
/// Error: invalid_replication_factor when there are not enough brokers.
Result<std::map<int32_t, std::vector<BrokerId>>> assign_replicas(const std::vector<BrokerId>& brokers,
                                                                 int32_t partitions, int32_t replication_factor,
                                                                 size_t start_index, size_t start_shift,
                                                                 int32_t first_partition);

}  // namespace gregor
