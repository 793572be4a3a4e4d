#include "broker/coordination/registration.h"

#include "fixture.h"
#include "zk-schema/paths.h"

namespace gregor {
namespace {

using namespace testing;

zk::BrokerRegistration broker_at(int32_t port) {
  zk::BrokerRegistration broker;
  broker.id = 1;
  broker.endpoints = {{"PLAINTEXT", "127.0.0.1", port, "PLAINTEXT"}};
  return broker;
}

class Registration : public ::testing::Test {
 protected:
  Registration() { EXPECT_TRUE(zk.run(ensure_persistent_paths(*zk))); }

  Result<BrokerEpoch> enlist(TestClient& client, int32_t port, Duration longest_session = 2s,
                             Duration margin = 2s) {
    return client.run(register_broker(*client, client.shard().clock(), broker_at(port), {longest_session, margin}));
  }

  std::string chroot = fresh_chroot();
  TestClient zk{chroot};
};

TEST_F(Registration, CreatesThePathsOfKafka) {
  for (const auto& path : zk::paths::persistent()) EXPECT_TRUE(zk.exists(path)) << path;
  EXPECT_TRUE(zk.run(ensure_persistent_paths(*zk)));
}

TEST_F(Registration, AgreesOnOneClusterId) {
  EXPECT_EQ(*zk.run(cluster_id(*zk, "first")), "first");
  EXPECT_EQ(*zk.run(cluster_id(*zk, "second")), "first");
  EXPECT_EQ(zk.get("/cluster/id")->data, R"({"version":"1","id":"first"})");
}

TEST_F(Registration, GeneratesBrokerIdsAboveTheReservedOnes) {
  EXPECT_EQ(zk.run(generate_broker_id(*zk, 1000))->value, 1001);
  EXPECT_EQ(zk.run(generate_broker_id(*zk, 1000))->value, 1002);
}

TEST_F(Registration, GivesTheCreatingWriteAsBrokerEpoch) {
  auto epoch = enlist(zk, 9092);
  ASSERT_TRUE(epoch) << epoch.error().message;
  auto node = zk.get("/brokers/ids/1");
  EXPECT_EQ(epoch->value, node->stat.czxid);
  EXPECT_EQ(*zk::BrokerRegistration::decode(1, node->data), broker_at(9092));
  EXPECT_EQ(enlist(zk, 9092)->value, epoch->value);
}

TEST_F(Registration, IsRefusedWhileAnotherBrokerHasTheId) {
  ASSERT_TRUE(enlist(zk, 9092));
  TestClient other(chroot);
  auto refused = enlist(other, 9093);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(ZkCode::node_exists));
  EXPECT_NE(refused.error().message.find("PLAINTEXT://127.0.0.1:9092"), std::string::npos);
}

TEST_F(Registration, IsRefusedWhenTheSameAddressStaysAlive) {
  ASSERT_TRUE(enlist(zk, 9092));
  TestClient other(chroot);
  EXPECT_TRUE(enlist(other, 9092, 300ms, 100ms).error().is(ZkCode::node_exists));
}

TEST_F(Registration, WaitsForItsKilledPredecessor) {
  ASSERT_TRUE(enlist(zk, 9092));
  TestClient successor(chroot);
  std::thread killer([&] {
    std::this_thread::sleep_for(300ms);
    zk.close();
  });
  auto epoch = enlist(successor, 9092);
  killer.join();
  ASSERT_TRUE(epoch) << epoch.error().message;
  EXPECT_EQ(successor.get("/brokers/ids/1")->stat.ephemeral_owner, successor.session_id());
}

TEST_F(Registration, IsRepeatedAfterTheSessionExpired) {
  auto first = enlist(zk, 9092);
  int64_t session = zk.session_id();
  expire_session(server().address(), session);
  ASSERT_TRUE(eventually([&] { return zk.session_id() != 0 && zk.session_id() != session; }));
  auto second = enlist(zk, 9092);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_GT(second->value, first->value);
}

}  // namespace
}  // namespace gregor
