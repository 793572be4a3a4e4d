// The load of many connections, which librdkafka could not make on two cores: it keeps several threads for each.
//
//   load_client requests HOST PORT TOPIC PARTITIONS CONNECTIONS BATCH_BYTES SECONDS
//       every connection has one Produce request under way, acks=1, a batch of one record
//   load_client steady HOST PORT TOPIC PARTITIONS PRODUCERS CONSUMERS RATE SECONDS
//       RATE records of 100 B a second in all, each in a request of its own, while the consumers wait for them;
//       first every partition is given a record, so that no log has to be made while it counts, nor does the first
//       second count
//
// One thread, one epoll set. Prints one JSON object.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "broker/record/crc32c.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kRecordBytes = 100;
constexpr int64_t kWarmUpNs = 1'000'000'000;
constexpr int16_t kProduce = 0;
constexpr int16_t kFetch = 1;
constexpr int16_t kProduceVersion = 3;
constexpr int16_t kFetchVersion = 4;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "load_client: %s\n", what.c_str());
  std::exit(1);
}

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

class Writer {
 public:
  template <class Integer>
  void number(Integer value) {
    for (int shift = 8 * (sizeof value - 1); shift >= 0; shift -= 8)
      bytes_.push_back(static_cast<char>(static_cast<uint64_t>(value) >> shift));
  }
  void varint(int64_t value) {
    auto zigzag = static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
    for (; zigzag >= 0x80; zigzag >>= 7) bytes_.push_back(static_cast<char>(zigzag | 0x80));
    bytes_.push_back(static_cast<char>(zigzag));
  }
  void text(const std::string& value) {
    number(static_cast<int16_t>(value.size()));
    bytes_ += value;
  }
  void append(const std::string& bytes) { bytes_ += bytes; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class Integer>
  Integer number() {
    uint64_t value = 0;
    for (unsigned char byte : take(sizeof(Integer))) value = value << 8 | byte;
    return static_cast<Integer>(value);
  }
  int64_t varint() {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
    }
  }
  std::string_view take(size_t count) {
    if (count > bytes_.size()) fail("an answer is cut off");
    std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

std::string batch_of(const std::string& value) {
  Writer record;
  record.number<int8_t>(0);
  record.varint(0);   // timestamp delta
  record.varint(0);   // offset delta
  record.varint(-1);  // no key
  record.varint(static_cast<int64_t>(value.size()));
  record.append(value);
  record.varint(0);  // headers
  std::string body = record.take();

  int64_t time_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  Writer checked;
  checked.number<int16_t>(0);        // attributes
  checked.number<int32_t>(0);        // last offset delta
  checked.number<int64_t>(time_ms);  // first and greatest timestamp
  checked.number<int64_t>(time_ms);
  checked.number<int64_t>(-1);  // no producer
  checked.number<int16_t>(-1);
  checked.number<int32_t>(-1);
  checked.number<int32_t>(1);
  checked.varint(static_cast<int64_t>(body.size()));
  checked.append(body);
  std::string covered = checked.take();

  Writer batch;
  batch.number<int64_t>(0);
  batch.number<int32_t>(static_cast<int32_t>(covered.size() + 9));
  batch.number<int32_t>(-1);  // leader epoch
  batch.number<int8_t>(2);
  batch.number<uint32_t>(gregor::crc32c({reinterpret_cast<const uint8_t*>(covered.data()), covered.size()}));
  batch.append(covered);
  return batch.take();
}

std::string frame_of(int16_t api, int16_t version, const std::string& body) {
  Writer header;
  header.number(api);
  header.number(version);
  header.number<int32_t>(0);
  header.text("load");
  std::string head = header.take();
  Writer frame;
  frame.number(static_cast<int32_t>(head.size() + body.size()));
  frame.append(head);
  frame.append(body);
  return frame.take();
}

std::string produce_request(const std::string& topic, int32_t partition, const std::string& batch) {
  Writer body;
  body.number<int16_t>(-1);  // not transactional
  body.number<int16_t>(1);
  body.number<int32_t>(30'000);
  body.number<int32_t>(1);
  body.text(topic);
  body.number<int32_t>(1);
  body.number(partition);
  body.number(static_cast<int32_t>(batch.size()));
  body.append(batch);
  return frame_of(kProduce, kProduceVersion, body.take());
}

void check_produced(std::string_view answer) {
  Reader reader(answer);
  reader.number<int32_t>();  // correlation
  reader.number<int32_t>();
  reader.take(static_cast<size_t>(reader.number<int16_t>()));
  reader.number<int32_t>();
  reader.number<int32_t>();
  if (auto error = reader.number<int16_t>(); error != 0) fail("Produce was answered " + std::to_string(error));
}

/// One connection: a request goes out, then its answer comes.
class Connection {
 public:
  using OnAnswer = std::function<void(std::string_view)>;

  Connection(int epoll, const std::string& host, int port, OnAnswer on_answer)
      : socket_(socket(AF_INET, SOCK_STREAM, 0)), on_answer_(std::move(on_answer)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) fail("not an IPv4 address: " + host);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("cannot connect");
    int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.ptr = this;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket_, &event) != 0) fail("epoll_ctl");
  }
  Connection(const Connection&) = delete;
  ~Connection() { close(socket_); }

