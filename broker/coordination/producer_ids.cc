#include "broker/coordination/producer_ids.h"

#include <limits>

#include "broker/types/error_code.h"
#include "runtime/logging.h"
#include "zk-schema/paths.h"

namespace gregor {
namespace {

/// How much of a block may be used before the next one is fetched.
constexpr int64_t kPrefetchAt = ProducerIds::kBlockSize / 10 * 9;
constexpr Duration kRetryPause = std::chrono::milliseconds(50);

}  // namespace

Task<Result<int64_t>> ProducerIds::next(Duration patience) {
  Instant deadline = Shard::current()->clock().now() + patience;
  while (true) {
    if (auto id = take()) co_return *id;
    request_block();
    bool is_fetched = false;
    if (is_fetching_) {
      auto fetched = fetched_.wait(deadline);
      is_fetched = co_await fetched;
    }
    if (!is_fetched || has_failed_) {
      co_return Error{make_error_code(ErrorCode::coordinator_load_in_progress),
                      "the next block of producer ids has not come yet"};
    }
  }
}

std::optional<int64_t> ProducerIds::take() {
  if (next_id_ > block_.last_id && following_) {
    block_ = *std::exchange(following_, std::nullopt);
    next_id_ = block_.first_id;
  }
  if (next_id_ > block_.last_id) return std::nullopt;
  int64_t id = next_id_++;
  if (id - block_.first_id >= kPrefetchAt) request_block();
  return id;
}

void ProducerIds::request_block() {
  bool is_too_early = has_failed_ && Shard::current()->clock().now() < next_attempt_;
  if (is_fetching_ || following_ || is_too_early) return;
  is_fetching_ = true;
  spawn(fetch_block());
}

Task<void> ProducerIds::fetch_block() {
  Result<zk::ProducerIdBlock> block = co_await allocate();
  is_fetching_ = false;
  has_failed_ = !block.ok();
  if (block) {
    following_ = *block;
    log::info("took a block of producer ids first={} last={}", block->first_id, block->last_id);
  } else {
    next_attempt_ = Shard::current()->clock().now() + kRetryPause;
    log::error("could not get a block of producer ids reason=\"{}\"", block.error().message);
  }
  fetched_.wake_all();
}

Task<Result<zk::ProducerIdBlock>> ProducerIds::allocate() {
  while (true) {
    Result<ZkNode> node = co_await zookeeper_.get(zk::paths::kLatestProducerIdBlock, Watch::no);
    if (!node) co_return node.error();
    Result<zk::ProducerIdBlock> block = block_after(node->data);
    if (!block) co_return block;
    Result<ZkStat> written =
        co_await zookeeper_.set(zk::paths::kLatestProducerIdBlock, block->encode(), node->stat.version);
    if (written) co_return block;
    // Somebody else took a block meanwhile, or we did and the answer was lost; the one behind it is free.
    if (!written.error().is(ZkCode::bad_version)) co_return written.error();
  }
}

Result<zk::ProducerIdBlock> ProducerIds::block_after(const std::string& latest) const {
  if (latest.empty()) return zk::ProducerIdBlock{self_.value, 0, kBlockSize - 1};
  auto known = zk::ProducerIdBlock::decode(latest);
  if (!known) return known;
  bool is_sound = known->first_id >= 0 && known->last_id >= known->first_id;
  if (!is_sound || known->last_id > std::numeric_limits<int64_t>::max() - kBlockSize) {
    return Error{make_error_code(ErrorCode::coordinator_load_in_progress),
                 "no ids come after those in " + std::string(zk::paths::kLatestProducerIdBlock) + ": " + latest};
  }
  return zk::ProducerIdBlock{self_.value, known->last_id + 1, known->last_id + kBlockSize};
}

}  // namespace gregor
