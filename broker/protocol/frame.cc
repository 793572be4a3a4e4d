#include "broker/protocol/frame.h"

#include "broker/types/error_code.h"
#include "runtime/assert.h"

namespace gregor::protocol {

Result<RequestHeader> decode_request_header(ByteReader& reader) {
  ByteReader ahead = reader;
  const int16_t key = ahead.read_int16();
  const int16_t version = ahead.read_int16();
  if (!ahead.ok())
    return Error{make_error_code(ErrorCode::invalid_request), "request without an API key and version"};
  const ApiInfo* api = find_api(key);
  if (!api) return Error{make_error_code(ErrorCode::invalid_request), "unknown API key " + std::to_string(key)};
  return RequestHeader::decode(reader, request_header_version(*api, version));
}

MessageWriter begin_response_frame(const ApiInfo& api, int16_t version, int32_t correlation_id) {
  MessageWriter frame;
  frame.bytes().write_int32(0);
  ResponseHeader{.correlation_id = correlation_id}.encode(frame, response_header_version(api, version));
  return frame;
}

MessageWriter begin_request_frame(const ApiInfo& api, const RequestHeader& header) {
  MessageWriter frame;
  frame.bytes().write_int32(0);
  header.encode(frame, request_header_version(api, header.request_api_version));
  return frame;
}

void end_frame(MessageWriter& frame) {
  const uint64_t size = frame.total_size() - sizeof(int32_t);
  ASSERT(size <= INT32_MAX);
  frame.bytes().patch_int32(0, static_cast<int32_t>(size));
}

}  // namespace gregor::protocol