  void ask(const std::string& frame) {
    for (size_t sent = 0; sent < frame.size();) {
      ssize_t count = send(socket_, frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) fail("send: " + std::string(std::strerror(errno)));
      sent += static_cast<size_t>(count);
    }
  }
  void on_readable() {
    char bytes[64 << 10];
    ssize_t count = recv(socket_, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count == 0) fail("the broker closed a connection");
    if (count < 0) return;
    received_.append(bytes, static_cast<size_t>(count));
    while (received_.size() >= 4) {
      size_t size = Reader(received_).number<uint32_t>() + 4;
      if (received_.size() < size) break;
      std::string answer = received_.substr(4, size - 4);
      received_.erase(0, size);
      on_answer_(answer);
    }
  }

 private:
  int socket_;
  std::string received_;
  OnAnswer on_answer_;
};

void serve_events(int epoll, int timeout_ms) {
  epoll_event events[256];
  int count = epoll_wait(epoll, events, 256, timeout_ms);
  for (int i = 0; i < count; ++i) static_cast<Connection*>(events[i].data.ptr)->on_readable();
}

void run_requests(const std::vector<std::string>& arguments) {
  const std::string& topic = arguments[3];
  int partitions = std::stoi(arguments[4]);
  int connections = std::stoi(arguments[5]);
  size_t batch_bytes = std::stoull(arguments[6]);
  int64_t length_ns = std::stoll(arguments[7]) * 1'000'000'000;
  int epoll = epoll_create1(0);
  std::string batch = batch_of(std::string(batch_bytes - 70, 'x'));
  std::vector<std::unique_ptr<Connection>> all;
  std::vector<std::string> frames;
  std::vector<int64_t> asked(static_cast<size_t>(connections)), latencies;
  std::vector<int64_t> answered(asked.size());
  bool is_over = false;
  int under_way = connections;
  for (size_t i = 0; i < asked.size(); ++i) {
    frames.push_back(produce_request(topic, static_cast<int32_t>(i) % partitions, batch));
    auto on_answer = [&, i](std::string_view answer) {
      check_produced(answer);
      int64_t now = now_ns();
      latencies.push_back(now - asked[i]);
      ++answered[i];
      if (is_over) {
        --under_way;
        return;
      }
      asked[i] = now;
      all[i]->ask(frames[i]);
    };
    all.push_back(std::make_unique<Connection>(epoll, arguments[1], std::stoi(arguments[2]), on_answer));
  }
  int64_t begun = now_ns();
  for (size_t i = 0; i < asked.size(); ++i) {
    asked[i] = now_ns();
    all[i]->ask(frames[i]);
  }
  while (now_ns() < begun + length_ns) serve_events(epoll, 100);
  is_over = true;
  while (under_way > 0) serve_events(epoll, 100);
  double seconds = static_cast<double>(now_ns() - begun) / 1e9;
  std::sort(latencies.begin(), latencies.end());
  auto [least, most] = std::minmax_element(answered.begin(), answered.end());
  std::printf(
      "{\"seconds\": %.6f, \"requests\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"fastest_by_slowest\": %.2f}\n",
      seconds, latencies.size(), static_cast<double>(latencies[latencies.size() / 2]) / 1e3,
      static_cast<double>(latencies[latencies.size() * 99 / 100]) / 1e3,
      static_cast<double>(*most) / static_cast<double>(std::max<int64_t>(*least, 1)));
}

