#include "broker/broker.h"

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
#include "broker/config/log_dirs_check.h"
#include "broker/config/options.h"
#include "broker/coordination/registration.h"
#include "broker/replica/topic_settings.h"
#include "broker/server_settings.h"
#include "broker/types/error_code.h"
#include "runtime/bounded_ms.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

using std::chrono::milliseconds;

constexpr Duration kRegistrationRetryDelay = std::chrono::seconds(2);
constexpr Duration kStopPoll = milliseconds(20);
constexpr Duration kCoordinationPatience = std::chrono::seconds(5);

}  // namespace

Broker::Broker(BrokerRuntime runtime, BrokerConfig config, UniqueFunction<void(std::string)> on_fatal)
    : runtime_(runtime),
      config_(std::move(config)),
      live_config_(runtime.shards, config_),
      dynamic_config_(config_, live_config_),
      on_fatal_(std::move(on_fatal)),
      coordination_name_("ZooKeeper at " + config_.get(options::zookeeper_connect).value_or("") +
                         " (zookeeper.connect)"),
      metadata_(runtime.shards),
      observability_(runtime.shards, runtime.clock.wall_ms(), [this] { return readiness(); }),
      topic_metrics_(runtime.shards, config_.get(options::gregor_metrics_topics),
                     [this](std::string_view name) { return metadata_.image().topic(name) != nullptr; }),
      request_metrics_(runtime.shards),
      request_memory_(*runtime.shards[0], request_memory_limit(config_)) {}

Broker::~Broker() = default;

Task<Result<void>> Broker::start() {
  is_starting_ = true;
  Result<void> started = co_await bring_up();
  is_starting_ = false;
  // What failed because it was stopped did not fail.
  if (is_stopping_) co_return Result<void>();
  co_return started;
}

Task<Result<void>> Broker::bring_up() {
  observability_.status().set_state(BrokerState::starting);
  observability_.start(config_.http_listener());
  Result<void> done = co_await open_directories();
  if (!done || is_stopping_) co_return done;
  done = co_await join_coordination();
  if (!done || is_stopping_) co_return done;
  done = co_await take_identity();
  if (!done || is_stopping_) co_return done;
  done = co_await find_hosts();
  if (!done || is_stopping_) co_return done;
  wire();
  done = co_await config_follower_->read_options();
  if (!done || is_stopping_) co_return done;
  // Before the logs are read, which may take long.
  done = check_listeners_are_free();
  if (!done) co_return done;
  observability_.status().set_state(BrokerState::recovery);
  done = co_await load_partitions();
  if (!done || is_stopping_) co_return done;
  done = listen();
  if (!done) co_return done;
  done = co_await register_self();
  if (!done || is_stopping_) co_return done;
  config_changes_->follow();
  controller_->start();
  start_chores();
  BrokerId self = id_;
  auto knows_us = [self](const ClusterImage& image) { return image.broker(self) != nullptr; };
  bool is_known = false;
  while (!is_known && !is_stopping_) is_known = co_await metadata_.wait_until(knows_us, kStopPoll, {});
  if (is_known) {
    observability_.status().set_state(BrokerState::running);
    const std::string& http = observability_.address();
    log::info("ready broker_id={} listeners={}{} cluster_id={} controller={}", id_.value, advertised_text(),
              http.empty() ? "" : " http=" + http, cluster_id_, metadata_.image().controller().value);
  }
  co_return Result<void>();
}

void Broker::start_chores() {
  checkpointer_->start({bounded_ms(config_.get(options::replica_high_watermark_checkpoint_interval_ms)),
                        bounded_ms(config_.get(options::log_flush_offset_checkpoint_interval_ms)),
                        bounded_ms(config_.get(options::log_flush_start_offset_checkpoint_interval_ms))});
  maintenance_->start({bounded_ms(config_.get(options::log_retention_check_interval_ms)),
                       bounded_ms(config_.get(options::log_flush_scheduler_interval_ms)),
                       bounded_ms(config_.get(options::producer_id_expiration_check_interval_ms))});
}

Task<Result<void>> Broker::open_directories() {
  auto open = [this]() -> Result<void> {
    if (auto checked = check_log_dirs_are_apart(config_); !checked) return checked;
    for (const auto& path : config_.log_dirs()) {
      auto directory = LogDirectory::open(runtime_.files, path);
      if (!directory) return directory.error();
      directories_.push_back(std::move(*directory));
    }
    auto is_offline = [](const auto& directory) { return directory->health().is_offline(); };
    if (!std::all_of(directories_.begin(), directories_.end(), is_offline)) return {};
    return directories_.front()->health().error();
  };
  Result<void> opened = co_await in_background(runtime_.pool, open);
  co_return opened;
}

