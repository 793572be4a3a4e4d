// Small files and znodes: what the disk, ZooKeeper or an operator's hand may hold. Each is read or refused with a
// reason, and what was read comes back from what is written of it.
//
// Input: which reader, then its bytes.

#include <string>

#include "broker/config/broker_config.h"
#include "broker/config/endpoint.h"
#include "broker/config/option_name.h"
#include "broker/config/password_encoder.h"
#include "broker/config/properties.h"
#include "broker/config/topic_config.h"
#include "broker/coordination/connect_string.h"
#include "broker/log/checkpoint_file.h"
#include "broker/log/leader_epoch_cache.h"
#include "broker/log/log_directory.h"
#include "broker/log/meta_properties.h"
#include "broker/log/partition_metadata_file.h"
#include "broker/log/producer_snapshot.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/memory_file_system.h"
#include "zk-schema/paths.h"
#include "zk-schema/znodes.h"

namespace gregor {
namespace {

using Text = std::string_view;

template <class T>
bool is_read(const Result<T>& result) {
  if (!result) ASSERT(!result.error().message.empty());
  return result.ok();
}

// --- znodes ---

template <class Znode>
void check_znode(Text text) {
  auto first = Znode::decode(text);
  if (!is_read(first)) return;
  auto again = Znode::decode(first->encode());
  ASSERT(again.ok() && *again == *first);
  ASSERT(again->encode() == first->encode());
}

void check_registration(Text text) {
  auto first = zk::BrokerRegistration::decode(7, text);
  if (!is_read(first)) return;
  auto again = zk::BrokerRegistration::decode(7, first->encode());
  ASSERT(again.ok() && *again == *first);
  for (const auto& endpoint : first->endpoints) ASSERT(!endpoint.connection_string().empty());
}

void check_controller_epoch(Text text) {
  auto epoch = zk::decode_controller_epoch(text);
  if (is_read(epoch)) ASSERT(*zk::decode_controller_epoch(zk::encode_controller_epoch(*epoch)) == *epoch);
}

void check_acl_changes(Text text) {
  auto literal = zk::AclChange::decode_literal(text);
  if (is_read(literal)) ASSERT(*zk::AclChange::decode_literal(literal->encode_literal()) == *literal);
  auto extended = zk::AclChange::decode_extended(text);
  if (is_read(extended)) ASSERT(*zk::AclChange::decode_extended(extended->encode_extended()) == *extended);
}

void check_paths(Text text) {
  ASSERT(zk::paths::desanitize(zk::paths::sanitize(text)) == text);
  (void)zk::paths::desanitize(text);
  (void)zk::paths::sequence_number(text);
  (void)zk::paths::parent(text);
  (void)zk::paths::name(text);
}

// --- what an operator writes ---

std::string host_name() { return "here.example"; }

void check_properties(Text text) {
  auto properties = parse_properties(text);
  if (!is_read(properties)) return;
  for (const auto& [key, value] : *properties) (void)find_broker_option(key);
  auto config = BrokerConfig::load(*properties, {{"zookeeper.connect", "here:2181"}}, host_name);
  if (is_read(config)) (void)is_read(config->with({*properties, *properties}));
  static const BrokerConfig defaults = *BrokerConfig::load({{"zookeeper.connect", "here:2181"}}, {}, host_name);
  (void)is_read(TopicConfig::create(defaults, *properties));
  (void)is_read(TopicConfig::validate(defaults, *properties));
}

void check_endpoints(Text text) {
  std::string owned(text);
  static const SecurityProtocolMap protocols{{"PLAINTEXT", SecurityProtocol::plaintext},
                                             {"SSL", SecurityProtocol::ssl}};
  auto endpoints = parse_endpoints("listeners", owned, protocols);
  if (is_read(endpoints)) {
    std::string written;
    for (const auto& endpoint : *endpoints) {
      ASSERT(endpoint.port >= 0 && endpoint.port <= 65535);
      written += (written.empty() ? "" : ",") + endpoint.to_string();
    }
    auto again = parse_endpoints("listeners", written, protocols);
    ASSERT(again.ok() && *again == *endpoints);
    (void)shared_port(*endpoints);
  }
  (void)is_read(parse_security_protocol_map(owned));
  (void)is_read(parse_http_endpoint("http", owned));
  (void)is_read(parse_connections_per_ip(owned));
  (void)is_read(ConnectString::parse(text));
}

void check_password(Text text) {
  // More rounds than the default would only cost the fuzzer time; the number is bounded elsewhere.
  if (text.find("iterations:4096,") == Text::npos && text.find("iterations:") != Text::npos) return;
  static const PasswordEncoder encoder("secret", {"PBKDF2WithHmacSHA512", "AES/CBC/PKCS5Padding", 128, 4096});
  (void)is_read(encoder.decode(text));
}

// --- files of log directories ---

void check_checkpoint(Text text) {
  testing::MemoryFileSystem files;
  files.put("/data/checkpoint", as_bytes(text));
  auto read = read_offset_checkpoint(files, "/data/checkpoint");
  if (!is_read(read)) return;
  ASSERT(write_offset_checkpoint(files, "/data/checkpoint", *read).ok());
  auto again = read_offset_checkpoint(files, "/data/checkpoint");
  ASSERT(again.ok() && *again == *read);
}

bool is_same(const std::vector<EpochStart>& one, const std::vector<EpochStart>& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), [](const auto& a, const auto& b) {
    return a.epoch == b.epoch && a.start_offset == b.start_offset;
  });
}

