#include "broker/controller/replica_assignment.h"

#include <gtest/gtest.h>

#include "broker/types/error_code.h"

namespace gregor {
namespace {

std::vector<std::vector<int32_t>> raw(const std::map<int32_t, std::vector<BrokerId>>& assignment) {
  std::vector<std::vector<int32_t>> rows;
  for (const auto& [partition, replicas] : assignment) {
    auto& row = rows.emplace_back();
    for (BrokerId id : replicas) row.push_back(id.value);
  }
  return rows;
}

const std::vector<BrokerId> kFive{BrokerId(0), BrokerId(1), BrokerId(2), BrokerId(3), BrokerId(4)};

// The table in the documentation of Kafka's AdminUtils: 10 partitions, 3 replicas, 5 brokers.
TEST(ReplicaAssignment, SpreadsAsKafkaDocuments) {
  auto assignment = assign_replicas(kFive, 10, 3, 0, 0, 0);
  ASSERT_TRUE(assignment);
  EXPECT_EQ(raw(*assignment), (std::vector<std::vector<int32_t>>{{0, 1, 2},
                                                                 {1, 2, 3},
                                                                 {2, 3, 4},
                                                                 {3, 4, 0},
                                                                 {4, 0, 1},
                                                                 {0, 2, 3},
                                                                 {1, 3, 4},
                                                                 {2, 4, 0},
                                                                 {3, 0, 1},
                                                                 {4, 1, 2}}));
}

TEST(ReplicaAssignment, RefusesMoreReplicasThanBrokers) {
  auto assignment = assign_replicas({BrokerId(1)}, 1, 2, 0, 0, 0);
  ASSERT_FALSE(assignment);
  EXPECT_TRUE(assignment.error().is(ErrorCode::invalid_replication_factor));
  EXPECT_EQ(assignment.error().message, "Replication factor: 2 larger than available brokers: 1.");
}

TEST(ReplicaAssignment, NumbersAddedPartitionsFromWhereTheOldOnesEnd) {
  auto assignment = assign_replicas({BrokerId(9)}, 2, 1, 0, 0, 5);
  ASSERT_TRUE(assignment);
  EXPECT_TRUE(assignment->contains(5) && assignment->contains(6));
}

}  // namespace
}  // namespace gregor