Task<Result<void>> Broker::join_coordination() {
  ZkClientOptions zookeeper;
  zookeeper.connect = config_.get(options::zookeeper_connect).value_or("");
  zookeeper.session_timeout = milliseconds(config_.get(options::zookeeper_session_timeout_ms));
  zookeeper.connection_timeout = milliseconds(config_.effective(options::zookeeper_connection_timeout_ms));
  zookeeper.max_in_flight = static_cast<size_t>(config_.get(options::zookeeper_max_in_flight_requests));
  zookeeper.session_file = directories_.front()->path() + "/.zookeeper-session";
  zookeeper.give_up = give_up_connecting_.get_token();
  auto client = co_await ZkClient::connect(*runtime_.shards[0], runtime_.pool, zookeeper);
  if (!client) {
    co_return Error{client.error().code,
                    "could not connect to " + coordination_name_ + ": " + client.error().message};
  }
  zookeeper_ = std::move(*client);
  zookeeper_->on_watch([this](WatchEvent event) {
    if (controller_) controller_->on_watch(event);
    if (config_changes_) config_changes_->on_watch(event);
  });
  zookeeper_->on_session([this](SessionState state) { on_session(state); });
  Result<void> made = co_await ensure_persistent_paths(*zookeeper_);
  co_return made;
}

Task<Result<void>> Broker::take_identity() {
  std::string proposed = Uuid::from_random(runtime_.random.sixteen_bytes()).to_string();
  Result<std::string> cluster = co_await cluster_id(*zookeeper_, proposed);
  if (!cluster) co_return cluster.error();
  cluster_id_ = std::move(*cluster);
  id_ = BrokerId(config_.get(options::broker_id));
  for (const auto& directory : directories_) {
    const auto& known = directory->meta_properties();
    if (id_ == kNoBroker && known) id_ = known->broker_id().value_or(kNoBroker);
  }
  if (Result<void> checked = check_identity(directories_); !checked) co_return checked;
  if (id_ == kNoBroker && !config_.get(options::broker_id_generation_enable)) {
    co_return Error{make_error_code(ErrorCode::invalid_config),
                    "Invalid value -1 for configuration broker.id: must be 0 or more, since "
                    "broker.id.generation.enable is false"};
  }
  if (id_ == kNoBroker) {
    Result<BrokerId> generated =
        co_await generate_broker_id(*zookeeper_, config_.get(options::reserved_broker_max_id));
    if (!generated) co_return generated.error();
    id_ = *generated;
    log::info("took a broker id from the coordination service broker_id={}", id_.value);
  }
  auto write = [this]() -> Result<void> {
    for (const auto& directory : directories_) {
      if (directory->meta_properties() || directory->health().is_offline()) continue;
      if (auto set = directory->set_meta_properties(MetaProperties::of(id_, cluster_id_)); !set) return set;
    }
    return {};
  };
  Result<void> written = co_await in_background(runtime_.pool, write);
  co_return written;
}

Result<void> Broker::check_identity(const std::vector<std::unique_ptr<LogDirectory>>& directories) const {
  std::optional<ExpectedId> broker;
  if (id_ != kNoBroker) {
    bool is_configured = config_.get(options::broker_id) != kNoBroker.value;
    broker = ExpectedId{std::to_string(id_.value), is_configured ? "the broker's configuration (broker.id)"
                                                                 : directories[0]->meta_properties_path()};
  }
  ExpectedId cluster{cluster_id_, coordination_name_};
  for (const auto& directory : directories) {
    const auto& known = directory->meta_properties();
    if (!known) continue;
    auto checked = check_meta_properties(*known, directory->meta_properties_path(), broker, cluster);
    if (!checked) return checked;
  }
  return {};
}

std::vector<LogDirectory*> Broker::directories() const {
  std::vector<LogDirectory*> all;
  for (const auto& directory : directories_) all.push_back(directory.get());
  return all;
}

std::vector<std::string> Broker::directories_to_recover() const {
  std::vector<std::string> paths;
  if (!partitions_) return paths;  // nothing was touched
  for (const auto& directory : directories_) {
    if (!directory->has_clean_shutdown_mark()) paths.push_back(directory->path());
  }
  return paths;
}