/// Waits for records of some partitions, again and again.
class Consumer {
 public:
  Consumer(int epoll, const std::vector<std::string>& arguments, std::vector<int32_t> partitions)
      : topic_(arguments[3]), partitions_(std::move(partitions)) {
    for (int32_t partition : partitions_) {
      if (offsets_.size() <= static_cast<size_t>(partition)) offsets_.resize(static_cast<size_t>(partition) + 1);
    }
    connection_ = std::make_unique<Connection>(epoll, arguments[1], std::stoi(arguments[2]),
                                               [this](std::string_view answer) { take(answer); });
    ask();
  }
  /// In nanoseconds from before the request was sent to when the record was here.
  std::vector<int64_t> latencies;
  size_t received = 0;      ///< those that don't count among them
  int64_t counts_from = 0;  ///< when a record must have been sent to count

 private:
  void ask() {
    Writer body;
    body.number<int32_t>(-1);
    body.number<int32_t>(500);
    body.number<int32_t>(1);
    body.number<int32_t>(50 << 20);
    body.number<int8_t>(0);
    body.number<int32_t>(1);
    body.text(topic_);
    body.number(static_cast<int32_t>(partitions_.size()));
    for (int32_t partition : partitions_) {
      body.number(partition);
      body.number(offsets_[static_cast<size_t>(partition)]);
      body.number<int32_t>(1 << 20);
    }
    connection_->ask(frame_of(kFetch, kFetchVersion, body.take()));
  }
  void take(std::string_view answer) {
    int64_t now = now_ns();
    Reader reader(answer);
    reader.number<int32_t>();
    reader.number<int32_t>();
    for (auto topics = reader.number<int32_t>(); topics > 0; --topics) {
      reader.take(static_cast<size_t>(reader.number<int16_t>()));
      for (auto count = reader.number<int32_t>(); count > 0; --count) take_partition(reader, now);
    }
    ask();
  }
  void take_partition(Reader& reader, int64_t now) {
    auto partition = reader.number<int32_t>();
    if (auto error = reader.number<int16_t>(); error != 0) fail("Fetch was answered " + std::to_string(error));
    reader.number<int64_t>();
    reader.number<int64_t>();
    auto aborted = reader.number<int32_t>();
    if (aborted > 0) reader.take(static_cast<size_t>(aborted) * 16);
    auto size = reader.number<int32_t>();
    if (size <= 0) return;
    Reader records(reader.take(static_cast<size_t>(size)));
    while (records.left() > 12) {
      auto base = records.number<int64_t>();
      auto length = static_cast<size_t>(records.number<int32_t>());
      if (length > records.left()) return;
      Reader batch(records.take(length));
      batch.take(49);  // to the first record of a batch, of which there is one
      batch.varint();
      batch.take(1);
      batch.varint();
      batch.varint();
      batch.varint();
      if (batch.varint() < 8) fail("a record is too short");
      int64_t sent;
      std::memcpy(&sent, batch.take(8).data(), sizeof sent);
      ++received;
      if (sent >= counts_from) latencies.push_back(now - sent);
      offsets_[static_cast<size_t>(partition)] = base + 1;
    }
  }

  std::string topic_;
  std::vector<int32_t> partitions_;
  std::vector<int64_t> offsets_;
  std::unique_ptr<Connection> connection_;
};

/// Gives every partition a record, one after the other. They are of the time 0, so that no consumer counts them.
void fill_each(const std::vector<std::string>& arguments, int32_t partitions) {
  int epoll = epoll_create1(0);
  bool is_answered = false;
  auto on_answer = [&is_answered](std::string_view answer) {
    check_produced(answer);
    is_answered = true;
  };
  Connection connection(epoll, arguments[1], std::stoi(arguments[2]), on_answer);
  std::string batch = batch_of(std::string(kRecordBytes, '\0'));
  for (int32_t partition = 0; partition < partitions; ++partition) {
    is_answered = false;
    connection.ask(produce_request(arguments[3], partition, batch));
    while (!is_answered) serve_events(epoll, 100);
  }
  close(epoll);
}

