#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "broker/api/dispatcher.h"
#include "broker/api/fetch.h"
#include "broker/config/broker_config.h"
#include "broker/config/dynamic_config.h"
#include "broker/controller/config_admin.h"
#include "broker/controller/controller.h"
#include "broker/controller/controller_metrics.h"
#include "broker/controller/topic_admin.h"
#include "broker/coordination/config_changes.h"
#include "broker/coordination/producer_ids.h"
#include "broker/coordination/zk_client.h"
#include "broker/log/directory_metrics.h"
#include "broker/log/log_directory.h"
#include "broker/net/server.h"
#include "broker/observability.h"
#include "broker/replica/checkpointer.h"
#include "broker/replica/config_follower.h"
#include "broker/replica/control_state.h"
#include "broker/replica/directory_failures.h"
#include "broker/replica/log_moves.h"
#include "broker/replica/maintenance.h"
#include "broker/replica/partitions.h"
#include "broker/replica/replica_metrics.h"
#include "broker/server_settings.h"
#include "zk-schema/brokers.h"

namespace gregor {

/// What the broker stands on, all of it from runtime/, so that a test or a simulation can bring its own.
struct BrokerRuntime {
  const Shards& shards;
  BackgroundPool& pool;
  FileSystem& files;
  Network& network;
  const Clock& clock;
  Random& random;
};

/// One broker: puts the parts together, and brings them up and down in the right order. On shard 0.
class Broker {
 public:
  /// `on_fatal` is called when the broker is of no use any more, saying why; it is to be stopped then.
  Broker(BrokerRuntime runtime, BrokerConfig config, UniqueFunction<void(std::string)> on_fatal);
  ~Broker();

  /// Opens the log directories, joins the cluster and serves; returns when clients are answered. Error: what stands
  /// in the way, in words for the operator.
  Task<Result<void>> start();
  /// Lets requests finish, closes every log and leaves the cluster. After a failed start too, and
  /// during one. Error: a log directory could not be closed properly, of which the log has told.
  Task<Result<void>> stop();
  /// The log directories that the next start has to recover, after `stop`, by their paths. Blocks.
  std::vector<std::string> directories_to_recover() const;

 private:
  Task<Result<void>> bring_up();
  Task<Result<void>> open_directories();
  Task<Result<void>> join_coordination();
  Task<Result<void>> take_identity();
  Result<void> check_identity(const std::vector<std::unique_ptr<LogDirectory>>& directories) const;
  Task<Result<void>> load_partitions();
  Result<void> check_listeners_are_free() const;
  Result<void> listen();
  zk::BrokerRegistration registration() const;
  std::string advertised_text() const;
  Task<Result<void>> register_self();
  Task<Result<void>> find_hosts();
  void wire();
  void start_chores();
  std::vector<LogDirectory*> directories() const;
  void wire_apis();
  void register_reconfigurable_parts();
  Task<void> renew_limits();
  void register_listeners_as_reconfigurable();
  Task<void> update_listeners(const BrokerConfig& before, const BrokerConfig& now);
  void on_session(SessionState state);
  Task<void> renew_registration();
  Task<void> suspend_partitions();
  /// Shows in /metrics what is wired.
  void observe(FetchApi& fetch);
  std::vector<ReadinessCondition> readiness() const;
  std::vector<ReadinessCondition> coordination_conditions() const;
  std::vector<ReadinessCondition> load_conditions() const;

  BrokerRuntime runtime_;
  const BrokerConfig config_;  ///< as the broker was started with
  LiveConfig live_config_;     ///< as it is now
  DynamicConfig dynamic_config_;
  UniqueFunction<void(std::string)> on_fatal_;
  std::string coordination_name_;  ///< "ZooKeeper at host:port", for messages
  BrokerId id_ = kNoBroker;
  std::string cluster_id_;
  std::map<std::string, int32_t> bound_ports_;  ///< by listener
  std::vector<BrokerEndpoint> advertised_;

  std::vector<std::unique_ptr<LogDirectory>> directories_;
  std::unique_ptr<ZkClient> zookeeper_;
  MetadataCache metadata_;
  ControlState control_;
  Observability observability_;
  TopicMetrics topic_metrics_;
  RequestMetrics request_metrics_;
  std::unique_ptr<Partitions> partitions_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<LogMoves> log_moves_;
  std::unique_ptr<Maintenance> maintenance_;
  std::unique_ptr<DirectoryFailures> directory_failures_;
  std::unique_ptr<ConfigChanges> config_changes_;
  std::unique_ptr<ConfigFollower> config_follower_;
  std::unique_ptr<ConfigAdmin> config_admin_;
  std::unique_ptr<TopicAdmin> topic_admin_;
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<ProducerIds> producer_ids_;
  std::unique_ptr<ReplicaMetrics> replica_metrics_;
  std::unique_ptr<ControllerMetrics> controller_metrics_;
  std::unique_ptr<DirectoryMetrics> directory_metrics_;
  ApiRegistry apis_;
  std::unique_ptr<Dispatcher> dispatcher_;
  MemoryBudget request_memory_;
  std::unique_ptr<Server> server_;
  HostAddresses hosts_;  ///< of limits of connections
  int64_t registered_session_ = 0;
  bool is_starting_ = false;
  std::stop_source give_up_connecting_;
  bool is_stopping_ = false;
  bool are_partitions_loaded_ = false;
};

}  // namespace gregor
