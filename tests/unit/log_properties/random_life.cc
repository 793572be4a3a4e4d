#include "random_life.h"

namespace gregor {
namespace {

constexpr int64_t kProducers = 3;      // 1 to 3 never begin a transaction
constexpr int64_t kTransactional = 3;  // 4 to 6 do
constexpr int kSteps = 250;

int32_t next_sequence(int32_t sequence) { return sequence == INT32_MAX ? 0 : sequence + 1; }

}  // namespace

RandomLife::RandomLife(uint64_t seed) : random_(seed), machine_(some_config(random_), seed) {}

LogConfig RandomLife::some_config(std::mt19937_64& random) {
  LogConfig config;
  config.segment_size_bytes = 1000 + random() % 4000;
  config.index_interval_bytes = static_cast<uint32_t>(1 + random() % 600);
  config.preallocate = random() % 4 == 0;
  if (random() % 5 == 0) config.index_size_max_bytes = 60;
  return config;
}

void RandomLife::run() {
  machine_.start();
  for (int i = 0; i < kSteps && !::testing::Test::HasFatalFailure(); ++i) {
    machine_.pass_time(pick(50));
    if (!machine_.is_up()) {
      recover();
    } else {
      step();
      if (happens(4) && machine_.is_up()) machine_.check();
    }
  }
  if (::testing::Test::HasFatalFailure()) return;
  end_trouble();
  while (!machine_.is_up() && !::testing::Test::HasFatalFailure()) recover();
  if (::testing::Test::HasFatalFailure()) return;
  end_trouble();
  machine_.stop_cleanly();
  machine_.end_and_start(some_manner());
}

void RandomLife::step() {
  int64_t choice = pick(100);
  if (choice < 50) return append_something();
  if (choice < 60) return append_as_follower();
  if (choice < 64) return machine_.roll();
  if (choice < 68) return cut();
  if (choice < 71) return machine_.delete_records(some_offset());
  if (choice < 73) {
    bool is_by_age = happens(50);
    LogRetention retention{is_by_age ? pick(2000) : -1, is_by_age ? -1 : pick(6000)};
    return machine_.apply_retention(retention, happens(50) ? machine_.model().end() : some_offset());
  }
  if (choice < 75) return machine_.begin_epoch(leader_epoch_ += static_cast<int32_t>(pick(2)));
  if (choice < 83) return flush_something();
  if (choice < 86) return machine_.checkpoint_recovery_point();
  if (choice < 88) return machine_.checkpoint_log_start();
  if (choice < 90) return machine_.remove_deleted_files();
  if (choice < 94) return machine_.read(some_offset(), static_cast<uint64_t>(1 + pick(2000)));
  if (choice < 97) return start_trouble();
  fail_somehow();
}

void RandomLife::append_something() {
  if (happens(10)) ++leader_epoch_;
  const ProducerModel& known = machine_.model().producers();
  BatchSpec spec = any_proper(known);
  if (spec.producer_id >= 0 && happens(25)) spoil(spec, known);
  machine_.append(std::move(spec), leader_epoch_);
}

void RandomLife::append_as_follower() {
  ProducerModel known = machine_.model().producers();
  LogModel::Batches batches;
  int64_t next = machine_.model().end();
  for (int64_t count = 1 + pick(6); count > 0; --count) {
    if (happens(10)) ++leader_epoch_;
    if (happens(15)) next += 1 + pick(5);
    batches.push_back(stored_at(any_proper(known), next, leader_epoch_));
    known.take(*batches.back());
    next = batches.back()->last + 1;
  }
  machine_.append_as_follower(batches);
}

void RandomLife::cut() {
  if (happens(70)) ++leader_epoch_;
  int64_t end = machine_.model().end();
  if (happens(85)) return machine_.truncate(happens(60) ? std::max<int64_t>(0, end - pick(12)) : some_offset());
  if (happens(40)) return machine_.truncate(pick(end + 1));
  machine_.start_anew(happens(50) ? end + pick(20) : pick(end + 1));
}

void RandomLife::flush_something() {
  if (happens(40)) return machine_.flush();
  if (happens(50)) return machine_.prepare_flush();
  machine_.finish_flush();
}

void RandomLife::start_trouble() {
  int64_t choice = pick(10);
  if (choice < 6) {
    machine_.tell("the disk is about to stop");
    machine_.disk().stop_after(static_cast<uint64_t>(pick(25)));
  } else if (choice < 8) {
    machine_.tell("the disk is nearly full");
    auto space = machine_.disk().space("/");
    machine_.disk().set_capacity(space->total - space->available + static_cast<uint64_t>(pick(600)));
  } else if (choice < 9) {
    machine_.tell("writes fail");
    machine_.disk().set_fault_rates({.write_error = 0.1});
  } else {
    machine_.tell("syncs fail");
    machine_.disk().set_fault_rates({.sync_error = 0.3});
    must_lose_power_ = true;
  }
}

void RandomLife::end_trouble() {
  machine_.disk().set_capacity(std::numeric_limits<uint64_t>::max());
  machine_.disk().set_fault_rates({});
}

void RandomLife::fail_somehow() {
  if (happens(40)) machine_.stop_cleanly();
  if (happens(50)) end_trouble();
  if (!machine_.is_up()) return;
  recover();
}

void RandomLife::recover() {
  end_trouble();
  machine_.end(some_manner());
  must_lose_power_ = false;
  if (happens(25)) machine_.disk().stop_after(static_cast<uint64_t>(pick(20)));
  machine_.start();
}

Manner RandomLife::some_manner() {
  int64_t choice = pick(10);
  if (choice < 5 && !must_lose_power_) return Manner::process_end;
  return choice < 8 ? Manner::power_loss : Manner::worst_loss;
}

// Batches.

BatchSpec RandomLife::records(int64_t producer_id) {
  BatchSpec spec;
  spec.producer_id = producer_id;
  // A producer without times would be forgotten as one that has been idle for long.
  bool has_no_time = producer_id < 0 && happens(3);
  for (int64_t count = 1 + pick(4); count > 0; --count) {
    spec.timestamps.push_back(has_no_time ? -1 : machine_.now_ms() - pick(300));
  }
  spec.value_size = static_cast<size_t>(pick(200));
  if (happens(10)) spec.codec = happens(50) ? Compression::lz4 : Compression::gzip;
  return spec;
}

BatchSpec RandomLife::next_of(int64_t producer_id, const ProducerModel& known) {
  BatchSpec spec = records(producer_id);
  auto producer = known.producer(producer_id);
  spec.is_transactional = producer_id > kProducers;
  spec.producer_epoch = std::max<int16_t>(producer.epoch, 0);
  spec.sequence = next_sequence(producer.last_sequence());
  bool is_unknown = producer.epoch < 0;
  if (is_unknown && happens(30)) spec.sequence = INT32_MAX - static_cast<int32_t>(pick(20));
  if (!is_unknown && happens(8)) {
    ++spec.producer_epoch;
    spec.sequence = 0;
  }
  return spec;
}

BatchSpec RandomLife::marker_for(int64_t producer_id, const ProducerModel& known) {
  auto producer = known.producer(producer_id);
  BatchSpec spec;
  spec.kind = happens(50) ? BatchSpec::Kind::abort : BatchSpec::Kind::commit;
  spec.timestamps = {machine_.now_ms()};
  spec.producer_id = producer_id;
  spec.producer_epoch = static_cast<int16_t>(std::max<int16_t>(producer.epoch, 0) + happens(10));
  spec.coordinator_epoch = std::max(producer.coordinator_epoch, 0) + happens(10);
  return spec;
}

BatchSpec RandomLife::any_proper(const ProducerModel& known) {
  int64_t choice = pick(100);
  if (choice < 30) return plain();
  if (choice < 55) return next_of(1 + pick(kProducers), known);
  int64_t transactional = kProducers + 1 + pick(kTransactional);
  return choice < 80 ? next_of(transactional, known) : marker_for(transactional, known);
}

void RandomLife::spoil(BatchSpec& spec, const ProducerModel& known) {
  auto producer = known.producer(spec.producer_id);
  if (spec.is_marker()) {
    spec.coordinator_epoch = std::max(0, spec.coordinator_epoch - 1);
  } else if (happens(50) && !producer.known.empty()) {
    const auto& before = producer.known[static_cast<size_t>(pick(static_cast<int64_t>(producer.known.size())))];
    spec.producer_epoch = producer.epoch;
    spec.sequence = before.first_sequence;
    spec.timestamps.assign(static_cast<size_t>(before.last - before.first + 1), machine_.now_ms());
  } else if (happens(40)) {
    spec.sequence = next_sequence(next_sequence(spec.sequence));
  } else if (happens(50)) {
    spec.is_transactional = !spec.is_transactional;
  } else if (spec.producer_epoch > 0) {
    --spec.producer_epoch;
  }
}

}  // namespace gregor
