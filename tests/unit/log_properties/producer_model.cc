#include "producer_model.h"

#include <fmt/format.h>

namespace gregor {
namespace {

constexpr size_t kKept = 5;
constexpr int64_t kSequences = int64_t(1) << 31;

}  // namespace

bool ProducerModel::Producer::agrees_with(const Producer& other) const {
  return epoch == other.epoch && coordinator_epoch == other.coordinator_epoch &&
         transaction_start == other.transaction_start && last_sequence() == other.last_sequence() &&
         last_offset() == other.last_offset();
}

ProducerModel::Producer ProducerModel::producer(int64_t id) const {
  auto found = producers_.find(id);
  return found == producers_.end() ? Producer() : found->second;
}

std::optional<int64_t> ProducerModel::first_open() const {
  std::optional<int64_t> first;
  for (const auto& [id, producer] : producers_) {
    if (producer.transaction_start && (!first || *producer.transaction_start < *first)) {
      first = producer.transaction_start;
    }
  }
  return first;
}

void ProducerModel::take(const StoredBatch& batch) {
  const BatchSpec& spec = batch.spec;
  if (spec.producer_id < 0) return;
  Producer& producer = producers_[spec.producer_id];
  if (spec.producer_epoch != producer.epoch) producer.known.clear();
  producer.epoch = spec.producer_epoch;
  if (!spec.is_marker()) {
    producer.known.push_back({spec.sequence, spec.last_sequence(), batch.first, batch.last});
    if (producer.known.size() > kKept) producer.known.erase(producer.known.begin());
    if (spec.is_transactional && !producer.transaction_start) producer.transaction_start = batch.first;
    return;
  }
  producer.coordinator_epoch = spec.coordinator_epoch;
  if (!producer.transaction_start) return;
  int64_t first = *producer.transaction_start;
  producer.transaction_start.reset();
  completed_.emplace_back(first, batch.last);
  if (spec.kind == BatchSpec::Kind::abort) {
    aborted_.push_back({spec.producer_id, first, batch.last, first_open().value_or(batch.last + 1)});
  }
}

std::vector<ProducerModel::Known> ProducerModel::duplicates_of(const BatchSpec& spec) const {
  Producer known = producer(spec.producer_id);
  if (spec.is_marker() || known.epoch != spec.producer_epoch) return {};
  std::erase_if(known.known, [&](const Known& batch) {
    return batch.first_sequence != spec.sequence || batch.last_sequence != spec.last_sequence();
  });
  return known.known;
}

ErrorCode ProducerModel::check(const BatchSpec& spec) const {
  Producer known = producer(spec.producer_id);
  if (spec.producer_epoch < known.epoch) return ErrorCode::invalid_producer_epoch;
  if (spec.is_marker()) {
    bool is_fenced = spec.coordinator_epoch < known.coordinator_epoch;
    return is_fenced ? ErrorCode::transaction_coordinator_fenced : ErrorCode::none;
  }
  if (known.epoch != -1) {
    bool is_new_epoch = spec.producer_epoch != known.epoch;
    int64_t next = is_new_epoch ? 0 : (int64_t(known.last_sequence()) + 1) % kSequences;
    if (spec.sequence != next) return ErrorCode::out_of_order_sequence_number;
  }
  bool leaves_transaction = known.transaction_start && !spec.is_transactional;
  return leaves_transaction ? ErrorCode::invalid_txn_state : ErrorCode::none;
}

void ProducerModel::forget_all_but(int64_t id, size_t count) {
  std::vector<Known>& known = producers_[id].known;
  if (known.size() > count) known.erase(known.begin(), known.end() - static_cast<ptrdiff_t>(count));
}

bool ProducerModel::agrees_with(const ProducerModel& other) const {
  auto agree = [](const auto& one, const auto& two) {
    return one.first == two.first && one.second.agrees_with(two.second);
  };
  return std::equal(producers_.begin(), producers_.end(), other.producers_.begin(), other.producers_.end(), agree);
}

std::string ProducerModel::to_string() const {
  std::string text;
  for (const auto& [id, producer] : producers_) {
    text += fmt::format("producer {} epoch {} coordinator {} sequence {} offset {} begun {}\n", id, producer.epoch,
                        producer.coordinator_epoch, producer.last_sequence(), producer.last_offset(),
                        producer.transaction_start.value_or(-1));
  }
  return text;
}

ProducerModel model_of(const std::map<int64_t, ProducerModel::Producer>& producers) {
  ProducerModel model;
  model.producers_ = producers;
  return model;
}

}  // namespace gregor
