#include "wire/all_messages.h"

#include <stdexcept>

#include "samples.h"
#include "wire/filler.h"

namespace gregor::protocol {

namespace {

std::vector<uint8_t> bytes_of(const MessageWriter& writer) {
  Bytes view = writer.bytes().view();
  return {view.begin(), view.end()};
}

template <class Message>
std::vector<uint8_t> encode_sample(Sample sample, int16_t version) {
  Filler filler(sample);
  Message message;
  filler.fill(message);
  MessageWriter writer;
  message.encode(writer, version);
  return bytes_of(writer);
}

template <class Message>
Result<std::vector<uint8_t>> reencode(Bytes bytes, int16_t version) {
  ByteReader reader(bytes);
  Result<Message> message = Message::decode(reader, version);
  if (!message) return message.error();
  if (reader.remaining() > 0) return Error{{}, std::to_string(reader.remaining()) + " bytes left"};
  MessageWriter writer;
  message->encode(writer, version);
  return bytes_of(writer);
}

template <class Message>
Result<void> decode(Bytes bytes, int16_t version) {
  ByteReader reader(bytes);
  Result<Message> message = Message::decode(reader, version);
  if (!message) return message.error();
  return {};
}

struct Collect {
  std::vector<AnyMessage>& messages;

  template <class Message>
  void operator()() {
    messages.push_back({Message::kName, Message::kMinVersion, Message::kMaxVersion, encode_sample<Message>,
                        reencode<Message>, decode<Message>});
  }
};

}  // namespace

const std::vector<AnyMessage>& all_messages() {
  static const std::vector<AnyMessage> messages = [] {
    std::vector<AnyMessage> found;
    for_each_message(Collect{found});
    return found;
  }();
  return messages;
}

const AnyMessage& message_named(std::string_view name) {
  for (const AnyMessage& message : all_messages()) {
    if (message.name == name) return message;
  }
  throw std::out_of_range("no message " + std::string(name));
}

std::string label(const AnyMessage& message, int16_t version) {
  return std::string(message.name) + " v" + std::to_string(version);
}

}  // namespace gregor::protocol
