#pragma once

#include <optional>
#include <vector>

#include "broker/coordination/zookeeper.h"
#include "broker/types/ids.h"

namespace gregor {

/// What a controller holds while it is one.
struct ControllerTerm {
  ControllerEpoch epoch;
  int32_t epoch_version = 0;  // of /controller_epoch; every write of the controller checks it
};

struct ElectionOutcome {
  BrokerId controller = kNoBroker;
  std::optional<ControllerTerm> term;  // set when we were elected
};

/// Tries to become the controller; when there is one already, tells which. `wall_ms` is the time to be written.
Task<Result<ElectionOutcome>> elect_controller(ZooKeeper& zookeeper, BrokerId self, int64_t wall_ms);

/// The broker that /controller names, or kNoBroker. With a watch, the next change of it is reported.
Task<Result<BrokerId>> read_controller(ZooKeeper& zookeeper, Watch watch);

/// Gives the office up by removing /controller, if the term is still ours. Errors: bad_version when it is not.
Task<Result<void>> resign(ZooKeeper& zookeeper, ControllerTerm term);

/// `ops`, to be done only while the term lasts: the multi fails at its operation 0 with bad_version afterwards.
/// Every write of a controller goes through this.
std::vector<ZkOp> fenced(ControllerTerm term, std::vector<ZkOp> ops);
/// Whether a fenced multi failed because the term is over.
bool is_fenced_off(const ZkMultiResult& result);

}  // namespace gregor
