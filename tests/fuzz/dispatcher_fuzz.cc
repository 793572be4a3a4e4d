// Whole request frames, as many as a client likes to send, to a whole broker (tests/support/broker_core.h): real
// dispatcher, real handlers, real logs. Whatever comes, every request gets an answer that its client can read, or
// its connection closed with a reason, and none stays without an end.
//
// Input: pieces, each an action (see Action), one after another.

#include <array>
#include <map>
#include <string>
#include <vector>

#include "broker/protocol/create_partitions.h"
#include "broker/protocol/create_topics.h"
#include "broker/protocol/fetch.h"
#include "broker/protocol/produce.h"
#include "broker/record/batch.h"
#include "broker/types/error_code.h"
#include "samples.h"
#include "tests/fuzz/batch_repair.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/broker_core.h"
#include "zk-schema/paths.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;
namespace paths = zk::paths;

enum Action : uint8_t {
  request,        ///< a frame
  request_as_is,  ///< the same, its batches' checksums as they are
  pass_time,      ///< up to a minute
  other_answers,  ///< what other brokers answer the controller with
  others_write,   ///< somebody else puts a znode
  others_remove,  ///< or removes one
  renew_session,
  actions
};

/// The topics that there are, which among them try every way through the handlers.
const std::map<std::string, std::map<std::string, std::string>>& topics() {
  static const std::map<std::string, std::map<std::string, std::string>> all{
      {"orders", {{"segment.bytes", "2000"}, {"index.interval.bytes", "100"}, {"max.message.bytes", "1500"}}},
      {"payments", {{"cleanup.policy", "compact"}, {"message.timestamp.type", "LogAppendTime"}}},
      {"zipped", {{"compression.type", "zstd"}, {"flush.messages", "2"}, {"retention.bytes", "1000"}}},
  };
  return all;
}

/// Only so many partitions that the fuzzer goes on to something else: the broker takes thousands.
constexpr int32_t kMaxPartitions = 16;

template <class Request>
std::optional<Request> decoded(ByteReader body, int16_t version) {
  auto request = Request::decode(body, version);
  if (!request) return std::nullopt;
  return std::move(*request);
}

bool makes_too_many_partitions(int16_t key, int16_t version, ByteReader body) {
  if (key == static_cast<int16_t>(protocol::ApiKey::create_topics)) {
    auto wanted = decoded<protocol::CreateTopicsRequest>(body, version);
    if (!wanted) return false;
    return std::any_of(wanted->topics.begin(), wanted->topics.end(),
                       [](const auto& topic) { return topic.num_partitions > kMaxPartitions; });
  }
  if (key == static_cast<int16_t>(protocol::ApiKey::create_partitions)) {
    auto wanted = decoded<protocol::CreatePartitionsRequest>(body, version);
    if (!wanted) return false;
    return std::any_of(wanted->topics.begin(), wanted->topics.end(),
                       [](const auto& topic) { return topic.count > kMaxPartitions; });
  }
  return false;
}

/// Makes the checksums of what is produced right, in place.
void repair_batches(int16_t key, int16_t version, ByteReader body) {
  if (key != static_cast<int16_t>(protocol::ApiKey::produce)) return;
  auto request = decoded<protocol::ProduceRequest>(body, version);
  if (!request) return;
  for (const auto& topic : request->topic_data) {
    for (const auto& partition : topic.partition_data) {
      Bytes records = partition.records.bytes();
      fuzz::repair_lengths_and_checksums({const_cast<uint8_t*>(records.data()), records.size()});
    }
  }
}

/// A consumer can read on: batches follow each other, and the first is whole unless it is too large for the fetch.
void check_records(Bytes records) {
  BatchIterator batches(records);
  Offset last = kNoOffset;
  while (auto batch = batches.next()) {
    ASSERT(batch->is_intact());
    if (batch->is_legacy()) continue;  // converted: a wrapper may lie before what is wanted
    ASSERT(batch->base_offset() > last && batch->last_offset() >= batch->base_offset());
    last = batch->last_offset();
  }
}

template <class Response>
void check_response(ByteReader body, int16_t version) {
  auto response = Response::decode(body, version);
  ASSERT(response.ok() && body.remaining() == 0);
  if constexpr (std::is_same_v<Response, protocol::FetchResponse>) {
    for (const auto& topic : response->responses) {
      for (const auto& partition : topic.partitions) check_records(partition.records.bytes());
    }
  }
}

using ResponseCheck = void (*)(ByteReader body, int16_t version);
using ResponseChecks = std::map<int16_t, ResponseCheck>;

struct CollectResponses {
  ResponseChecks& into;

  template <class Message>
  void operator()() {
    if constexpr (requires { Message::kApiKey; }) {
      if (Message::kName.ends_with("Response")) {
        into[static_cast<int16_t>(Message::kApiKey)] = check_response<Message>;
      }
    }
  }
};

const ResponseChecks& response_checks() {
  static const ResponseChecks checks = [] {
    ResponseChecks found;
    protocol::for_each_message(CollectResponses{found});
    return found;
  }();
  return checks;
}

