#include "broker/replica/config_follower.h"

#include <algorithm>

#include "broker/config/option_changes.h"
#include "broker/config/stored_options.h"
#include "broker/replica/topic_settings.h"
#include "runtime/logging.h"
#include "zk-schema/config.h"
#include "zk-schema/paths.h"

namespace gregor {
namespace {

std::string_view name_of(DynamicLevel level) { return level == DynamicLevel::broker ? "broker" : "cluster"; }

void warn_of_no_effect(const std::vector<OptionChange>& changes) {
  std::string names = names_without_effect(changes);
  if (!names.empty()) log::warn("changed options without effect yet options={}", names);
}

/// Of a topic that has partitions here.
void tell_of_topic_change(const BrokerConfig& broker, const std::string& topic, const Properties& before,
                          const Properties& now) {
  auto config_before = TopicConfig::create(broker, before);
  auto config_now = TopicConfig::create(broker, now);
  if (!config_before || !config_now) return;
  std::vector<OptionChange> changes = option_changes(*config_before, *config_now);
  if (changes.empty()) return;
  log::info("a topic's options changed topic={} changes=[{}]", topic, to_string(changes));
  warn_of_no_effect(changes);
}

}  // namespace

ConfigFollower::ConfigFollower(BrokerId self, ZooKeeper& zookeeper, LiveConfig& live, DynamicConfig& dynamic,
                               Partitions& partitions, ControlState& control, ConfigChanges& changes)
    : self_(self),
      zookeeper_(zookeeper),
      live_(live),
      dynamic_(dynamic),
      partitions_(partitions),
      control_(control),
      changes_(changes) {
  changes_.on_change("topics", [this](std::string topic) { return take_topic(std::move(topic)); });
  changes_.on_change("brokers", [this](std::string name) { return take_broker(std::move(name)); });
  dynamic_.on_change_await(options_behind_topics(),
                           [this](const BrokerConfig&, const BrokerConfig&) { return renew_partitions(); });
}

std::string ConfigFollower::path_of(DynamicLevel level) const {
  std::string name = level == DynamicLevel::broker ? std::to_string(self_.value) : zk::paths::kDefaultEntity;
  return zk::paths::config("brokers", name);
}

Task<Result<void>> ConfigFollower::read_options() {
  Result<void> read = co_await read_level(DynamicLevel::cluster, true);
  if (!read) co_return read;
  co_await renew_secrets(path_of(DynamicLevel::broker));
  read = co_await read_level(DynamicLevel::broker, true);
  co_return read;
}

void ConfigFollower::follow() { spawn(read_and_follow()); }

Task<void> ConfigFollower::read_and_follow() {
  // What was noted down while there was no session may be gone by now.
  for (DynamicLevel level : {DynamicLevel::cluster, DynamicLevel::broker}) {
    Result<void> read = co_await read_level(level, false);
    if (!read) log::warn("could not read dynamic options reason=\"{}\"", read.error().message);
  }
  changes_.follow();
}

Task<Result<Properties>> ConfigFollower::read_stored(DynamicLevel level) {
  std::string path = path_of(level);
  Result<ZkNode> node = co_await zookeeper_.get(path, Watch::no);
  if (!node && node.error().is(ZkCode::no_node)) co_return Properties();
  if (!node) co_return node.error();
  auto entity = zk::EntityConfig::decode(node->data);
  if (!entity) co_return entity.error();
  co_return Properties(entity->config.begin(), entity->config.end());
}

Task<Result<void>> ConfigFollower::read_level(DynamicLevel level, bool at_start) {
  Result<Properties> stored = co_await read_stored(level);
  bool is_lost = !stored && (stored.error().is(ZkCode::session_expired) || stored.error().is(ZkCode::closed));
  if (is_lost) co_return stored.error();
  Result<void> set = stored ? Result<void>() : Result<void>(stored.error());
  if (stored) {
    Properties options = options_from_stored(live_.get(), *stored, level);
    const DynamicProperties& present = live_.get().dynamic();
    bool is_same = options == (level == DynamicLevel::broker ? present.broker : present.cluster);
    if (is_same) co_return Result<void>();
    std::shared_ptr<const BrokerConfig> before = live_.snapshot();
    Task<Result<void>> setting =
        at_start ? dynamic_.set_at_start(level, std::move(options)) : dynamic_.set(level, std::move(options));
    set = co_await setting;
    if (set) tell_of_change(level, *before);
  }
  if (!set) {
    log::error("dynamic options can't be applied, those in force stay level={} reason=\"{}\"", name_of(level),
               set.error().message);
  }
  co_return Result<void>();
}

void ConfigFollower::tell_of_change(DynamicLevel level, const BrokerConfig& before) const {
  const BrokerConfig& now = live_.get();
  std::vector<OptionChange> changes = option_changes(before, now);
  if (changes.empty()) return;
  log::info("the broker's options changed level={} changes=[{}]", name_of(level), to_string(changes));
  warn_of_no_effect(changes);
  for (const std::string& warning : now.warnings()) {
    if (std::find(before.warnings().begin(), before.warnings().end(), warning) == before.warnings().end()) {
      log::warn("{}", warning);
    }
  }
}

Task<void> ConfigFollower::take_broker(std::string name) {
  bool is_cluster = name == zk::paths::kDefaultEntity;
  if (!is_cluster && name != std::to_string(self_.value)) co_return;
  Result<void> read = co_await read_level(is_cluster ? DynamicLevel::cluster : DynamicLevel::broker, false);
  if (!read) log::warn("could not read dynamic options reason=\"{}\"", read.error().message);
}

Task<void> ConfigFollower::take_topic(std::string topic) {
  // A LeaderAndIsr that read the configuration before must not come after.
  AsyncMutex::Guard turn = co_await control_.in_turn.lock();
  Result<Properties> overrides = co_await read_topic_overrides(zookeeper_, topic);
  Result<PartitionSettings> settings =
      overrides ? partition_settings(live_.get(), *overrides) : Result<PartitionSettings>(overrides.error());
  if (!settings) {
    log::error("a topic's configuration can't be applied, that in force stays topic={} reason=\"{}\"", topic,
               settings.error().message);
    co_return;
  }
  std::optional<PartitionSettings> present = co_await partitions_.settings_of(topic);
  if (present) tell_of_topic_change(live_.get(), topic, present->own_overrides(), *overrides);
  co_await partitions_.reconfigure(std::move(topic), std::move(*settings));
}

Task<void> ConfigFollower::renew_partitions() {
  AsyncMutex::Guard turn = co_await control_.in_turn.lock();
  std::function<void(Partition&)> renew = [config = live_.snapshot()](Partition& partition) {
    partition.reconfigure(renewed_settings(*config, partition.settings()));
  };
  co_await partitions_.visit_all(renew);
}

Task<void> ConfigFollower::renew_secrets(std::string path) {
  Result<ZkNode> node = co_await zookeeper_.get(path, Watch::no);
  if (!node) co_return;
  auto entity = zk::EntityConfig::decode(node->data);
  if (!entity) co_return;
  auto renewed = with_present_secret(live_.get(), Properties(entity->config.begin(), entity->config.end()));
  if (!renewed) co_return;
  entity->config = {renewed->begin(), renewed->end()};
  std::string text = entity->encode();
  Result<ZkStat> written = co_await zookeeper_.set(path, text, node->stat.version);
  if (written) {
    log::info("encrypted the dynamic passwords anew with password.encoder.secret");
  } else {
    log::error("could not write the dynamic passwords encrypted anew reason=\"{}\"", written.error().message);
  }
}

}  // namespace gregor
