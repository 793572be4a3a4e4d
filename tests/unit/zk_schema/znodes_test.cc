#include "zk-schema/znodes.h"

#include <gtest/gtest.h>

namespace gregor::zk {
namespace {

BrokerRegistration broker_with_two_listeners() {
  BrokerRegistration broker;
  broker.id = 1;
  broker.endpoints = {{"EXTERNAL", "::1", 9093, "SASL_SSL"}, {"PLAINTEXT", "host1", 9092, "PLAINTEXT"}};
  broker.timestamp_ms = 1690000000123;
  return broker;
}

// JSON objects have no order, and Kafka's own changes with the hash of the names. Ours is that of the schema, with
// the fields that may be absent at the end.
TEST(BrokerRegistration, IsWrittenAsVersion5) {
  auto broker = broker_with_two_listeners();
  EXPECT_EQ(
      broker.encode(),
      R"({"version":5,"port":9092,"endpoints":["EXTERNAL://[::1]:9093","PLAINTEXT://host1:9092"],)"
      R"("jmx_port":-1,"timestamp":"1690000000123",)"
      R"("listener_security_protocol_map":{"EXTERNAL":"SASL_SSL","PLAINTEXT":"PLAINTEXT"},"features":{},"host":"host1"})");
  broker.rack = "r1";
  broker.features["group.version"] = {0, 1};
  EXPECT_EQ(*BrokerRegistration::decode(1, broker.encode()), broker);
  EXPECT_NE(broker.encode().find(R"(,"rack":"r1")"), std::string::npos);
  EXPECT_NE(broker.encode().find(R"("features":{"group.version":{"min_version":0,"max_version":1}})"),
            std::string::npos);
}

TEST(BrokerRegistration, HasNoHostWithoutPlaintext) {
  BrokerRegistration broker;
  broker.endpoints = {{"SSL", "h", 9093, "SSL"}};
  EXPECT_EQ(broker.encode(), R"({"version":5,"port":-1,"endpoints":["SSL://h:9093"],"jmx_port":-1,"timestamp":"0",)"
                             R"("listener_security_protocol_map":{"SSL":"SSL"},"features":{},"host":null})");
}

TEST(BrokerRegistration, IsReadInEveryVersionSince1) {
  Endpoint plaintext{"PLAINTEXT", "host1", 9092, "PLAINTEXT"};
  auto v1 = BrokerRegistration::decode(
      4, R"({"version":1,"host":"host1","port":9092,"jmx_port":9999,"timestamp":"2233345666"})");
  ASSERT_TRUE(v1);
  EXPECT_EQ(v1->endpoints, std::vector{plaintext});
  EXPECT_EQ(v1->jmx_port, 9999);
  EXPECT_EQ(v1->timestamp_ms, 2233345666);
  auto v2 = BrokerRegistration::decode(
      4, R"({"jmx_port":9999,"timestamp":2233345666,"endpoints":)"
         R"(["PLAINTEXT://host1:9092", "SSL://host1:9093"],"host":"host1","port":"9092","version":"2"})");
  ASSERT_TRUE(v2);
  EXPECT_EQ(v2->endpoints, (std::vector<Endpoint>{plaintext, {"SSL", "host1", 9093, "SSL"}}));
  auto v3 = BrokerRegistration::decode(4, R"({"version":3,"host":null,"port":-1,"jmx_port":-1,"timestamp":"1",)"
                                          R"("endpoints":["PLAINTEXT://host1:9092"],"rack":"dc1"})");
  ASSERT_TRUE(v3);
  EXPECT_EQ(v3->rack, "dc1");
  auto v4 = BrokerRegistration::decode(
      4,
      R"({"version":4,"jmx_port":-1,"timestamp":"1","endpoints":)"
      R"(["INTERNAL://:9092"],"rack":null,"listener_security_protocol_map":{"INTERNAL":"PLAINTEXT"},"new":[{}]})");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->endpoints, (std::vector<Endpoint>{{"INTERNAL", "", 9092, "PLAINTEXT"}}));
  EXPECT_FALSE(v4->rack);
}

TEST(BrokerRegistration, RefusesWhatItCannotUnderstand) {
  EXPECT_FALSE(BrokerRegistration::decode(1, ""));
  EXPECT_FALSE(BrokerRegistration::decode(1, "no json"));
  EXPECT_FALSE(BrokerRegistration::decode(1, R"({"version":0})"));
  EXPECT_FALSE(BrokerRegistration::decode(1, R"({"version":5,"endpoints":["host:9092"]})"));
  EXPECT_FALSE(BrokerRegistration::decode(1, R"({"version":5,"endpoints":["MINE://host:9092"]})"));
}

TEST(TopicAssignment, IsWrittenAsVersion3) {
  TopicAssignment topic;
  for (int32_t partition : {0, 1, 2, 10}) topic.partitions[partition].replicas = {1, 2};
  topic.topic_id = "1EeJ4gqeQqGzGr2ZJ2nKJA";
  EXPECT_EQ(topic.encode(),
            R"({"version":3,"partitions":{"0":[1,2],"1":[1,2],"2":[1,2],"10":[1,2]},"adding_replicas":{},)"
            R"("removing_replicas":{},"topic_id":"1EeJ4gqeQqGzGr2ZJ2nKJA"})");
  topic.topic_id.reset();
  topic.partitions = {{0, {{3, 1001, 2147483647}, {3}, {1001}}}};
  EXPECT_EQ(topic.encode(), R"({"version":3,"partitions":{"0":[3,1001,2147483647]},"adding_replicas":{"0":[3]},)"
                            R"("removing_replicas":{"0":[1001]}})");
  EXPECT_EQ(*TopicAssignment::decode(topic.encode()), topic);
}

TEST(TopicAssignment, IsReadInOlderVersions) {
  auto v1 = TopicAssignment::decode(R"({"version":1,"partitions":{"1":[2,3],"0":["1",2]}})");
  ASSERT_TRUE(v1);
  EXPECT_EQ(v1->partitions.at(0).replicas, (std::vector{1, 2}));
  EXPECT_EQ(v1->partitions.at(1).replicas, (std::vector{2, 3}));
  EXPECT_FALSE(v1->topic_id);
  EXPECT_FALSE(TopicAssignment::decode(R"({"version":1,"partitions":{"x":[2,3]}})"));
  EXPECT_FALSE(TopicAssignment::decode(R"({"version":1,"partitions":{"0":[2.5]}})"));
}

TEST(PartitionState, HasARecoveryStateOnlyWhileRecovering) {
  PartitionState state{1, 0, 1, {1, 2}};
  EXPECT_EQ(state.encode(), R"({"version":1,"isr":[1,2],"leader":1,"leader_epoch":0,"controller_epoch":1})");
  EXPECT_EQ(*PartitionState::decode(state.encode()), state);
  PartitionState leaderless{-1, 5, 2, {}, true};
  EXPECT_EQ(
      leaderless.encode(),
      R"({"version":1,"isr":[],"leader":-1,"leader_epoch":5,"controller_epoch":2,"leader_recovery_state":1})");
  EXPECT_EQ(*PartitionState::decode(leaderless.encode()), leaderless);
  EXPECT_FALSE(PartitionState::decode(R"({"version":1,"leader":1,"isr":[1]})"));
}

TEST(ControllerInfo, CarriesItsTimeAsText) {
  ControllerInfo controller{3, 1690000000123};
  EXPECT_EQ(controller.encode(),
            R"({"version":2,"timestamp":"1690000000123","brokerid":3,"kraftControllerEpoch":-1})");
  EXPECT_EQ(*ControllerInfo::decode(R"({"version":1,"brokerid":3,"timestamp":"1690000000123"})"), controller);
  EXPECT_FALSE(ControllerInfo::decode(R"({"version":1})"));
  EXPECT_EQ(encode_controller_epoch(12), "12");
  EXPECT_EQ(*decode_controller_epoch("12"), 12);
  EXPECT_FALSE(decode_controller_epoch(""));
}

TEST(ClusterId, HasItsVersionAsText) {
  EXPECT_EQ(ClusterId{"kVSgfurUQFGGpHMTBqBPiw"}.encode(), R"({"version":"1","id":"kVSgfurUQFGGpHMTBqBPiw"})");
  EXPECT_EQ(ClusterId::decode(R"({"version":"1","id":"x"})")->id, "x");
}

TEST(EntityConfig, PrintsAnEmptyMap) {
  EXPECT_EQ(EntityConfig{}.encode(), R"({"version":1,"config":{}})");
  EntityConfig config{{{"retention.ms", "1000"}, {"cleanup.policy", "compact"}}};
  EXPECT_EQ(config.encode(), R"({"version":1,"config":{"cleanup.policy":"compact","retention.ms":"1000"}})");
  EXPECT_EQ(*EntityConfig::decode(config.encode()), config);
  EXPECT_TRUE(EntityConfig::decode("")->config.empty());
}

TEST(ConfigChange, IsWrittenAsVersion2AndReadAsVersion1Too) {
  EXPECT_EQ(ConfigChange{"topics/orders"}.encode(), R"({"version":2,"entity_path":"topics/orders"})");
  EXPECT_EQ(ConfigChange::decode(R"({"version":2,"entity_path":"users/<default>"})")->entity_path,
            "users/<default>");
  EXPECT_EQ(ConfigChange::decode(R"({"version":1,"entity_type":"topics","entity_name":"t"})")->entity_path,
            "topics/t");
  EXPECT_FALSE(ConfigChange::decode(R"({"version":3,"entity_path":"topics/t"})"));
}

TEST(ConfigChange, HasTheBracketsOfTheDefaultEntityAsTheyAre) {
  EXPECT_EQ(ConfigChange{"brokers/<default>"}.encode(), R"({"version":2,"entity_path":"brokers/<default>"})");
  EntityConfig config{{{"a", R"(\u003c "<" \)"}}};
  EXPECT_EQ(config.encode(), R"({"version":1,"config":{"a":"\\u003c \"<\" \\"}})");
  EXPECT_EQ(*EntityConfig::decode(config.encode()), config);
}

TEST(Admin, AsksForReassignmentAndElection) {
  Reassignment reassignment{{{{"t", 0}, {1, 2}}}};
  EXPECT_EQ(reassignment.encode(), R"({"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2]}]})");
  EXPECT_EQ(*Reassignment::decode(reassignment.encode()), reassignment);
  PreferredElection election{{{"t", 0}}};
  EXPECT_EQ(election.encode(), R"({"version":1,"partitions":[{"topic":"t","partition":0}]})");
  EXPECT_EQ(*PreferredElection::decode(election.encode()), election);
}

TEST(Notifications, NamePartitionsAndBrokers) {
  EXPECT_EQ((IsrChange{{{"t", 4}}}).encode(), R"({"version":1,"partitions":[{"topic":"t","partition":4}]})");
  EXPECT_EQ(LogDirEvent{2}.encode(), R"({"version":1,"event":1,"broker":2})");
  EXPECT_EQ(LogDirEvent::decode(R"({"version":1,"broker":2,"event":1})")->broker_id, 2);
}

TEST(ProducerIdBlock, HasItsIdsAsText) {
  ProducerIdBlock block{0, 0, 999};
  EXPECT_EQ(block.encode(), R"({"version":1,"broker":0,"block_start":"0","block_end":"999"})");
  EXPECT_EQ(*ProducerIdBlock::decode(block.encode()), block);
  EXPECT_FALSE(ProducerIdBlock::decode(R"({"version":1,"broker":0})"));
}

TEST(FinalizedFeatures, AreWrittenInBothVersions) {
  EXPECT_EQ(FinalizedFeatures{}.encode(), R"({"version":2,"features":{},"status":1})");
  FinalizedFeatures features{false, {{"f", 3}}};
  EXPECT_EQ(features.encode(), R"({"version":2,"features":{"f":{"max_version_level":3}},"status":0})");
  EXPECT_EQ(features.encode_v1(),
            R"({"version":1,"features":{"f":{"max_version_level":3,"min_version_level":3}},"status":0})");
  EXPECT_EQ(*FinalizedFeatures::decode(features.encode()), features);
  EXPECT_EQ(*FinalizedFeatures::decode(features.encode_v1()), features);
  EXPECT_FALSE(FinalizedFeatures::decode(R"({"version":2,"features":{}})"));
}

TEST(Acls, AreKafkas) {
  ResourceAcls acls{{{"User:a", "Allow", "Read", "*"}}};
  EXPECT_EQ(
      acls.encode(),
      R"({"version":1,"acls":[{"principal":"User:a","permissionType":"Allow","operation":"Read","host":"*"}]})");
  EXPECT_EQ(*ResourceAcls::decode(acls.encode()), acls);
  EXPECT_EQ((AclChange{"TOPIC", "a:b"}).encode_literal(), "TOPIC:a:b");
  EXPECT_EQ(*AclChange::decode_literal("TOPIC:a:b"), (AclChange{"TOPIC", "a:b"}));
  AclChange extended{"TRANSACTIONAL_ID", "x", "PREFIXED"};
  EXPECT_EQ(extended.encode_extended(),
            R"({"version":1,"resourceType":"TRANSACTIONAL_ID","name":"x","patternType":"PREFIXED"})");
  EXPECT_EQ(*AclChange::decode_extended(extended.encode_extended()), extended);
}

TEST(DelegationToken, HasItsTimesAsNumbers) {
  DelegationToken token{"id", "User:a", "User:b", {"User:c"}, 1690000000123, 1790000000456, 1700000000789};
  EXPECT_EQ(token.encode(),
            R"({"version":3,"owner":"User%3Aa","renewers":["User%3Ac"],)"
            R"("issueTimestamp":1690000000123,"maxTimestamp":1790000000456,"expiryTimestamp":1700000000789,)"
            R"("tokenRequester":"User%3Ab","tokenId":"id"})");
  EXPECT_EQ(*DelegationToken::decode(token.encode()), token);
}

}  // namespace
}  // namespace gregor::zk
