#include "tests/support/broker_core.h"

#include "broker/api/alter_configs.h"
#include "broker/api/alter_replica_log_dirs.h"
#include "broker/api/api_versions.h"
#include "broker/api/create_partitions.h"
#include "broker/api/create_topics.h"
#include "broker/api/delete_records.h"
#include "broker/api/delete_topics.h"
#include "broker/api/describe_cluster.h"
#include "broker/api/describe_configs.h"
#include "broker/api/describe_log_dirs.h"
#include "broker/api/describe_producers.h"
#include "broker/api/fetch.h"
#include "broker/api/incremental_alter_configs.h"
#include "broker/api/init_producer_id.h"
#include "broker/api/leader_and_isr.h"
#include "broker/api/list_offsets.h"
#include "broker/api/metadata.h"
#include "broker/api/offset_for_leader_epoch.h"
#include "broker/api/produce.h"
#include "broker/api/stop_replica.h"
#include "broker/api/update_metadata.h"
#include "broker/coordination/registration.h"
#include "broker/replica/topic_settings.h"
#include "zk-schema/brokers.h"
#include "zk-schema/config.h"
#include "zk-schema/paths.h"
#include "zk-schema/topics.h"

namespace gregor::testing {
namespace {

using namespace std::chrono_literals;
namespace paths = zk::paths;

constexpr uint16_t kOwnPort = 9092;

BrokerConfig loaded_config() {
  static const BrokerConfig config = [] {
    auto loaded = BrokerConfig::load({{"zookeeper.connect", "here:2181"},
                                      {"broker.id", "1"},
                                      {"listeners", "PLAINTEXT://:9092"},
                                      {"log.dirs", "/data,/more"},
                                      {"num.partitions", "2"}},
                                     {}, [] { return std::string("here.example"); });
    ASSERT(loaded.ok());
    return *loaded;
  }();
  return config;
}

}  // namespace

Buffer flattened(const OutgoingFrame& frame) {
  Buffer bytes;
  size_t taken = 0;
  for (const auto& splice : frame.splices) {
    bytes.append(frame.bytes.view().subspan(taken, splice.position - taken));
    taken = splice.position;
    std::vector<uint8_t> part(splice.slice.size);
    auto count = splice.slice.file->read_at(splice.slice.position, part);
    ASSERT(count.ok() && *count == part.size());
    bytes.append(part);
  }
  bytes.append(frame.bytes.view().subspan(taken));
  return bytes;
}

BrokerCore::BrokerCore(const std::map<std::string, std::map<std::string, std::string>>& topics,
                       OtherBroker other_broker)
    : other_broker_(std::move(other_broker)),
      network_([this](uint16_t port, Buffer frame) { return serve_peer(port, std::move(frame)); }),
      config_(loaded_config()),
      live_config_(shards_.all(), config_),
      dynamic_config_(config_, live_config_),
      metadata_(shards_.all()),
      topic_metrics_(shards_.all(), true,
                     [this](std::string_view name) { return metadata_.image().topic(name) != nullptr; }),
      request_metrics_(shards_.all()) {
  for (size_t i = 0; i < shards_.all().size(); ++i) {
    connections_.push_back({"peer:1", "PLAINTEXT", gone_.get_token(), shards_.clock().now()});
  }
  for (const char* path : kDirectories) {
    auto directory = LogDirectory::open(files_, path);
    ASSERT(directory.ok());
    directories_.push_back(std::move(*directory));
  }
  auto made = shards_.run(ensure_persistent_paths(zookeeper_));
  ASSERT(made.ok());
  auto put_topics = [&] {
    for (const auto& [name, options] : topics) {
      zk::TopicAssignment assignment;
      for (int32_t index : {0, 1}) assignment.partitions[index].replicas = {kSelf};
      assignment.topic_id = Uuid::from_random(random_.sixteen_bytes()).to_string();
      zookeeper_.others_put(paths::config("topics", name), zk::EntityConfig{options}.encode());
      zookeeper_.others_put(paths::topic(name), assignment.encode());
    }
  };
  shards_.call(put_topics);
  wire();
  auto started = shards_.start(start());
  shards_.advance(1s);
  ASSERT(started.has_ended() && started.value());
}

BrokerCore::~BrokerCore() = default;

std::vector<LogDirectory*> BrokerCore::directories() const {
  std::vector<LogDirectory*> all;
  for (const auto& directory : directories_) all.push_back(directory.get());
  return all;
}

void BrokerCore::wire() {
  ReplicaEnvironment environment{BrokerId(kSelf), shards_.all(), pool_, shards_.clock(), random_, directories()};
  partitions_ = std::make_unique<Partitions>(environment);
  checkpointer_ = std::make_unique<Checkpointer>(*partitions_, pool_, directories());
  maintenance_ = std::make_unique<Maintenance>(*partitions_, pool_, directories());
  log_moves_ = std::make_unique<LogMoves>(environment, *partitions_, *checkpointer_, live_config_, 2);
  config_changes_ = std::make_unique<ConfigChanges>(zookeeper_, shards_.clock());
  config_follower_ = std::make_unique<ConfigFollower>(BrokerId(kSelf), zookeeper_, live_config_, dynamic_config_,
                                                      *partitions_, control_, *config_changes_);
  config_admin_ =
      std::make_unique<ConfigAdmin>(BrokerId(kSelf), zookeeper_, metadata_, live_config_, dynamic_config_);
  topic_admin_ = std::make_unique<TopicAdmin>(zookeeper_, metadata_, live_config_, random_);
  controller_ = std::make_unique<Controller>(
      ControllerEnvironment{BrokerId(kSelf), zookeeper_, network_, random_, shards_.clock(), config_});
  producer_ids_ = std::make_unique<ProducerIds>(zookeeper_, BrokerId(kSelf));
  zookeeper_.on_watch([this](WatchEvent event) {
    controller_->on_watch(event);
    config_changes_->on_watch(event);
  });
  wire_apis();
  dispatcher_ = std::make_unique<Dispatcher>(apis_, metadata_, request_metrics_, BrokerId(kSelf));
}

void BrokerCore::wire_apis() {
  Shard& first = *shards_.all()[0];
  apis_.add(std::make_unique<ProduceApi>(*partitions_, metadata_, topic_metrics_, shards_.all(), pool_));
  apis_.add(
      std::make_unique<FetchApi>(*partitions_, metadata_, topic_metrics_, shards_.all(), pool_, config_, random_));
  apis_.add(std::make_unique<ListOffsetsApi>(*partitions_, metadata_));
  apis_.add(std::make_unique<MetadataApi>(metadata_, *topic_admin_, first, config_, cluster_id_));
  apis_.add(std::make_unique<LeaderAndIsrApi>(*partitions_, control_, zookeeper_, live_config_, first));
  apis_.add(std::make_unique<StopReplicaApi>(*partitions_, control_, first));
  apis_.add(std::make_unique<UpdateMetadataApi>(metadata_, control_, first));
  apis_.add(std::make_unique<ApiVersionsApi>(apis_));
  apis_.add(std::make_unique<CreateTopicsApi>(*controller_, *topic_admin_, metadata_, live_config_, first));
  apis_.add(std::make_unique<DeleteTopicsApi>(*controller_, *topic_admin_, metadata_, config_, first));
  apis_.add(std::make_unique<DeleteRecordsApi>(*partitions_, metadata_));
  apis_.add(std::make_unique<OffsetForLeaderEpochApi>(*partitions_, metadata_));
  apis_.add(std::make_unique<DescribeLogDirsApi>(*partitions_, pool_, directories(), first));
  apis_.add(std::make_unique<AlterReplicaLogDirsApi>(*log_moves_, first));
  apis_.add(std::make_unique<DescribeConfigsApi>(zookeeper_, metadata_, live_config_, BrokerId(kSelf), first));
  apis_.add(std::make_unique<CreatePartitionsApi>(*controller_, *topic_admin_, metadata_, first));
  apis_.add(std::make_unique<DescribeClusterApi>(metadata_, cluster_id_));
  apis_.add(std::make_unique<AlterConfigsApi>(*config_admin_, first));
  apis_.add(std::make_unique<IncrementalAlterConfigsApi>(*config_admin_, first));
  apis_.add(std::make_unique<InitProducerIdApi>(*producer_ids_, config_, first));
  apis_.add(std::make_unique<DescribeProducersApi>(*partitions_, metadata_));
}

Task<bool> BrokerCore::start() {
  Result<void> read = co_await config_follower_->read_options();
  ASSERT(read.ok());
  Result<void> loaded = co_await partitions_->load_all({}, 1);
  ASSERT(loaded.ok());
  bool is_registered = co_await register_self();
  ASSERT(is_registered);
  config_changes_->follow();
  controller_->start();
  checkpointer_->start({5s, 60s, 60s});
  maintenance_->start({300s, 1000s, 600s});
  BrokerId self(kSelf);
  auto knows_us = [self](const ClusterImage& image) { return image.broker(self) != nullptr; };
  bool is_known = co_await metadata_.wait_until(knows_us, 500ms, {});
  co_return is_known;
}

Task<bool> BrokerCore::register_self() {
  zk::BrokerRegistration registration;
  registration.id = kSelf;
  registration.endpoints.push_back({"PLAINTEXT", "here.example", kOwnPort, "PLAINTEXT"});
  Result<BrokerEpoch> epoch =
      co_await register_broker(zookeeper_, shards_.clock(), std::move(registration), RegistrationOptions());
  if (epoch) control_.set_broker_epoch(*epoch);
  co_return epoch.ok();
}

Task<Buffer> BrokerCore::serve_peer(uint16_t port, Buffer frame) {
  if (port != kOwnPort) co_return other_broker_ ? other_broker_(port, frame.view()) : Buffer();
  Reply reply = co_await dispatcher_->handle(connections_[0], RequestFrame(std::move(frame)));
  if (reply.kind != Reply::Kind::send) co_return Buffer();
  co_return flattened(reply.frame);
}

Started<Reply> BrokerCore::dispatch(Buffer frame, size_t shard) {
  ConnectionInfo& connection = connections_[shard];
  connection.received = shards_.clock().now();
  return shards_.start(dispatcher_->handle(connection, RequestFrame(std::move(frame))), shard);
}

Task<bool> BrokerCore::suspend() {
  AsyncMutex::Guard turn = co_await control_.in_turn.lock();
  co_await partitions_->suspend_all();
  co_return true;
}

void BrokerCore::renew_session() {
  shards_.call([this] { zookeeper_.expire_session(); });
  shards_.call([this] { controller_->on_session_lost(); });
  shards_.start(suspend());
  auto registered = shards_.start(register_self());
  shards_.advance(100ms);
  if (!registered.has_ended() || !registered.value()) return;
  shards_.call([this] {
    config_follower_->follow();
    controller_->start();
  });
  shards_.advance(100ms);
}

Task<bool> BrokerCore::take_down() {
  co_await config_changes_->stop();
  co_await controller_->stop();
  co_await partitions_->suspend_all();
  co_await log_moves_->stop();
  co_await checkpointer_->stop();
  co_await maintenance_->stop();
  co_return true;
}

void BrokerCore::stop() {
  hang_up();
  auto taken_down = shards_.start(take_down());
  shards_.advance(60s);
  ASSERT(taken_down.has_ended());
}

}  // namespace gregor::testing
