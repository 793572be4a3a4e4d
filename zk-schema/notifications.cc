#include "zk-schema/notifications.h"

#include "notifications.pb.h"
#include "zk-schema/json.h"

namespace gregor::zk {
namespace {

constexpr int32_t kLogDirFailure = 1;

}  // namespace

std::string IsrChange::encode() const {
  json::IsrChange message;
  message.set_version(1);
  for (const PartitionName& name : partitions) {
    auto& entry = *message.add_partitions();
    entry.set_topic(name.topic);
    entry.set_partition(name.partition);
  }
  return json::to_json(message);
}

Result<IsrChange> IsrChange::decode(std::string_view text) {
  auto message = json::from_json<json::IsrChange>(text);
  if (!message) return message.error();
  IsrChange decoded;
  for (const auto& entry : message->partitions()) decoded.partitions.push_back({entry.topic(), entry.partition()});
  return decoded;
}

std::string LogDirEvent::encode() const {
  json::LogDirEvent message;
  message.set_version(1);
  message.set_broker(broker_id);
  message.set_event(kLogDirFailure);
  return json::to_json(message);
}

Result<LogDirEvent> LogDirEvent::decode(std::string_view text) {
  auto message = json::from_json<json::LogDirEvent>(text);
  if (!message) return message.error();
  if (!message->has_broker()) return json::malformed("log dir event", text);
  return LogDirEvent{message->broker()};
}

}  // namespace gregor::zk
