// Every message in every version: bytes are a message or they are refused, and a message that was read comes back
// from its own encoding. Requests as the broker reads them, responses as it reads those of its peers.
//
// Input: what to read (see Kind), API key or number of the message, version, then the bytes.

#include <map>
#include <string>

#include "broker/protocol/frame.h"
#include "broker/types/error_code.h"
#include "samples.h"
#include "tests/fuzz/fuzz_input.h"

namespace gregor::protocol {
namespace {

enum Kind : uint8_t { request, response, other, frame, kinds };

using Check = void (*)(Bytes bytes, int16_t version);

template <class Message>
Buffer encoded(const Message& message, int16_t version) {
  MessageWriter writer;
  message.encode(writer, version);
  ASSERT(writer.splices().empty());
  return writer.bytes().take();
}

bool is_same(const Buffer& one, const Buffer& other) { return as_text(one.view()) == as_text(other.view()); }

template <class Message>
void check(Bytes bytes, int16_t version) {
  ByteReader reader(bytes);
  Result<Message> message = Message::decode(reader, version);
  if (!message) {
    bool is_known = version >= Message::kMinVersion && version <= Message::kMaxVersion;
    ASSERT(message.error().is(is_known ? ErrorCode::invalid_request : ErrorCode::unsupported_version));
    ASSERT(message.error().message.starts_with(Message::kName));
    return;
  }
  if constexpr (requires(const Message& some) { some.each_error([](int16_t) {}); }) {
    size_t errors = 0;
    message->each_error([&errors](int16_t) { ++errors; });
    ASSERT(errors <= bytes.size());
  }
  Buffer first = encoded(*message, version);
  ASSERT(is_same(first, encoded(*message, version)));
  ByteReader again_reader(first.view());
  Result<Message> again = Message::decode(again_reader, version);
  ASSERT(again.ok() && again_reader.remaining() == 0);
  ASSERT(is_same(first, encoded(*again, version)));
}

struct Checks {
  std::map<std::string, Check, std::less<>> by_name;
  std::vector<Check> others;  ///< headers and internal records
};

struct Collect {
  Checks& into;

  template <class Message>
  void operator()() {
    into.by_name[std::string(Message::kName)] = check<Message>;
    if constexpr (!requires { Message::kApiKey; }) into.others.push_back(check<Message>);
  }
};

const Checks& checks() {
  static const Checks all = [] {
    Checks found;
    for_each_message(Collect{found});
    return found;
  }();
  return all;
}

void check_of_api(int16_t key, const char* suffix, Bytes bytes, int16_t version) {
  const ApiInfo* api = find_api(key);
  if (api == nullptr) return;
  auto found = checks().by_name.find(std::string(api->name) + suffix);
  ASSERT(found != checks().by_name.end());
  found->second(bytes, version);
}

void check_frame(Bytes bytes) {
  ByteReader reader(bytes);
  Result<RequestHeader> header = decode_request_header(reader);
  if (!header) {
    ASSERT(header.error().is(ErrorCode::invalid_request));
    return;
  }
  const ApiInfo& api = *find_api(header->request_api_key);
  Bytes head = bytes.first(bytes.size() - reader.remaining());
  check<RequestHeader>(head, request_header_version(api, header->request_api_version));
  check_of_api(header->request_api_key, "Request", reader.rest(), header->request_api_version);
}

}  // namespace
}  // namespace gregor::protocol

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gregor::protocol;  // NOLINT: the one function outside
  gregor::fuzz::FuzzInput input({data, size});
  auto kind = input.byte() % kinds;
  if (kind == frame) {
    check_frame(input.rest());
    return 0;
  }
  uint8_t number = input.byte();
  auto version = static_cast<int8_t>(input.byte());
  if (kind == request) check_of_api(number, "Request", input.rest(), version);
  if (kind == response) check_of_api(number, "Response", input.rest(), version);
  const auto& others = checks().others;
  if (kind == other) others[number % others.size()](input.rest(), version);
  return 0;
}
