#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "broker/protocol/api_versions.h"
#include "broker/protocol/fetch.h"
#include "broker/protocol/metadata.h"
#include "broker/protocol/offset_delete.h"
#include "broker/types/error_code.h"
#include "wire/all_messages.h"

namespace gregor::protocol {

namespace {

template <class Visit>
void for_each_version(Visit visit) {
  for (const AnyMessage& message : all_messages()) {
    for (int16_t version = message.min_version; version <= message.max_version; ++version) visit(message, version);
  }
}

/// The seed of this run: WIRE_TEST_SEED, else a new one. Printed, so that a failure can be repeated.
uint64_t run_seed() {
  const char* wish = std::getenv("WIRE_TEST_SEED");
  uint64_t seed = wish ? std::strtoull(wish, nullptr, 10) : std::random_device()();
  std::cout << "WIRE_TEST_SEED=" << seed << std::endl;
  return seed;
}

/// Bytes as `size` calls for; small numbers are frequent, because they are what lengths and tags look like.
std::vector<uint8_t> random_bytes(std::mt19937_64& random, size_t size) {
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) byte = random() % 2 == 0 ? random() % 4 : static_cast<uint8_t>(random());
  return bytes;
}

/// A copy that ends at the end of its allocation, where the address sanitizer sees a read beyond.
std::vector<uint8_t> exact_prefix(const std::vector<uint8_t>& bytes, size_t size) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

void expect_fails_at_every_cut(const AnyMessage& message, int16_t version) {
  std::vector<uint8_t> whole = message.encode_sample(Sample::filled, version);
  for (size_t size = 0; size < whole.size(); ++size) {
    Result<void> decoded = message.decode(exact_prefix(whole, size), version);
    ASSERT_FALSE(decoded) << label(message, version) << " cut to " << size;
    ASSERT_TRUE(decoded.error().is(ErrorCode::invalid_request));
    ASSERT_EQ(decoded.error().message.find(label(message, version) + ": "), 0u) << decoded.error().message;
  }
}

std::string error_of(const char* name, Bytes bytes, int16_t version) {
  Result<void> decoded = message_named(name).decode(bytes, version);
  return decoded ? "decoded" : decoded.error().message;
}

TEST(Malformed, EveryTruncationIsAnError) { for_each_version(expect_fails_at_every_cut); }

TEST(Malformed, RandomBytesNeverCrash) {
  std::mt19937_64 random(run_seed());
  for_each_version([&](const AnyMessage& message, int16_t version) {
    for (int round = 0; round < 300; ++round) (void)message.decode(random_bytes(random, random() % 200), version);
  });
}

TEST(Malformed, DamagedSamplesNeverCrash) {
  std::mt19937_64 random(run_seed());
  for_each_version([&](const AnyMessage& message, int16_t version) {
    const std::vector<uint8_t> whole = message.encode_sample(Sample::filled, version);
    if (whole.empty()) return;
    for (int round = 0; round < 100; ++round) {
      std::vector<uint8_t> damaged = whole;
      for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<uint8_t>(random());
      (void)message.decode(damaged, version);
    }
  });
}

TEST(Malformed, ErrorNamesThePathToTheField) {
  std::vector<uint8_t> whole = message_named("JoinGroupRequest").encode_sample(Sample::filled, 0);
  EXPECT_EQ(error_of("JoinGroupRequest", exact_prefix(whole, whole.size() - 1), 0),
            "JoinGroupRequest v0: protocols[1].metadata: the message ends before it does");
}

TEST(Malformed, HugeCountIsAnErrorBeforeAnythingIsAllocated) {
  // Metadata v1 is an array of texts: 2^31 - 1 of them, in a frame of 8 bytes.
  EXPECT_EQ(error_of("MetadataRequest", std::vector<uint8_t>{0x7f, 0xff, 0xff, 0xff, 0, 1, 'a', 0}, 1),
            "MetadataRequest v1: topics: more elements than the message has room for");
  // And the same in a compact encoding.
  EXPECT_EQ(error_of("MetadataRequest", std::vector<uint8_t>{0xff, 0xff, 0xff, 0xff, 0x07, 2, 'a', 0}, 9),
            "MetadataRequest v9: topics: more elements than the message has room for");
}

TEST(Malformed, NegativeLengthIsNullOrAnError) {
  EXPECT_EQ(error_of("MetadataRequest", std::vector<uint8_t>{0xff, 0xff, 0xff, 0xff}, 1), "decoded");
  EXPECT_EQ(error_of("MetadataRequest", std::vector<uint8_t>{0xff, 0xff, 0xff, 0xff}, 0),
            "MetadataRequest v0: topics: null or negative length where there must be a value");
  EXPECT_EQ(error_of("OffsetDeleteRequest", std::vector<uint8_t>{0xff, 0xfe, 0, 0, 0, 0}, 0),
            "OffsetDeleteRequest v0: group_id: null or negative length where there must be a value");
}

TEST(Malformed, TextOfMoreThan32767BytesIsAnError) {
  std::vector<uint8_t> bytes{0x81, 0x80, 0x02};  // 32768, plus one
  bytes.resize(40000, 'x');
  EXPECT_EQ(error_of("ApiVersionsRequest", bytes, 3),
            "ApiVersionsRequest v3: client_software_name: text of more than 32767 bytes");
}

TEST(TaggedFields, UnknownOnesAreSkipped) {
  std::vector<uint8_t> bytes{2, 'a', 2, 'b', 2 /* tagged fields */, 7, 3, 1, 2, 3, 9, 0};
  EXPECT_EQ(error_of("ApiVersionsRequest", bytes, 3), "decoded");
}

TEST(TaggedFields, LastOfSeveralCounts) {
  std::vector<uint8_t> bytes{0, 0, 1, 0, 0, 0, 0 /* tagged fields */, 2, 3, 1, 1, 3, 1, 0};
  ByteReader reader(bytes);
  Result<ApiVersionsResponse> response = ApiVersionsResponse::decode(reader, 3);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_FALSE(response->zk_migration_ready);
}

TEST(TaggedFields, DeclaredSizeMustFit) {
  auto with_ready_flag = [](std::vector<uint8_t> flag) {
    std::vector<uint8_t> bytes{0, 0, 1, 0, 0, 0, 0, 1, 3};
    bytes.insert(bytes.end(), flag.begin(), flag.end());
    return error_of("ApiVersionsResponse", bytes, 3);
  };
  EXPECT_EQ(with_ready_flag({1, 1}), "decoded");
  EXPECT_EQ(with_ready_flag({2, 1, 1}),
            "ApiVersionsResponse v3: tagged fields: a field is shorter than its declared size");
  EXPECT_EQ(with_ready_flag({0}), "ApiVersionsResponse v3: zk_migration_ready: the message ends before it does");
  EXPECT_EQ(with_ready_flag({5, 1}), "ApiVersionsResponse v3: tagged fields: the message ends before it does");
}

TEST(Decode, LeavesTheBytesBehindTheMessage) {
  std::vector<uint8_t> bytes{2, 'a', 2, 'b', 0, 42, 42};
  ByteReader reader(bytes);
  ASSERT_TRUE(ApiVersionsRequest::decode(reader, 3));
  EXPECT_EQ(reader.remaining(), 2u);
}

TEST(Decode, RefusesVersionsThatDoNotExist) {
  ByteReader reader{Bytes()};
  EXPECT_TRUE(FetchRequest::decode(reader, 18).error().is(ErrorCode::unsupported_version));
  EXPECT_TRUE(FetchRequest::decode(reader, -1).error().is(ErrorCode::unsupported_version));
}

}  // namespace

}  // namespace gregor::protocol