void Broker::wire() {
  observability_.status().set_identity(id_.value, cluster_id_);
  ReplicaEnvironment environment{id_,          runtime_.shards, runtime_.pool, runtime_.clock, runtime_.random,
                                 directories()};
  partitions_ = std::make_unique<Partitions>(environment);
  checkpointer_ = std::make_unique<Checkpointer>(*partitions_, runtime_.pool, directories());
  log_moves_ =
      std::make_unique<LogMoves>(environment, *partitions_, *checkpointer_, live_config_, moves_at_once(config_));
  maintenance_ = std::make_unique<Maintenance>(*partitions_, runtime_.pool, directories());
  directory_failures_ =
      std::make_unique<DirectoryFailures>(id_, *partitions_, *zookeeper_, control_, directories());
  directory_failures_->watch([this] { on_fatal_("all log directories are offline"); });
  config_changes_ = std::make_unique<ConfigChanges>(*zookeeper_, runtime_.clock);
  config_follower_ = std::make_unique<ConfigFollower>(id_, *zookeeper_, live_config_, dynamic_config_, *partitions_,
                                                      control_, *config_changes_);
  config_admin_ = std::make_unique<ConfigAdmin>(id_, *zookeeper_, metadata_, live_config_, dynamic_config_);
  topic_admin_ = std::make_unique<TopicAdmin>(*zookeeper_, metadata_, live_config_, runtime_.random);
  controller_ = std::make_unique<Controller>(
      ControllerEnvironment{id_, *zookeeper_, runtime_.network, runtime_.random, runtime_.clock, config_});
  register_reconfigurable_parts();
  wire_apis();
  dispatcher_ = std::make_unique<Dispatcher>(apis_, metadata_, request_metrics_, id_);
  server_ = std::make_unique<Server>(runtime_.network, runtime_.shards, *dispatcher_, request_memory_,
                                     ServerConfig{listen_options(config_), server_limits(config_, hosts_)});
  observability_.add(*server_);
}

void Broker::wire_apis() {
  Shard& first = *runtime_.shards[0];
  apis_.add(std::make_unique<ProduceApi>(*partitions_, metadata_, topic_metrics_, runtime_.shards, runtime_.pool));
  auto fetch = std::make_unique<FetchApi>(*partitions_, metadata_, topic_metrics_, runtime_.shards, runtime_.pool,
                                          config_, runtime_.random);
  observe(*fetch);
  apis_.add(std::move(fetch));
  apis_.add(std::make_unique<ListOffsetsApi>(*partitions_, metadata_));
  apis_.add(std::make_unique<MetadataApi>(metadata_, *topic_admin_, first, config_, cluster_id_));
  apis_.add(std::make_unique<LeaderAndIsrApi>(*partitions_, control_, *zookeeper_, live_config_, first));
  apis_.add(std::make_unique<StopReplicaApi>(*partitions_, control_, first));
  apis_.add(std::make_unique<UpdateMetadataApi>(metadata_, control_, first));
  apis_.add(std::make_unique<ApiVersionsApi>(apis_));
  apis_.add(std::make_unique<CreateTopicsApi>(*controller_, *topic_admin_, metadata_, live_config_, first));
  apis_.add(std::make_unique<DeleteTopicsApi>(*controller_, *topic_admin_, metadata_, config_, first));
  apis_.add(std::make_unique<DeleteRecordsApi>(*partitions_, metadata_));
  apis_.add(std::make_unique<OffsetForLeaderEpochApi>(*partitions_, metadata_));
  apis_.add(std::make_unique<DescribeLogDirsApi>(*partitions_, runtime_.pool, directories(), first));
  apis_.add(std::make_unique<AlterReplicaLogDirsApi>(*log_moves_, first));
  apis_.add(std::make_unique<DescribeConfigsApi>(*zookeeper_, metadata_, live_config_, id_, first));
  apis_.add(std::make_unique<CreatePartitionsApi>(*controller_, *topic_admin_, metadata_, first));
  apis_.add(std::make_unique<DescribeClusterApi>(metadata_, cluster_id_));
  apis_.add(std::make_unique<AlterConfigsApi>(*config_admin_, first));
  apis_.add(std::make_unique<IncrementalAlterConfigsApi>(*config_admin_, first));
  producer_ids_ = std::make_unique<ProducerIds>(*zookeeper_, id_);
  apis_.add(std::make_unique<InitProducerIdApi>(*producer_ids_, config_, first));
  apis_.add(std::make_unique<DescribeProducersApi>(*partitions_, metadata_));
}