class Scenario {
 public:
  explicit Scenario(Bytes input)
      : input_(input), core_(topics(), [this](uint16_t, Bytes) { return other_answer(); }) {}

  void run() {
    while (!input_.at_end()) {
      fuzz::FuzzInput piece(input_.piece());
      do_one(piece.byte() % actions, piece);
    }
    core_.stop();
    for (auto& sent : sent_) {
      ASSERT(sent.reply.has_ended());
      check(sent);
    }
  }

 private:
  struct Sent {
    testing::Started<Reply> reply;
    int16_t key = 0;
    int16_t version = 0;
    int32_t correlation_id = 0;
    bool is_checked = false;
  };

  void do_one(int action, fuzz::FuzzInput& piece) {
    switch (action) {
      case request:
      case request_as_is:
        return send(piece.rest(), action == request);
      case pass_time:
        return core_.shards().advance(std::chrono::milliseconds(piece.int16() & INT16_MAX) * 2);
      case other_answers:
        answer_ = Buffer::copy_of(piece.rest());
        return;
      case others_write:
        return write_znode(piece);
      case others_remove: {
        std::string path = known_path(piece.byte());
        bool has_path = core_.zookeeper().has(path) && core_.zookeeper().names_below(path).empty();
        if (has_path) core_.shards().call([&] { core_.zookeeper().others_remove(path); });
        return;
      }
      case renew_session:
        return core_.renew_session();
    }
  }

  void send(Bytes bytes, bool repairs) {
    Buffer frame = Buffer::copy_of(bytes);
    ByteReader reader(frame.view());
    auto header = protocol::decode_request_header(reader);
    Sent sent;
    if (header) {
      sent.key = header->request_api_key;
      sent.version = header->request_api_version;
      sent.correlation_id = header->correlation_id;
      if (makes_too_many_partitions(sent.key, sent.version, reader)) return;
      if (repairs) repair_batches(sent.key, sent.version, reader);
    }
    sent.reply = core_.dispatch(std::move(frame), sent_.size() % core_.shards().all().size());
    sent_.push_back(std::move(sent));
    if (sent_.back().reply.has_ended()) check(sent_.back());
  }

  /// The answer is one that the client can read.
  static void check(Sent& sent) {
    if (std::exchange(sent.is_checked, true)) return;
    Reply& reply = sent.reply.value();
    if (reply.kind == Reply::Kind::close) ASSERT(!reply.reason.empty());
    if (reply.kind != Reply::Kind::send) return;
    Buffer frame = testing::flattened(reply.frame);
    if (reply.on_sent) reply.on_sent({});
    ByteReader reader(frame.view());
    ASSERT(reader.read_int32() == static_cast<int32_t>(frame.size() - 4));
    const protocol::ApiInfo& api = *protocol::find_api(sent.key);
    // Nobody else is told of an unknown version: in the oldest form, which every client can read.
    int16_t version = api.supports(sent.version) ? sent.version : int16_t{0};
    auto header = protocol::ResponseHeader::decode(reader, protocol::response_header_version(api, version));
    ASSERT(header.ok() && header->correlation_id == sent.correlation_id);
    response_checks().at(sent.key)(reader, version);
  }

  std::string known_path(uint8_t number) const {
    const std::string topic = number & 0x80 ? "payments" : "orders";
    const std::array<std::string, 16> known{
        paths::topic(topic),
        paths::partition_state(topic, 0),
        paths::partition_state(topic, 1),
        paths::config("topics", topic),
        paths::config("brokers", "1"),
        paths::config("brokers", paths::kDefaultEntity),
        paths::broker(2),
        paths::delete_topic(topic),
        paths::topic("new"),
        paths::kController,
        paths::kControllerEpoch,
        paths::kLatestProducerIdBlock,
        paths::kReassignPartitions,
        paths::kPreferredReplicaElection,
        std::string(paths::kConfigChangePrefix) + "0000000100",
        std::string(paths::kIsrChangePrefix) + "0000000100",
    };
    return known[number % known.size()];
  }

  void write_znode(fuzz::FuzzInput& piece) {
    std::string path = known_path(piece.byte());
    std::string data(as_text(piece.rest()));
    bool is_ephemeral = path == paths::broker(2) || path == paths::kController;
    core_.shards().call([&] { core_.zookeeper().others_put(path, data, is_ephemeral); });
  }

  Buffer other_answer() {
    Buffer frame = Buffer::copy_of(answer_.view());
    Buffer sized(4);
    store_big_endian(sized.data(), static_cast<int32_t>(frame.size()));
    sized.append(frame.view());
    return sized;
  }

  fuzz::FuzzInput input_;
  Buffer answer_;
  testing::BrokerCore core_;
  std::vector<Sent> sent_;
};

}  // namespace
}  // namespace gregor

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gregor::fuzz::be_quiet();
  gregor::Scenario({data, size}).run();
  return 0;
}
