#pragma once

#include <gtest/gtest.h>

#include "broker/record/builder.h"
#include "broker/replica/partition.h"
#include "tests/support/manual_shards.h"
#include "tests/support/temporary_directory.h"

namespace gregor {

inline constexpr BrokerId kSelf{1};
inline constexpr BrokerId kOther{2};
inline constexpr int64_t kTimestamp = 1'600'000'000'000;

inline Uuid uuid_of(uint8_t number) {
  std::array<uint8_t, 16> bytes{};
  bytes.fill(number);
  return Uuid::from_random(bytes);
}

inline Buffer batch_of(int records, int64_t timestamp = kTimestamp) {
  BatchBuilder builder;
  for (int i = 0; i < records; ++i) builder.add(timestamp + i, "key", "value");
  return builder.build();
}

inline std::vector<BrokerId> ids(std::initializer_list<int32_t> raw) {
  std::vector<BrokerId> brokers;
  for (int32_t id : raw) brokers.emplace_back(id);
  return brokers;
}

/// One partition, orders-0, with a real log in a directory of its own; the controller's part is the test's.
class PartitionTest : public ::testing::Test {
 protected:
  PartitionTest() { open(); }

  void open(Offset high_watermark = Offset(0)) {
    partition_.reset();
    directory_.reset();
    auto directory = LogDirectory::open(files_, home_.path());
    ASSERT_TRUE(directory.ok()) << directory.error().message;
    directory_ = std::move(*directory);
    auto log = PartitionLog::open(files_, shards_.clock(), directory_->path_of({"orders", 0}), {"orders", 0}, {});
    ASSERT_TRUE(log.ok()) << log.error().message;
    partition_ = std::make_unique<Partition>(kSelf, shards_.clock(), *directory_, std::move(*log), high_watermark,
                                             settings_);
  }
  PartitionState state(BrokerId leader, int32_t epoch, std::initializer_list<int32_t> in_sync) {
    PartitionState made;
    made.name = {"orders", 0};
    made.topic_id = uuid_of(7);
    made.leader = leader;
    made.leader_epoch = LeaderEpoch(epoch);
    made.in_sync = ids(in_sync);
    made.replicas = made.in_sync;
    return made;
  }
  Result<void> apply(PartitionState wanted) {
    return shards_.call([&] { return partition_->apply(wanted, settings_); });
  }
  void lead(int32_t epoch = 0, std::initializer_list<int32_t> in_sync = {1}) {
    auto applied = apply(state(kSelf, epoch, in_sync));
    ASSERT_TRUE(applied.ok()) << applied.error().message;
  }
  void follow(int32_t epoch) {
    auto applied = apply(state(kOther, epoch, {1, 2}));
    ASSERT_TRUE(applied.ok()) << applied.error().message;
  }
  void suspend() {
    shards_.call([&] { partition_->suspend(); });
  }

  ProduceOutcome produce(int records, bool needs_all = false, int64_t timestamp = kTimestamp) {
    Buffer batch = batch_of(records, timestamp);
    return shards_.call([&] { return partition_->append_as_leader(batch.span(), needs_all, true); });
  }
  ErrorCode produce_error(int records = 1, bool needs_all = false) {
    ProduceOutcome outcome = produce(records, needs_all);
    return outcome.appended ? ErrorCode::none : kafka_code(outcome.appended.error().code);
  }
  testing::Started<ErrorCode> await_replicated(int64_t end, Duration timeout = std::chrono::seconds(1)) {
    return shards_.start(partition_->wait_until_replicated(Offset(end), timeout));
  }

  Result<ReadOutcome> read(ReadRequest request) {
    return shards_.call([&] { return partition_->read(request); });
  }
  static ReadRequest from(int64_t offset) {
    ReadRequest request;
    request.fetch_offset = Offset(offset);
    request.max_bytes = 1 << 20;
    return request;
  }
  ErrorCode read_error(ReadRequest request) {
    auto outcome = read(request);
    return outcome ? ErrorCode::none : kafka_code(outcome.error().code);
  }
  /// The record offsets that a consumer gets who fetches from `offset`.
  std::vector<int64_t> readable_from(int64_t offset) {
    auto outcome = read(from(offset));
    EXPECT_TRUE(outcome.ok()) << outcome.error().message;
    std::vector<int64_t> offsets;
    for (const FileSlice& slice : outcome->data.slices) {
      std::vector<uint8_t> bytes(slice.size);
      EXPECT_TRUE(slice.file->read_at(slice.position, bytes).ok());
      BatchIterator batches(bytes);
      while (auto batch = batches.next()) {
        for (Offset at = batch->base_offset(); at <= batch->last_offset(); at = at + 1) offsets.push_back(at.value);
      }
    }
    return offsets;
  }
  /// A fetch that has seen everything up to the high watermark and waits for `bytes` more.
  std::shared_ptr<FetchWaiter> wait_for_bytes(int64_t bytes) {
    return shards_.call([&] {
      auto waiter = std::make_shared<FetchWaiter>(bytes);
      partition_->add_waiter(waiter, partition_->high_watermark());
      return waiter;
    });
  }

  testing::TemporaryDirectory home_;
  testing::ManualShards shards_;
  PosixFileSystem files_;
  PartitionSettings settings_;
  std::unique_ptr<LogDirectory> directory_;
  std::unique_ptr<Partition> partition_;
};

}  // namespace gregor
