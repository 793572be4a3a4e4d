// The client of the benchmarks, over librdkafka with its defaults except where said.
//
//   bench_client produce BROKER TOPIC COUNT SIZE [CODEC]    acks=1; with a codec, of values that it can compress
//   bench_client consume BROKER TOPIC PARTITIONS COUNT      from the beginning
//   bench_client fan-out BROKER TOPIC COUNT SIZE CONSUMERS  one partition; all that is produced, and consumed by
//   each bench_client latency BROKER TOPIC COUNT SIZE RATE       one partition, acks=1, linger 0; from produce to
//   consumed
//
// Prints one JSON object: seconds, and for latency the percentiles in microseconds.
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Options = std::vector<std::pair<std::string, std::string>>;

constexpr int kPollMs = 1000;
constexpr int kGiveUpMs = 60'000;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "bench_client: %s\n", what.c_str());
  std::exit(1);
}

struct DestroyKafka {
  void operator()(rd_kafka_t* kafka) const { rd_kafka_destroy(kafka); }
};
using Kafka = std::unique_ptr<rd_kafka_t, DestroyKafka>;

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  if (message->err) fail(rd_kafka_err2str(message->err));
}

Kafka open(rd_kafka_type_t type, const std::string& broker, const Options& options) {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  auto set = [&](const std::string& key, const std::string& value) {
    if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) fail(error);
  };
  set("bootstrap.servers", broker);
  for (const auto& [key, value] : options) set(key, value);
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_t* kafka = rd_kafka_new(type, conf, error, sizeof error);
  if (!kafka) fail(error);
  return Kafka(kafka);
}

Kafka open_producer(const std::string& broker, Options options) {
  options.insert(options.end(), {{"acks", "1"}, {"delivery.report.only.error", "true"}});
  return open(RD_KAFKA_PRODUCER, broker, options);
}

Kafka open_consumer(const std::string& broker, const std::string& topic, int partitions, Options options = {}) {
  // With its default of 100,000 waiting messages the client pauses its fetches, for longer than they take.
  options.insert(options.end(),
                 {{"group.id", "unused"}, {"enable.auto.commit", "false"}, {"queued.min.messages", "1000000"}});
  Kafka consumer = open(RD_KAFKA_CONSUMER, broker, options);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(partitions);
  for (int partition = 0; partition < partitions; ++partition)
    rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
  if (auto error = rd_kafka_assign(consumer.get(), list)) fail(rd_kafka_err2str(error));
  rd_kafka_topic_partition_list_destroy(list);
  return consumer;
}

