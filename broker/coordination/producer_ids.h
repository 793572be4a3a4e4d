#pragma once

#include <optional>

#include "broker/coordination/zookeeper.h"
#include "broker/types/ids.h"
#include "zk-schema/producer_ids.h"

namespace gregor {

/// Gives out producer ids, each once in the life of the cluster: blocks of a thousand, taken from
/// /latest_producer_id_block by conditional writes. What is left of a block when the broker stops is never used.
///
/// On ZooKeeper's shard.
class ProducerIds {
 public:
  static constexpr int64_t kBlockSize = 1000;

  ProducerIds(ZooKeeper& zookeeper, BrokerId self) : zookeeper_(zookeeper), self_(self) {}

  /// A producer id that nobody has had. Error: coordinator_load_in_progress when none is to be had within
  /// `patience`; clients ask again then.
  Task<Result<int64_t>> next(Duration patience);

 private:
  std::optional<int64_t> take();
  /// Sees to it that a block comes, unless one is on its way or was just failed to be had.
  void request_block();
  Task<void> fetch_block();
  Task<Result<zk::ProducerIdBlock>> allocate();
  Result<zk::ProducerIdBlock> block_after(const std::string& latest) const;

  ZooKeeper& zookeeper_;
  const BrokerId self_;
  zk::ProducerIdBlock block_{-1, 0, -1};  ///< empty at first
  int64_t next_id_ = 0;                   ///< in `block_`, or behind it
  std::optional<zk::ProducerIdBlock> following_;
  bool is_fetching_ = false;
  bool has_failed_ = false;  ///< the last attempt to get a block
  Instant next_attempt_{};
  WaitList fetched_;
};

}  // namespace gregor