double mean(const std::vector<int64_t>& values) {
  double sum = 0;
  for (int64_t value : values) sum += static_cast<double>(value);
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

void run_steady(const std::vector<std::string>& arguments) {
  const std::string& topic = arguments[3];
  int32_t partitions = std::stoi(arguments[4]);
  size_t producers = std::stoull(arguments[5]);
  size_t consumers = std::stoull(arguments[6]);
  int64_t rate = std::stoll(arguments[7]);
  int64_t length_ns = std::stoll(arguments[8]) * 1'000'000'000;
  fill_each(arguments, partitions);
  int epoll = epoll_create1(0);

  std::vector<std::unique_ptr<Consumer>> consuming;
  for (size_t i = 0; i < consumers; ++i) {
    std::vector<int32_t> own;
    for (auto p = static_cast<int32_t>(i); p < partitions; p += static_cast<int32_t>(consumers)) own.push_back(p);
    consuming.push_back(std::make_unique<Consumer>(epoll, arguments, own));
  }
  struct Producer {
    std::unique_ptr<Connection> connection;
    int64_t due = 0;
    bool is_waiting = false;
    int32_t partition = 0;
    std::vector<int64_t> round_trips;
    int64_t asked = 0;
  };
  std::vector<Producer> producing(producers);
  int64_t begun = 0;
  int64_t interval = 1'000'000'000 * static_cast<int64_t>(producers) / rate;
  std::string value(kRecordBytes, 'x');
  using Due = std::pair<int64_t, size_t>;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due;
  for (size_t i = 0; i < producers; ++i) {
    Producer& own = producing[i];
    own.partition = static_cast<int32_t>(i) % partitions;
    auto on_answer = [&, i](std::string_view answer) {
      check_produced(answer);
      Producer& asker = producing[i];
      if (asker.asked >= begun + kWarmUpNs) asker.round_trips.push_back(now_ns() - asker.asked);
      asker.is_waiting = false;
      due.push({asker.due, i});
    };
    own.connection = std::make_unique<Connection>(epoll, arguments[1], std::stoi(arguments[2]), on_answer);
  }
  begun = now_ns();
  for (auto& consumer : consuming) consumer->counts_from = begun + kWarmUpNs;
  for (size_t i = 0; i < producers; ++i) {
    producing[i].due = begun + interval * static_cast<int64_t>(i) / static_cast<int64_t>(producers);
    due.push({producing[i].due, i});
  }
  size_t sent = 0, received = 0;
  const auto made_before = static_cast<size_t>(partitions);
  int64_t end = begun + kWarmUpNs + length_ns;
  while (true) {
    int64_t now = now_ns();
    while (now < end && !due.empty() && due.top().first <= now) {
      Producer& own = producing[due.top().second];
      due.pop();
      // From when it should have been sent: a broker that is slow does not get away with being asked less.
      std::memcpy(value.data(), &own.due, sizeof own.due);
      own.asked = own.due;
      own.due += interval;
      own.is_waiting = true;
      own.connection->ask(produce_request(topic, own.partition, batch_of(value)));
      own.partition = (own.partition + static_cast<int32_t>(producers)) % partitions;
      ++sent;
    }
    received = 0;
    for (const auto& consumer : consuming) received += consumer->received;
    if (now >= end && received >= sent + made_before) break;
    if (now >= end + 30'000'000'000) fail("not every record came");
    serve_events(epoll, 1);
  }
  std::vector<int64_t> all;
  std::vector<double> by_consumer, by_producer;
  for (const auto& consumer : consuming) {
    all.insert(all.end(), consumer->latencies.begin(), consumer->latencies.end());
    by_consumer.push_back(mean(consumer->latencies));
  }
  for (const auto& producer : producing) by_producer.push_back(mean(producer.round_trips));
  if (all.empty()) fail("the load is too much: nothing that counts was sent");
  std::sort(all.begin(), all.end());
  auto at = [&](double share) {
    return static_cast<double>(all[static_cast<size_t>(share * static_cast<double>(all.size() - 1))]) / 1e3;
  };
  auto spread = [](const std::vector<double>& means) {
    auto [least, most] = std::minmax_element(means.begin(), means.end());
    return *most / std::max(*least, 1.0);
  };
  std::printf(
      "{\"seconds\": %.6f, \"messages\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p99.9_us\": %.1f, "
      "\"producers_slowest_by_fastest\": %.2f, \"consumers_slowest_by_fastest\": %.2f}\n",
      static_cast<double>(length_ns) / 1e9, sent, at(0.5), at(0.99), at(0.999), spread(by_producer),
      spread(by_consumer));
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 8 && arguments[0] == "requests") {
    run_requests(arguments);
  } else if (arguments.size() == 9 && arguments[0] == "steady") {
    run_steady(arguments);
  } else {
    fail("usage: load_client requests|steady ..., see the top of load_client.cc");
  }
}
