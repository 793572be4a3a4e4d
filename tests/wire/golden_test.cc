#include <gtest/gtest.h>

#include "broker/protocol/create_topics.h"
#include "broker/protocol/describe_configs.h"
#include "broker/protocol/fetch.h"
#include "broker/protocol/frame.h"
#include "broker/protocol/join_group.h"
#include "broker/protocol/metadata.h"
#include "broker/protocol/offset_commit.h"
#include "broker/protocol/produce.h"
#include "wire/all_messages.h"
#include "wire/golden_file.h"

namespace gregor::protocol {

namespace {

void expect_reencodes(const Golden& golden, Bytes body) {
  Result<std::vector<uint8_t>> again = message_named(golden.name).reencode(body, golden.version);
  ASSERT_TRUE(again) << golden.description << ": " << again.error().message;
  EXPECT_EQ(*again, std::vector<uint8_t>(body.begin(), body.end())) << golden.description;
}

/// The body of a captured request frame, after its header was checked.
Bytes body_of_frame(const Golden& golden) {
  ByteReader reader(golden.bytes);
  Result<RequestHeader> header = decode_request_header(reader);
  EXPECT_TRUE(header) << golden.description << ": " << header.error().message;
  EXPECT_EQ(header->request_api_version, golden.version);
  EXPECT_EQ(header->client_id, "golden");
  const ApiInfo* api = find_api(header->request_api_key);
  EXPECT_EQ(golden.name, std::string(api->name) + "Request");

  MessageWriter again;
  header->encode(again, request_header_version(*api, golden.version));
  EXPECT_EQ(as_text(again.bytes().view()), as_text(golden.bytes).substr(0, again.bytes().size()));
  return reader.rest();
}

/// The message of kafka_python_values.txt that is a `Message`; its bytes live as long as the program.
template <class Message>
Message captured_values() {
  static const std::vector<Golden> file = read_golden("kafka_python_values.txt");
  for (const Golden& golden : file) {
    if (golden.name != Message::kName) continue;
    ByteReader reader(golden.bytes);
    Result<Message> message = Message::decode(reader, golden.version);
    EXPECT_TRUE(message) << message.error().message;
    return *message;
  }
  ADD_FAILURE() << "no " << Message::kName;
  return {};
}

TEST(Golden, KafkaPythonsMessagesComeBackByteForByte) {
  for (const Golden& golden : read_golden("kafka_python_filled.txt")) expect_reencodes(golden, golden.bytes);
  for (const Golden& golden : read_golden("kafka_python_values.txt")) expect_reencodes(golden, golden.bytes);
}

TEST(Golden, FlexibleVersionsOfKafkaPythonComeBackByteForByte) {
  for (const Golden& golden : read_golden("kafka_python_flexible.txt")) expect_reencodes(golden, golden.bytes);
}

TEST(Golden, LibrdkafkasRequestsAndItsMocksAnswersComeBackByteForByte) {
  for (const Golden& golden : read_golden("librdkafka.txt")) {
    const bool is_frame = golden.name.ends_with("Request");
    expect_reencodes(golden, is_frame ? body_of_frame(golden) : Bytes(golden.bytes));
  }
}

TEST(Golden, Produce) {
  auto request = captured_values<ProduceRequest>();
  EXPECT_EQ(request.transactional_id, std::nullopt);
  EXPECT_EQ(request.acks, -1);
  EXPECT_EQ(request.timeout_ms, 1500);
  ASSERT_EQ(request.topic_data.size(), 1u);
  EXPECT_EQ(request.topic_data[0].name, "orders");
  EXPECT_EQ(request.topic_data[0].partition_data.at(0).index, 3);
  EXPECT_EQ(as_text(request.topic_data[0].partition_data.at(0).records.bytes()), "batch");
}

TEST(Golden, FetchRequest) {
  auto request = captured_values<FetchRequest>();
  EXPECT_EQ(request.max_wait_ms, 500);
  EXPECT_EQ(request.min_bytes, 1);
  EXPECT_EQ(request.max_bytes, 52428800);
  EXPECT_EQ(request.isolation_level, 1);
  EXPECT_EQ(request.session_id, 55);
  EXPECT_EQ(request.session_epoch, 2);
  EXPECT_EQ(request.rack_id, "r1");
  const auto& partition = request.topics.at(0).partitions.at(0);
  EXPECT_EQ(partition.partition, 3);
  EXPECT_EQ(partition.current_leader_epoch, 7);
  EXPECT_EQ(partition.fetch_offset, 1234567890123);
  EXPECT_EQ(partition.log_start_offset, -1);
  EXPECT_EQ(partition.partition_max_bytes, 1048576);
}

TEST(Golden, FetchResponse) {
  auto response = captured_values<FetchResponse>();
  EXPECT_EQ(response.throttle_time_ms, 10);
  EXPECT_EQ(response.session_id, 55);
  const auto& partitions = response.responses.at(0).partitions;
  ASSERT_EQ(partitions.size(), 2u);
  EXPECT_EQ(partitions[0].high_watermark, 99);
  EXPECT_EQ(partitions[0].last_stable_offset, 98);
  EXPECT_EQ(partitions[0].log_start_offset, 5);
  EXPECT_EQ(partitions[0].aborted_transactions->at(0).producer_id, 4000);
  EXPECT_EQ(partitions[0].aborted_transactions->at(0).first_offset, 42);
  EXPECT_EQ(partitions[0].preferred_read_replica, 2);
  EXPECT_EQ(as_text(partitions[0].records.bytes()), "abc");
  EXPECT_EQ(partitions[1].error_code, 6);
  EXPECT_FALSE(partitions[1].aborted_transactions.has_value());
  EXPECT_EQ(partitions[1].records.size(), 0u);
}

TEST(Golden, Metadata) {
  auto request = captured_values<MetadataRequest>();
  EXPECT_FALSE(request.topics.has_value());
  EXPECT_FALSE(request.allow_auto_topic_creation);

  auto response = captured_values<MetadataResponse>();
  ASSERT_EQ(response.brokers.size(), 2u);
  EXPECT_EQ(response.brokers[0].host, "b1.example");
  EXPECT_EQ(response.brokers[0].rack, "a");
  EXPECT_EQ(response.brokers[1].port, 9093);
  EXPECT_EQ(response.brokers[1].rack, std::nullopt);
  EXPECT_EQ(response.cluster_id, "cluster");
  EXPECT_EQ(response.controller_id, 1);
  EXPECT_EQ(response.topics.at(0).name, "orders");
  const auto& partition = response.topics[0].partitions.at(0);
  EXPECT_EQ(partition.leader_id, 2);
  EXPECT_EQ(partition.replica_nodes, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(partition.isr_nodes, std::vector<int32_t>{2});
  EXPECT_EQ(partition.offline_replicas, std::vector<int32_t>{1});
}

TEST(Golden, Groups) {
  auto join = captured_values<JoinGroupRequest>();
  EXPECT_EQ(join.group_id, "g");
  EXPECT_EQ(join.session_timeout_ms, 10000);
  EXPECT_EQ(join.rebalance_timeout_ms, 60000);
  EXPECT_EQ(join.protocol_type, "consumer");
  EXPECT_EQ(join.protocols.at(0).name, "range");
  EXPECT_EQ(as_text(join.protocols[0].metadata), std::string_view("\0\1", 2));
  EXPECT_TRUE(join.protocols.at(1).metadata.empty());

  auto commit = captured_values<OffsetCommitRequest>();
  EXPECT_EQ(commit.generation_id_or_member_epoch, 5);
  EXPECT_EQ(commit.member_id, "member");
  EXPECT_EQ(commit.retention_time_ms, -1);
  EXPECT_EQ(commit.topics.at(0).partitions.at(0).committed_offset, 77);
  EXPECT_EQ(commit.topics[0].partitions[0].committed_metadata, "m");
}

TEST(Golden, Administration) {
  auto create = captured_values<CreateTopicsRequest>();
  ASSERT_EQ(create.topics.size(), 2u);
  EXPECT_EQ(create.topics[0].num_partitions, 6);
  EXPECT_EQ(create.topics[0].replication_factor, 3);
  EXPECT_EQ(create.topics[0].configs.at(0).value, "1000");
  EXPECT_EQ(create.topics[1].assignments.at(0).broker_ids, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(create.topics[1].configs.at(0).value, std::nullopt);
  EXPECT_EQ(create.timeout_ms, 30000);
  EXPECT_TRUE(create.validate_only);

  auto describe = captured_values<DescribeConfigsRequest>();
  EXPECT_EQ(describe.resources.at(0).resource_type, 2);
  EXPECT_FALSE(describe.resources[0].configuration_keys.has_value());
  EXPECT_EQ(describe.resources.at(1).configuration_keys->at(0), "log.dirs");
  EXPECT_TRUE(describe.include_synonyms);
}

}  // namespace

}  // namespace gregor::protocol
