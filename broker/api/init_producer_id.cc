#include "broker/api/init_producer_id.h"

#include "broker/config/options.h"
#include "broker/log/producer_entry.h"

namespace gregor {
namespace {

constexpr Duration kPatience = std::chrono::seconds(2);
constexpr int16_t kFirstEpoch = 0;

}  // namespace

ErrorCode InitProducerIdApi::problem_of(const protocol::InitProducerIdRequest& request) const {
  bool has_id = request.producer_id != kNoProducerId;
  bool has_epoch = request.producer_epoch != kNoProducerEpoch;
  if (has_id != has_epoch) return ErrorCode::invalid_request;
  if (!request.transactional_id) return ErrorCode::none;
  if (request.transactional_id->empty()) return ErrorCode::invalid_request;
  int32_t longest_ms = config_.get(options::transaction_max_timeout_ms);
  if (request.transaction_timeout_ms <= 0 || request.transaction_timeout_ms > longest_ms) {
    return ErrorCode::invalid_transaction_timeout;
  }
  return ErrorCode::unsupported_version;
}

Task<protocol::InitProducerIdResponse> InitProducerIdApi::answer(RequestContext,
                                                                 protocol::InitProducerIdRequest request) {
  protocol::InitProducerIdResponse response;
  response.producer_id = kNoProducerId;
  response.producer_epoch = kNoProducerEpoch;
  ErrorCode problem = problem_of(request);
  if (problem != ErrorCode::none) {
    response.error_code = static_cast<int16_t>(problem);
    co_return response;
  }
  Result<int64_t> id = co_await run_on(zookeeper_shard_, ids_.next(kPatience));
  if (id) {
    response.producer_id = *id;
    response.producer_epoch = kFirstEpoch;
  } else {
    response.error_code = static_cast<int16_t>(kafka_code(id.error().code));
  }
  co_return response;
}

}  // namespace gregor
