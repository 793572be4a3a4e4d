#include <gtest/gtest.h>

#include "wire/all_messages.h"

namespace gregor::protocol {

namespace {

void expect_round_trip(const AnyMessage& message, Sample sample) {
  for (int16_t version = message.min_version; version <= message.max_version; ++version) {
    std::vector<uint8_t> bytes = message.encode_sample(sample, version);
    Result<std::vector<uint8_t>> again = message.reencode(bytes, version);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, bytes) << label(message, version);
  }
}

TEST(RoundTrip, KnowsAllMessages) {
  EXPECT_EQ(all_messages().size(), 62u * 2 + 13)
      << "a request and a response per API, headers and internal records";
}

TEST(RoundTrip, KeepsEveryFieldOfEveryVersion) {
  for (const AnyMessage& message : all_messages()) expect_round_trip(message, Sample::filled);
}

TEST(RoundTrip, KeepsNullsAndEmptyTexts) {
  for (const AnyMessage& message : all_messages()) expect_round_trip(message, Sample::sparse);
}

}  // namespace

}  // namespace gregor::protocol
