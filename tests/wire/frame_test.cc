#include "broker/protocol/frame.h"

#include <gtest/gtest.h>

#include "broker/protocol/api_versions.h"
#include "broker/protocol/consumer_protocol.h"
#include "broker/protocol/controlled_shutdown.h"
#include "broker/protocol/fetch.h"
#include "broker/protocol/offset_commit_record.h"
#include "broker/protocol/versioned_record.h"
#include "broker/types/error_code.h"

namespace gregor::protocol {

namespace {

FetchResponse fetch_response(std::vector<Records> records) {
  FetchResponse response;
  FetchResponse::Topic& topic = response.responses.emplace_back();
  for (const Records& batches : records) topic.partitions.emplace_back().records = batches;
  return response;
}

TEST(Frame, RequestComesBackWithItsHeader) {
  ControlledShutdownRequest request{.broker_id = 7};
  for (int16_t version = 0; version <= 3; ++version) {
    MessageWriter frame =
        request_frame(request, {.request_api_version = version, .correlation_id = 5, .client_id = "me"});
    ByteReader reader(frame.bytes().view());
    EXPECT_EQ(reader.read_int32(), static_cast<int32_t>(frame.total_size() - 4));
    Result<RequestHeader> header = decode_request_header(reader);
    ASSERT_TRUE(header) << header.error().message;
    EXPECT_EQ(header->correlation_id, 5);
    EXPECT_EQ(header->client_id.value_or("none"), version == 0 ? "none" : "me");
    EXPECT_EQ(ControlledShutdownRequest::decode(reader, version)->broker_id, 7);
    EXPECT_EQ(reader.remaining(), 0u);
  }
}

TEST(Frame, HeaderOfAnUnsupportedVersionIsRead) {
  std::vector<uint8_t> bytes{0, 18, 0, 99, 0, 0, 0, 1, 0xff, 0xff, 0};
  ByteReader reader(bytes);
  Result<RequestHeader> header = decode_request_header(reader);
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->request_api_version, 99);
}

TEST(Frame, UnknownApiIsAnError) {
  std::vector<uint8_t> bytes{0, 99, 0, 0, 0, 0, 0, 1, 0xff, 0xff};
  ByteReader reader(bytes);
  EXPECT_TRUE(decode_request_header(reader).error().is(ErrorCode::invalid_request));
}

TEST(Frame, ApiVersionsAnswerHasNoTaggedFieldsInItsHeader) {
  MessageWriter frame = response_frame(ApiVersionsResponse{}, 3, 0x01020304);
  std::vector<uint8_t> expected{0, 0, 0, 12, 1, 2, 3, 4, 0, 0, 1, 0, 0, 0, 0, 0};
  Bytes view = frame.bytes().view();
  EXPECT_EQ(std::vector<uint8_t>(view.begin(), view.end()), expected);
}

TEST(Splices, StandWhereTheirRecordsBelong) {
  for (int16_t version : {4, 12}) {
    const std::vector<uint8_t> batches(300, 'r');
    MessageWriter inside, outside;
    fetch_response({Records::view(batches), Records(), Records::view(batches)}).encode(inside, version);
    fetch_response({Records::external(300), Records(), Records::external(300)}).encode(outside, version);

    ASSERT_EQ(outside.splices().size(), 2u);
    EXPECT_EQ(outside.total_size(), inside.total_size());
    EXPECT_EQ(outside.bytes().size() + 600, inside.bytes().size());

    std::vector<uint8_t> joined;
    size_t written = 0;
    auto take_until = [&](size_t position) {
      Bytes bytes = outside.bytes().view().subspan(written, position - written);
      joined.insert(joined.end(), bytes.begin(), bytes.end());
      written = position;
    };
    for (const Splice& splice : outside.splices()) {
      take_until(splice.position);
      joined.insert(joined.end(), splice.size, 'r');
    }
    take_until(outside.bytes().size());
    EXPECT_EQ(as_text(joined), as_text(inside.bytes().view())) << "version " << version;
  }
}

TEST(Records, NullEmptyAndPresentDiffer) {
  MessageWriter writer;
  fetch_response({Records(), Records::view({}), Records::view(as_bytes("abc"))}).encode(writer, 4);
  ByteReader reader(writer.bytes().view());
  Result<FetchResponse> response = FetchResponse::decode(reader, 4);
  ASSERT_TRUE(response) << response.error().message;
  auto& partitions = response->responses[0].partitions;
  EXPECT_TRUE(partitions[0].records.is_null());
  EXPECT_FALSE(partitions[1].records.is_null());
  EXPECT_EQ(as_text(partitions[2].records.bytes()), "abc");
}

TEST(Writer, CutsTextsThatNoClientWouldRead) {
  FetchResponse response;
  response.responses.emplace_back().topic = std::string(40000, 'x');
  MessageWriter writer;
  response.encode(writer, 12);
  ByteReader reader(writer.bytes().view());
  EXPECT_EQ(FetchResponse::decode(reader, 12)->responses[0].topic.size(), 32767u);
}

TEST(VersionedRecord, BeginsWithItsVersion) {
  Buffer bytes = encode_versioned(OffsetCommitKey{.group = "g", .topic = "t", .partition = 2}, 1);
  EXPECT_EQ(as_text(bytes.view()), std::string_view("\0\1\0\1g\0\1t\0\0\0\2", 12));
  Result<OffsetCommitKey> key = decode_versioned<OffsetCommitKey>(bytes.view());
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(key->partition, 2);
}

TEST(VersionedRecord, WithoutVersionIsAnError) {
  std::vector<uint8_t> one_byte{0};
  EXPECT_TRUE(decode_versioned<ConsumerProtocolSubscription>(one_byte).error().is(ErrorCode::invalid_request));
}

}  // namespace

}  // namespace gregor::protocol