Task<Result<void>> Broker::load_partitions() {
  std::set<std::string> topics;
  for (const auto& directory : directories_) {
    for (const auto& name : directory->partitions()) topics.insert(name.topic);
  }
  auto settings = co_await read_topic_settings(*zookeeper_, live_config_, std::move(topics));
  if (!settings) co_return settings.error();
  const BrokerConfig& now = live_config_.get();
  size_t most_logs = 0;
  for (const auto& directory : directories_) most_logs = std::max(most_logs, directory->partitions().size());
  int32_t threads = loading_threads(now, runtime_.shards.size(), most_logs);
  auto usual_threads = static_cast<size_t>(now.get(options::background_threads));
  runtime_.pool.set_max_threads(std::max(usual_threads, static_cast<size_t>(threads) * directories_.size()));
  Result<void> loaded = co_await partitions_->load_all(std::move(*settings), threads);
  runtime_.pool.set_max_threads(usual_threads);
  are_partitions_loaded_ = loaded.ok();
  if (loaded) co_await log_moves_->resume();
  co_return loaded;
}

Task<Result<void>> Broker::register_self() {
  RegistrationOptions waiting;
  Duration own_timeout = milliseconds(config_.get(options::zookeeper_session_timeout_ms));
  waiting.longest_session = std::max(waiting.longest_session, own_timeout);
  Result<BrokerEpoch> epoch = co_await register_broker(*zookeeper_, runtime_.clock, registration(), waiting);
  if (!epoch) co_return epoch.error();
  control_.set_broker_epoch(*epoch);
  registered_session_ = zookeeper_->session_id();
  log::info("registered broker_id={} epoch={}", id_.value, epoch->value);
  co_return Result<void>();
}

void Broker::on_session(SessionState state) {
  if (is_stopping_ || !controller_ || control_.broker_epoch().value == -1) return;
  if (state == SessionState::expired) {
    log::warn("lost the session with the coordination service, partitions stop leading until it is renewed");
    controller_->on_session_lost();
    spawn(suspend_partitions());
  }
  // After a mere reconnect the session, its znodes and its watches are still there.
  bool is_new_session = zookeeper_->session_id() != registered_session_;
  if (state == SessionState::connected && is_new_session) spawn(renew_registration());
}

Task<void> Broker::suspend_partitions() {
  AsyncMutex::Guard turn = co_await control_.in_turn.lock();
  co_await partitions_->suspend_all();
}

Task<void> Broker::renew_registration() {
  int64_t session = zookeeper_->session_id();
  while (!is_stopping_ && zookeeper_->session_id() == session) {
    Result<void> registered = co_await register_self();
    if (registered) {
      config_follower_->follow();
      controller_->start();
      co_return;
    }
    if (is_stopping_) co_return;
    log::error("could not register again, will try again reason=\"{}\"", registered.error().message);
    co_await sleep_for(kRegistrationRetryDelay);
  }
}

Task<Result<void>> Broker::stop() {
  is_stopping_ = true;
  observability_.status().set_state(BrokerState::shutting_down);
  give_up_connecting_.request_stop();
  Shard& shard = *Shard::current();
  // Requests wait for the coordination service as long as it takes. Stopping does not.
  TimerId patience = shard.call_after(kCoordinationPatience, [this] {
    if (zookeeper_) spawn(zookeeper_->close());
  });
  bool is_of_no_use = is_starting_ || (zookeeper_ && zookeeper_->state() != SessionState::connected);
  if (zookeeper_ && is_of_no_use) co_await zookeeper_->close();
  // A start that is under way uses what would be taken down.
  while (is_starting_) co_await sleep_for(kStopPoll);
  if (config_changes_) co_await config_changes_->stop();
  if (controller_) co_await controller_->stop();
  // Whoever waits for a replica would keep the server from stopping.
  if (partitions_) co_await partitions_->suspend_all();
  // And a move that holds up a sync would hold up who waits for that.
  if (log_moves_) log_moves_->begin_stop();
  if (server_) co_await server_->stop();
  Result<void> closed;
  if (are_partitions_loaded_) {
    co_await checkpointer_->stop();
    co_await maintenance_->stop();
    co_await log_moves_->stop();
    closed = co_await partitions_->close_all(live_config_.get().get(options::num_recovery_threads_per_data_dir));
  }
  shard.cancel(patience);
  co_await observability_.stop(runtime_.pool);
  if (zookeeper_) co_await zookeeper_->close();
  co_return closed;
}

}  // namespace gregor
