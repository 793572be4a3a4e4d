#include <gtest/gtest.h>

#include "broker/api/api.h"
#include "broker/protocol/fetch.h"

namespace gregor {
namespace {

/// A Fetch response with one partition per size of records.
protocol::FetchResponse response_with(std::vector<uint64_t> sizes) {
  protocol::FetchResponse response;
  auto& topic = response.responses.emplace_back();
  topic.topic = "t";
  for (size_t i = 0; i < sizes.size(); ++i) {
    auto& row = topic.partitions.emplace_back();
    row.partition_index = static_cast<int32_t>(i);
    row.records = protocol::Records::external(sizes[i]);
  }
  return response;
}

OutgoingFrame frame_of(std::vector<uint64_t> sizes, std::vector<uint64_t> slices) {
  std::vector<FileSlice> files;
  for (uint64_t size : slices) files.push_back(FileSlice{nullptr, 0, size});
  return outgoing(protocol::response_frame(response_with(std::move(sizes)), 12, 1), std::move(files));
}

TEST(Outgoing, AnnouncesWhatIsSplicedInAsWell) {
  OutgoingFrame without = frame_of({0}, {});
  OutgoingFrame with = frame_of({1000}, {1000});
  auto announced = [](const OutgoingFrame& frame) { return load_big_endian<int32_t>(frame.bytes.data()); };
  EXPECT_EQ(announced(without), static_cast<int32_t>(without.bytes.size()) - 4);
  EXPECT_EQ(announced(with), static_cast<int32_t>(with.bytes.size()) - 4 + 1000);
}

TEST(Outgoing, SlicesStandWhereTheirRecordsBelong) {
  OutgoingFrame frame = frame_of({100, 0, 300}, {100, 300});
  ASSERT_EQ(frame.splices.size(), 2u);
  EXPECT_EQ(frame.splices[0].slice.size, 100u);
  EXPECT_EQ(frame.splices[1].slice.size, 300u);
  EXPECT_LT(frame.splices[0].position, frame.splices[1].position);
  EXPECT_LE(frame.splices[1].position, frame.bytes.size());
}

TEST(Outgoing, RecordsMayComeFromSeveralSegments) {
  OutgoingFrame frame = frame_of({100, 50}, {60, 40, 50});
  ASSERT_EQ(frame.splices.size(), 3u);
  EXPECT_EQ(frame.splices[0].position, frame.splices[1].position);
  EXPECT_EQ(frame.splices[1].slice.size, 40u);
  EXPECT_LT(frame.splices[1].position, frame.splices[2].position);
}

}  // namespace
}  // namespace gregor
