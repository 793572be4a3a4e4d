#include "zk-schema/cluster.h"

#include "cluster.pb.h"
#include "zk-schema/json.h"

namespace gregor::zk {

std::string ClusterId::encode() const {
  json::Cluster cluster;
  cluster.set_version("1");
  cluster.set_id(id);
  return json::to_json(cluster);
}

Result<ClusterId> ClusterId::decode(std::string_view text) {
  auto cluster = json::from_json<json::Cluster>(text);
  if (!cluster) return cluster.error();
  if (!cluster->has_id()) return json::malformed("cluster id", text);
  return ClusterId{cluster->id()};
}

}  // namespace gregor::zk
