#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "runtime/result.h"

namespace gregor::zk::json {

/// `message` as Kafka writes it: compact, original field names, defaults printed, map keys in order, int64 as
/// strings. Optional fields and messages appear only when set, after the others. Internal to zk-schema, as all of
/// this header.
std::string to_json(const google::protobuf::Message& message);

/// Fills `message` from JSON; unknown fields are ignored, a number may be a string and the other way round.
/// Errors: bad_message.
Result<void> parse(std::string_view text, google::protobuf::Message& message);

/// A bad_message error that says which znode holds what is wrong.
Error malformed(std::string_view message_name, std::string_view what);

template <class Message>
Result<Message> from_json(std::string_view text) {
  Message message;
  auto parsed = parse(text, message);
  if (!parsed) return parsed.error();
  return message;
}

}  // namespace gregor::zk::json
