#include "zk-schema/producer_ids.h"

#include "producer_ids.pb.h"
#include "zk-schema/json.h"

namespace gregor::zk {

std::string ProducerIdBlock::encode() const {
  json::ProducerIdBlock block;
  block.set_version(1);
  block.set_broker(broker_id);
  block.set_block_start(first_id);
  block.set_block_end(last_id);
  return json::to_json(block);
}

Result<ProducerIdBlock> ProducerIdBlock::decode(std::string_view text) {
  auto block = json::from_json<json::ProducerIdBlock>(text);
  if (!block) return block.error();
  if (!block->has_broker() || !block->has_block_start() || !block->has_block_end()) {
    return json::malformed("producer id block", text);
  }
  return ProducerIdBlock{block->broker(), block->block_start(), block->block_end()};
}

}  // namespace gregor::zk
