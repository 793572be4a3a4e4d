#pragma once

#include <gtest/gtest.h>

#include "broker/config/broker_config.h"
#include "broker/coordination/election.h"
#include "broker/coordination/registration.h"
#include "runtime/random.h"
#include "tests/support/fake_zookeeper.h"
#include "tests/support/manual_shards.h"
#include "zk-schema/brokers.h"
#include "zk-schema/paths.h"
#include "zk-schema/topics.h"

namespace gregor {

namespace paths = zk::paths;

inline std::vector<BrokerId> ids(std::initializer_list<int32_t> raw) {
  std::vector<BrokerId> brokers;
  for (int32_t id : raw) brokers.emplace_back(id);
  return brokers;
}

inline BrokerConfig config_with(const Properties& more) {
  auto config = BrokerConfig::load(
      {{"zookeeper.connect", "here:2181"}, {"broker.id", "1"}, {"listeners", "PLAINTEXT://:9092"}}, more,
      [] { return std::string("here.example"); });
  ASSERT(config.ok());
  return std::move(*config);
}

/// ZooKeeper in memory with Kafka's paths in it, and what other brokers do there in few words.
class CoordinationTest : public ::testing::Test {
 protected:
  CoordinationTest() {
    auto made = shards_.run(ensure_persistent_paths(zookeeper_));
    EXPECT_TRUE(made.ok());
  }

  static uint16_t port_of(int32_t broker) { return static_cast<uint16_t>(9000 + broker); }
  void broker_arrives(int32_t id) {
    zk::BrokerRegistration registration;
    registration.id = id;
    registration.endpoints.push_back({"PLAINTEXT", "host" + std::to_string(id), port_of(id), "PLAINTEXT"});
    put(paths::broker(id), registration.encode(), true);
  }
  void broker_goes(int32_t id) { remove(paths::broker(id)); }
  /// A topic as a tool would write it: replicas of its partitions, from 0.
  void topic_is_made(const std::string& name, std::vector<std::vector<int32_t>> replicas, bool with_id = true) {
    zk::TopicAssignment assignment;
    for (size_t i = 0; i < replicas.size(); ++i)
      assignment.partitions[static_cast<int32_t>(i)].replicas = replicas[i];
    if (with_id) assignment.topic_id = id_of(name).to_string();
    put(paths::topic(name), assignment.encode());
  }
  static Uuid id_of(const std::string& name) {
    std::array<uint8_t, 16> bytes{};
    std::copy_n(name.begin(), std::min(name.size(), bytes.size()), bytes.begin());
    return Uuid::from_random(bytes);
  }
  void put(const std::string& path, const std::string& data, bool is_ephemeral = false) {
    shards_.call([&] { zookeeper_.others_put(path, data, is_ephemeral); });
  }
  void remove(const std::string& path) {
    shards_.call([&] { zookeeper_.others_remove(path); });
  }
  void state_is(const std::string& topic, int32_t partition, int32_t leader, int32_t epoch,
                std::vector<int32_t> isr) {
    put(paths::partition_state(topic, partition), zk::PartitionState{leader, epoch, 1, std::move(isr)}.encode());
  }
  std::optional<zk::PartitionState> state(const std::string& topic, int32_t partition) {
    auto decoded = zk::PartitionState::decode(zookeeper_.data(paths::partition_state(topic, partition)));
    if (!decoded) return std::nullopt;
    return *decoded;
  }

  testing::ManualShards shards_;
  testing::FakeZooKeeper zookeeper_;
  SystemRandom random_;
};

}  // namespace gregor