/// Hands `on_message` the next `count` records, taking up to `batch` of them at once: librdkafka waits until that
/// many are there, so latency is measured with 1.
template <class OnMessage>
void consume(rd_kafka_t* consumer, int64_t count, size_t batch, OnMessage on_message) {
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer);
  std::vector<rd_kafka_message_t*> messages(batch);
  auto last_came = Clock::now();
  while (count > 0) {
    const ssize_t came =
        rd_kafka_consume_batch_queue(queue, kPollMs, messages.data(), std::min(messages.size(), size_t(count)));
    if (came > 0) last_came = Clock::now();
    if (Clock::now() - last_came > std::chrono::milliseconds(kGiveUpMs)) fail("no more records came");
    for (ssize_t i = 0; i < came; ++i) {
      if (messages[i]->err) fail(rd_kafka_message_errstr(messages[i]));
      on_message(*messages[i]);
      rd_kafka_message_destroy(messages[i]);
    }
    count -= std::max<ssize_t>(came, 0);
  }
  rd_kafka_queue_destroy(queue);
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Values as programs write them: the same names again and again, and other numbers each time.
std::string compressible_value(size_t size, int64_t number) {
  std::string value;
  uint64_t seed = static_cast<uint64_t>(number) * 0x9E3779B97F4A7C15u;
  while (value.size() < size) {
    seed ^= seed >> 29;
    seed *= 0xBF58476D1CE4E5B9u;
    char field[96];
    std::snprintf(field, sizeof field,
                  R"({"user_id": %llu, "session": "%016llx", "action": "view", "price": %llu.99},)",
                  static_cast<unsigned long long>(seed % 100'000), static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(seed % 500));
    value += field;
  }
  value.resize(size);
  return value;
}

void produce_all(const std::string& broker, const std::string& topic, int64_t count, size_t size,
                 const std::string& codec) {
  Kafka producer =
      open_producer(broker, {{"queue.buffering.max.messages", "1000000"}, {"compression.codec", codec}});
  rd_kafka_topic_t* handle = rd_kafka_topic_new(producer.get(), topic.c_str(), nullptr);
  std::vector<std::string> values{std::string(size, 'x')};
  if (codec != "none") {
    values.clear();
    for (int64_t i = 0; i < 1000; ++i) values.push_back(compressible_value(size, i));
  }
  for (int64_t i = 0; i < count; ++i) {
    std::string& value = values[size_t(i) % values.size()];
    if (rd_kafka_produce(handle, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK, value.data(),
                         size, nullptr, 0, nullptr) != 0)
      fail(rd_kafka_err2str(rd_kafka_last_error()));
    if (i % 1000 == 0) rd_kafka_poll(producer.get(), 0);
  }
  if (rd_kafka_flush(producer.get(), kGiveUpMs)) fail("not every record was delivered");
  rd_kafka_topic_destroy(handle);
}

void run_produce(const std::string& broker, const std::string& topic, int64_t count, size_t size,
                 const std::string& codec) {
  const auto start = Clock::now();
  produce_all(broker, topic, count, size, codec);
  std::printf("{\"seconds\": %.6f}\n", seconds_since(start));
}

void run_fan_out(const std::string& broker, const std::string& topic, int64_t count, size_t size, int consumers) {
  const auto start = Clock::now();
  std::vector<std::thread> consuming;
  for (int i = 0; i < consumers; ++i) {
    consuming.emplace_back([&broker, &topic, count] {
      Kafka consumer = open_consumer(broker, topic, 1);
      consume(consumer.get(), count, 1000, [](const rd_kafka_message_t&) {});
    });
  }
  produce_all(broker, topic, count, size, "none");
  for (auto& consumer : consuming) consumer.join();
  std::printf("{\"seconds\": %.6f}\n", seconds_since(start));
}

void run_consume(const std::string& broker, const std::string& topic, int partitions, int64_t count) {
  const auto start = Clock::now();
  Kafka consumer = open_consumer(broker, topic, partitions);
  consume(consumer.get(), count, 1000, [](const rd_kafka_message_t&) {});
  std::printf("{\"seconds\": %.6f}\n", seconds_since(start));
}

int64_t nanoseconds_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

void produce_at_rate(const std::string& broker, const std::string& topic, int64_t count, size_t size, int rate) {
  Kafka producer = open_producer(broker, {{"linger.ms", "0"}, {"socket.nagle.disable", "true"}});
  rd_kafka_topic_t* handle = rd_kafka_topic_new(producer.get(), topic.c_str(), nullptr);
  std::string value(std::max(size, sizeof(int64_t)), 'x');
  const auto start = Clock::now();
  for (int64_t i = 0; i < count; ++i) {
    std::this_thread::sleep_until(start + std::chrono::nanoseconds(i * 1'000'000'000 / rate));
    const int64_t now = nanoseconds_now();
    std::memcpy(value.data(), &now, sizeof now);
    if (rd_kafka_produce(handle, 0, RD_KAFKA_MSG_F_COPY, value.data(), value.size(), nullptr, 0, nullptr) != 0)
      fail(rd_kafka_err2str(rd_kafka_last_error()));
    rd_kafka_poll(producer.get(), 0);
  }
  if (rd_kafka_flush(producer.get(), kGiveUpMs)) fail("not every record was delivered");
  rd_kafka_topic_destroy(handle);
}

void run_latency(const std::string& broker, const std::string& topic, int64_t count, size_t size, int rate) {
  Kafka consumer = open_consumer(broker, topic, 1, {{"socket.nagle.disable", "true"}});
  std::thread producing(produce_at_rate, broker, topic, count, size, rate);
  std::vector<int64_t> latencies;
  consume(consumer.get(), count, 1, [&](const rd_kafka_message_t& message) {
    int64_t produced_at;
    std::memcpy(&produced_at, message.payload, sizeof produced_at);
    latencies.push_back(nanoseconds_now() - produced_at);
  });
  producing.join();
  latencies.erase(latencies.begin(), latencies.begin() + latencies.size() / 10);  // connecting, first batches
  std::sort(latencies.begin(), latencies.end());
  auto percentile_us = [&](double share) { return latencies[size_t(share * double(latencies.size() - 1))] / 1e3; };
  std::printf("{\"p50_us\": %.1f, \"p99_us\": %.1f, \"p99.9_us\": %.1f}\n", percentile_us(0.5), percentile_us(0.99),
              percentile_us(0.999));
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  auto number = [&](size_t i) { return std::stoll(arguments.at(i)); };
  const std::string what = arguments.empty() ? "" : arguments[0];
  if (what == "produce" && (arguments.size() == 5 || arguments.size() == 6)) {
    run_produce(arguments[1], arguments[2], number(3), size_t(number(4)),
                arguments.size() == 6 ? arguments[5] : "none");
  } else if (what == "fan-out" && arguments.size() == 6) {
    run_fan_out(arguments[1], arguments[2], number(3), size_t(number(4)), int(number(5)));
  } else if (what == "consume" && arguments.size() == 5) {
    run_consume(arguments[1], arguments[2], int(number(3)), number(4));
  } else if (what == "latency" && arguments.size() == 6) {
    run_latency(arguments[1], arguments[2], number(3), size_t(number(4)), int(number(5)));
  } else {
    fail("usage: bench_client produce|consume|fan-out|latency ..., see the top of bench_client.cc");
  }
}
