#include "zk-schema/controller.h"

#include <charconv>

#include "controller.pb.h"
#include "zk-schema/json.h"

namespace gregor::zk {

std::string ControllerInfo::encode() const {
  json::Controller controller;
  controller.set_version(2);
  controller.set_brokerid(broker_id);
  controller.set_timestamp(timestamp_ms);
  controller.set_kraftcontrollerepoch(kraft_controller_epoch);
  return json::to_json(controller);
}

Result<ControllerInfo> ControllerInfo::decode(std::string_view text) {
  auto controller = json::from_json<json::Controller>(text);
  if (!controller) return controller.error();
  if (!controller->has_brokerid()) return json::malformed("controller", text);
  ControllerInfo info;
  info.broker_id = controller->brokerid();
  info.timestamp_ms = controller->timestamp();
  if (controller->has_kraftcontrollerepoch()) info.kraft_controller_epoch = controller->kraftcontrollerepoch();
  return info;
}

std::string encode_controller_epoch(int32_t epoch) { return std::to_string(epoch); }

Result<int32_t> decode_controller_epoch(std::string_view text) {
  int32_t epoch = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), epoch);
  if (error != std::errc() || end != text.data() + text.size()) return json::malformed("controller epoch", text);
  return epoch;
}

}  // namespace gregor::zk
