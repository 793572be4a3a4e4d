#pragma once

#include <map>
#include <string>
#include <vector>

#include "broker/controller/controller_context.h"
#include "broker/controller/leader_decisions.h"
#include "broker/coordination/election.h"
#include "broker/coordination/zookeeper.h"
#include "runtime/random.h"

namespace gregor {

/// What the controller reads from and writes to ZooKeeper. Reads leave watches where the controller wants to hear
/// of the next change; writes are fenced by the controller's term. On shard 0.
///
/// Errors: not_controller when the term is over, else ZooKeeper's.
class ControllerStore {
 public:
  ControllerStore(ZooKeeper& zookeeper, Random& random) : zookeeper_(zookeeper), random_(random) {}

  /// Live brokers; the next one that comes, goes or changes its registration is reported.
  Task<Result<std::map<BrokerId, LiveBroker>>> live_brokers();
  /// Names of all topics; the next one made or removed is reported.
  Task<Result<std::vector<std::string>>> topic_names();
  /// Assignments and states of those of `names` that exist; the next change of each assignment is reported. A topic
  /// from before there were topic ids is given one.
  Task<Result<std::map<std::string, TopicAssignmentState>>> topics(ControllerTerm term,
                                                                   std::vector<std::string> names);
  /// The same for topics that are new to the controller, quicker: most have no states yet.
  Task<Result<std::map<std::string, TopicAssignmentState>>> made_topics(ControllerTerm term,
                                                                        std::vector<std::string> names);
  /// Topics that somebody wants deleted; the next wish is reported.
  Task<Result<std::vector<std::string>>> deletions();

  /// Writes the states, many in one multi, and yields those written, with their znodes' new versions. One that
  /// can't be written because its znode changed is left out and told in the log.
  Task<Result<std::vector<StateChange>>> write_states(ControllerTerm term, std::vector<StateChange> changes);
  /// Removes everything about a topic; itself and the wish to delete it last, together.
  Task<Result<void>> delete_topic(ControllerTerm term, std::string name);
  /// Drops the wish to delete a topic.
  Task<Result<void>> drop_deletion(ControllerTerm term, std::string name);
  /// Makes /feature as Kafka's controller does where no feature is finalized.
  Task<Result<void>> ensure_features();

 private:
  using Topics = std::map<std::string, TopicAssignmentState>;

  Task<Result<Topics>> assignments(ControllerTerm term, std::vector<std::string> names);
  Task<Result<void>> add_missing_ids(ControllerTerm term, std::vector<std::string> names,
                                     std::vector<Result<ZkNode>> nodes, Topics& topics);
  Task<Result<void>> read_states(Topics& topics, std::vector<std::string> names);
  Task<Result<void>> ensure_partition_parents(ControllerTerm term, std::vector<StateChange> changes);
  /// Yields the version of each state's znode, or why it could not be written.
  Task<std::vector<Result<int32_t>>> write_each(ControllerTerm term, std::vector<StateChange> changes);
  /// The version of the state's znode where that holds what was to be written: a write whose answer was lost is
  /// made again, and fails on itself. Else `error`.
  Task<Result<int32_t>> version_if_written(StateChange change, Error error);
  /// Carries out `ops`; that a node is there already, or is gone already, is no error.
  Task<Result<void>> fenced_op(ControllerTerm term, ZkOp op);

  ZooKeeper& zookeeper_;
  Random& random_;
};

}  // namespace gregor
