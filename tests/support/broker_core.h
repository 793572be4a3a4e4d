#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "broker/api/dispatcher.h"
#include "broker/config/dynamic_config.h"
#include "broker/controller/config_admin.h"
#include "broker/controller/controller.h"
#include "broker/controller/topic_admin.h"
#include "broker/coordination/config_changes.h"
#include "broker/coordination/producer_ids.h"
#include "broker/log/log_directory.h"
#include "broker/metrics/topic_metrics.h"
#include "broker/replica/checkpointer.h"
#include "broker/replica/config_follower.h"
#include "broker/replica/control_state.h"
#include "broker/replica/log_moves.h"
#include "broker/replica/maintenance.h"
#include "broker/replica/partitions.h"
#include "tests/support/fake_zookeeper.h"
#include "tests/support/loopback_network.h"
#include "tests/support/manual_shards.h"
#include "tests/support/memory_file_system.h"

namespace gregor::testing {

/// Random numbers that are the same in every run.
class SeededRandom final : public Random {
 public:
  void fill(std::span<uint8_t> into) override {
    for (uint8_t& byte : into) byte = static_cast<uint8_t>(generator_());
  }

 private:
  std::mt19937_64 generator_{1};
};

/// The bytes of a frame as they go out, files spliced in. Its files must be readable.
Buffer flattened(const OutgoingFrame& frame);

/// A whole broker without sockets, threads, disk and ZooKeeper: real APIs behind a real dispatcher, a real
/// controller that commands this broker, all on fakes. It is wired as Broker is.
class BrokerCore {
 public:
  static constexpr int32_t kSelf = 1;
  static constexpr const char* kDirectories[] = {"/data", "/more"};
  /// Answers what the controller sends to a broker with another port.
  using OtherBroker = std::function<Buffer(uint16_t port, Bytes frame)>;

  /// `topics` are those that there are from the beginning, with their options; each has two partitions.
  explicit BrokerCore(const std::map<std::string, std::map<std::string, std::string>>& topics,
                      OtherBroker other_broker = {});
  ~BrokerCore();

  /// Has a request handled that came by a connection of `shard`; the frame is without its size.
  Started<Reply> dispatch(Buffer frame, size_t shard = 0);
  /// The connections of all clients end.
  void hang_up() { gone_.request_stop(); }
  /// The session with ZooKeeper is lost and another one begins.
  void renew_session();
  /// Ends what waits for clients or other brokers, and everything that goes on by itself. Nothing is dispatched
  /// then.
  void stop();

  ManualShards& shards() { return shards_; }
  FakeZooKeeper& zookeeper() { return zookeeper_; }
  MemoryFileSystem& files() { return files_; }
  Partitions& partitions() { return *partitions_; }
  const MetadataCache& metadata() const { return metadata_; }

 private:
  Task<bool> start();
  Task<bool> register_self();
  Task<bool> take_down();
  Task<bool> suspend();
  Task<Buffer> serve_peer(uint16_t port, Buffer frame);
  std::vector<LogDirectory*> directories() const;
  void wire();
  void wire_apis();

  ManualShards shards_{2};
  InlinePool pool_;
  MemoryFileSystem files_;
  SeededRandom random_;
  FakeZooKeeper zookeeper_;
  OtherBroker other_broker_;
  LoopbackNetwork network_;
  BrokerConfig config_;
  std::string cluster_id_ = "cluster";
  std::stop_source gone_;
  std::vector<ConnectionInfo> connections_;  ///< one of each shard

  LiveConfig live_config_;
  DynamicConfig dynamic_config_;
  MetadataCache metadata_;
  ControlState control_;
  TopicMetrics topic_metrics_;
  RequestMetrics request_metrics_;
  std::vector<std::unique_ptr<LogDirectory>> directories_;
  std::unique_ptr<Partitions> partitions_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<Maintenance> maintenance_;
  std::unique_ptr<LogMoves> log_moves_;
  std::unique_ptr<ConfigChanges> config_changes_;
  std::unique_ptr<ConfigFollower> config_follower_;
  std::unique_ptr<ConfigAdmin> config_admin_;
  std::unique_ptr<TopicAdmin> topic_admin_;
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<ProducerIds> producer_ids_;
  ApiRegistry apis_;
  std::unique_ptr<Dispatcher> dispatcher_;
};

}  // namespace gregor::testing
