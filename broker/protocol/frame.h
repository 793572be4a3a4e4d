#pragma once

#include <cstdint>

#include "broker/protocol/api_info.h"
#include "broker/protocol/header.h"
#include "broker/protocol/message_writer.h"
#include "runtime/byte_reader.h"
#include "runtime/result.h"

namespace gregor::protocol {

/// Reads the header of a request in the version that its own first fields ask for; the body is what `reader` has
/// left.
///
/// An API's unsupported version passes, since ApiVersions answers one. Errors: invalid_request for an unknown API
/// key and for bytes that are no header.
Result<RequestHeader> decode_request_header(ByteReader& reader);

/// Begins a frame: room for its size, then the header. `end_frame` fills in the size when the body is written.
MessageWriter begin_response_frame(const ApiInfo& api, int16_t version, int32_t correlation_id);
MessageWriter begin_request_frame(const ApiInfo& api, const RequestHeader& header);
void end_frame(MessageWriter& frame);

/// A whole frame: size, response header, `response` encoded in `version`.
template <class Response>
MessageWriter response_frame(const Response& response, int16_t version, int32_t correlation_id) {
  const ApiInfo& api = *find_api(static_cast<int16_t>(Response::kApiKey));
  MessageWriter frame = begin_response_frame(api, version, correlation_id);
  response.encode(frame, version);
  end_frame(frame);
  return frame;
}

/// A whole frame: size, `header`, and `request` in the version that the header names. The header's API key is set
/// here.
template <class Request>
MessageWriter request_frame(const Request& request, RequestHeader header) {
  header.request_api_key = static_cast<int16_t>(Request::kApiKey);
  MessageWriter frame = begin_request_frame(*find_api(header.request_api_key), header);
  request.encode(frame, header.request_api_version);
  end_frame(frame);
  return frame;
}

}  // namespace gregor::protocol
