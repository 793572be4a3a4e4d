#include "zk-schema/admin.h"

#include "admin.pb.h"
#include "zk-schema/json.h"

namespace gregor::zk {

std::string Reassignment::encode() const {
  json::Reassignment message;
  message.set_version(1);
  for (const auto& [name, brokers] : replicas) {
    auto& entry = *message.add_partitions();
    entry.set_topic(name.topic);
    entry.set_partition(name.partition);
    for (int32_t broker : brokers) entry.add_replicas(broker);
  }
  return json::to_json(message);
}

Result<Reassignment> Reassignment::decode(std::string_view text) {
  auto message = json::from_json<json::Reassignment>(text);
  if (!message) return message.error();
  Reassignment decoded;
  for (const auto& entry : message->partitions()) {
    decoded.replicas[{entry.topic(), entry.partition()}].assign(entry.replicas().begin(), entry.replicas().end());
  }
  return decoded;
}

std::string PreferredElection::encode() const {
  json::PreferredElection message;
  message.set_version(1);
  for (const PartitionName& name : partitions) {
    auto& entry = *message.add_partitions();
    entry.set_topic(name.topic);
    entry.set_partition(name.partition);
  }
  return json::to_json(message);
}

Result<PreferredElection> PreferredElection::decode(std::string_view text) {
  auto message = json::from_json<json::PreferredElection>(text);
  if (!message) return message.error();
  PreferredElection decoded;
  for (const auto& entry : message->partitions()) decoded.partitions.push_back({entry.topic(), entry.partition()});
  return decoded;
}

}  // namespace gregor::zk