void check_leader_epochs(Text text) {
  testing::MemoryFileSystem files;
  std::string directory = "/data/orders-0";
  files.put(directory + "/leader-epoch-checkpoint", as_bytes(text));
  LeaderEpochCache cache(files, directory);
  if (!is_read(cache.load())) return;
  const auto& entries = cache.entries();
  for (size_t i = 1; i < entries.size(); ++i) {
    ASSERT(entries[i - 1].epoch < entries[i].epoch);
    ASSERT(entries[i - 1].start_offset < entries[i].start_offset);
  }
  for (const auto& entry : entries) {
    auto end = cache.end_offset_for(entry.epoch, Offset(INT64_MAX));
    ASSERT(end && end->epoch == entry.epoch && end->end_offset >= entry.start_offset);
    ASSERT(cache.epoch_of(entry.start_offset) == entry.epoch);
  }
  LeaderEpoch next = cache.latest() ? LeaderEpoch(cache.latest()->value / 2 + 1) : LeaderEpoch(0);
  cache.assign(next, Offset(7));
  ASSERT(cache.save().ok());
  LeaderEpochCache again(files, directory);
  ASSERT(again.load().ok() && is_same(again.entries(), cache.entries()));
  cache.truncate_from_start(Offset(8));
  cache.truncate_from_end(Offset(9));
}

void check_meta_properties(Text text) {
  testing::MemoryFileSystem files;
  files.put("/data/meta.properties", as_bytes(text));
  auto read = read_meta_properties(files, "/data/meta.properties");
  if (!is_read(read)) return;
  ASSERT(read->has_value());
  (void)(*read)->cluster_id();
  (void)is_read(gregor::check_meta_properties(**read, "/data/meta.properties", ExpectedId{"1", "here"},
                                              ExpectedId{"cluster", "there"}));
  ASSERT(write_meta_properties(files, "/data/meta.properties", **read).ok());
  auto again = read_meta_properties(files, "/data/meta.properties");
  ASSERT(again.ok() && *again && (*again)->values == (*read)->values);
}

void check_partition_metadata(Text text) {
  testing::MemoryFileSystem files;
  files.put("/data/orders-0/partition.metadata", as_bytes(text));
  auto read = read_partition_metadata(files, "/data/orders-0");
  if (!is_read(read)) return;
  ASSERT(read->has_value());
  ASSERT(write_partition_metadata(files, "/data/orders-0", **read).ok());
  ASSERT(*read_partition_metadata(files, "/data/orders-0") == *read);
}

void check_producer_snapshot(Text text) {
  auto producers = decode_producer_snapshot(as_bytes(text));
  if (!is_read(producers)) return;
  ProducerState state;
  for (auto& [id, entry] : *producers) state.restore(id, std::move(entry));
  Buffer written = encode_producer_snapshot(state);
  auto again = decode_producer_snapshot(written.view());
  ASSERT(again.ok() && again->size() == state.producers().size());
  for (const auto& [id, entry] : *again) {
    const ProducerEntry* known = state.find(id);
    ASSERT(known != nullptr && known->epoch() == entry.epoch());
    ASSERT(known->last_sequence() == entry.last_sequence());
    ASSERT(known->transaction_start() == entry.transaction_start());
    ASSERT(known->coordinator_epoch() == entry.coordinator_epoch());
  }
  (void)state.first_unstable_offset();
  state.expire(1'700'000'000'000, 1000);
}

void check_directory_name(Text text) {
  std::string name(text);
  auto parsed = PartitionDirectoryName::parse(name);
  if (!parsed) return;
  ASSERT(parsed->partition.partition >= 0 && !parsed->partition.topic.empty());
  bool is_live = parsed->kind == PartitionDirectoryName::Kind::live;
  if (is_live) ASSERT(PartitionDirectoryName::parse(parsed->partition.to_string())->partition == parsed->partition);
  std::string deleted = deleted_directory_name(parsed->partition, {});
  ASSERT(deleted.size() <= 255);
  auto again = PartitionDirectoryName::parse(deleted);
  ASSERT(again && again->kind == PartitionDirectoryName::Kind::deleted);
}

/// The order is that of the inputs' first byte: new readers go to the end.
using Check = void (*)(Text);
constexpr Check kChecks[] = {
    check_znode<zk::ClusterId>,
    check_znode<zk::ControllerInfo>,
    check_registration,
    check_znode<zk::EntityConfig>,
    check_znode<zk::ConfigChange>,
    check_znode<zk::FinalizedFeatures>,
    check_znode<zk::IsrChange>,
    check_znode<zk::LogDirEvent>,
    check_znode<zk::ResourceAcls>,
    check_acl_changes,
    check_znode<zk::Reassignment>,
    check_znode<zk::PreferredElection>,
    check_znode<zk::DelegationToken>,
    check_znode<zk::ProducerIdBlock>,
    check_znode<zk::TopicAssignment>,
    check_znode<zk::PartitionState>,
    check_controller_epoch,
    check_paths,
    check_properties,
    check_endpoints,
    check_password,
    check_checkpoint,
    check_leader_epochs,
    check_meta_properties,
    check_partition_metadata,
    check_producer_snapshot,
    check_directory_name,
};

}  // namespace
}  // namespace gregor

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gregor;  // NOLINT: the one function outside
  fuzz::be_quiet();
  fuzz::FuzzInput input({data, size});
  uint8_t number = input.byte();
  kChecks[number % std::size(kChecks)](as_text(input.rest()));
  return 0;
}
