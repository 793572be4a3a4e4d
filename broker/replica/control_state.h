#pragma once

#include "broker/types/error_code.h"
#include "broker/types/ids.h"
#include "runtime/async_mutex.h"

namespace gregor {

/// What this broker knows of the controllers that command it: their epochs, and its own. Requests of a deposed
/// controller, or meant for an earlier life of this broker, are refused (KIP-380). On shard 0; control requests are
/// carried out one at a time, under `in_turn`.
class ControlState {
 public:
  /// none, stale_controller_epoch or stale_broker_epoch. A `broker_epoch` of -1 is from before there were any.
  ErrorCode admit(ControllerEpoch controller_epoch, BrokerEpoch broker_epoch) {
    if (broker_epoch.value != -1 && broker_epoch < broker_epoch_) return ErrorCode::stale_broker_epoch;
    if (controller_epoch < controller_epoch_) return ErrorCode::stale_controller_epoch;
    controller_epoch_ = controller_epoch;
    return ErrorCode::none;
  }
  /// The broker registered, or registered again.
  void set_broker_epoch(BrokerEpoch epoch) { broker_epoch_ = epoch; }
  BrokerEpoch broker_epoch() const { return broker_epoch_; }

  AsyncMutex in_turn;

 private:
  ControllerEpoch controller_epoch_{0};
  BrokerEpoch broker_epoch_{-1};
};

}  // namespace gregor
