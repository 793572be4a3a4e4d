// Random appends, rolls, restarts and truncations against a model in memory.
#include <cstdlib>
#include <map>
#include <random>

#include "log_fixture.h"

namespace gregor {
namespace {

class PartitionLogRandomTest : public LogTest {
 protected:
  void step() {
    int choice = pick(100);
    if (choice < 60) {
      append_one();
    } else if (choice < 70) {
      ASSERT_TRUE(log_->roll().ok());
    } else if (choice < 76) {
      reopen_clean();
    } else if (choice < 82) {
      reopen_unclean(Offset(pick(static_cast<int>(end_) + 1)));
    } else if (choice < 88) {
      truncate();
    } else if (choice < 90) {
      auto job = log_->prepare_flush();
      ASSERT_TRUE(job.ok() && job->run().ok());
      log_->mark_flushed(*job);
    } else {
      read_somewhere();
    }
  }

  void append_one() {
    int count = 1 + pick(4);
    epoch_ += pick(10) == 0;
    AppendInfo info = append(count, static_cast<size_t>(pick(300)), 1000 + pick(1000), epoch_);
    ASSERT_EQ(info.first_offset, Offset(end_));
    model_[end_] = bytes_from(Offset(end_));
    end_ += count;
  }

  void truncate() {
    int64_t target = pick(static_cast<int>(end_) + 1);
    ASSERT_TRUE(log_->truncate_to(Offset(target)).ok());
    if (target >= end_) return;
    auto holder = std::prev(model_.upper_bound(target));
    end_ = holder->first;
    model_.erase(holder, model_.end());
  }

  void read_somewhere() {
    if (end_ == 0) return;
    int64_t from = pick(static_cast<int>(end_));
    int64_t bound = from + pick(static_cast<int>(end_ - from) + 1);
    std::string bytes = bytes_from(Offset(from), Offset(bound));
    auto holder = std::prev(model_.upper_bound(from));
    for (; !bytes.empty(); ++holder) {
      ASSERT_NE(holder, model_.end());
      ASSERT_TRUE(bytes.starts_with(holder->second)) << "batch at " << holder->first;
      bytes.erase(0, holder->second.size());
      auto next = std::next(holder);
      ASSERT_LE(next == model_.end() ? end_ : next->first, bound);
    }
  }

  void compare() {
    ASSERT_EQ(log_->log_end_offset(), Offset(end_));
    std::string expected;
    for (const auto& [offset, bytes] : model_) expected += bytes;
    std::string found;
    for (int64_t next = 0; next < end_;) {
      std::string bytes = bytes_from(Offset(next));
      ASSERT_FALSE(bytes.empty());
      BatchIterator batches(as_bytes(bytes));
      while (auto batch = batches.next()) next = batch->next_offset().value;
      found += bytes;
    }
    ASSERT_EQ(found, expected);
  }

  int pick(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }

  std::mt19937 random_;
  std::map<int64_t, std::string> model_;  ///< batches by base offset
  int64_t end_ = 0;
  int32_t epoch_ = 0;
};

TEST_F(PartitionLogRandomTest, AgreesWithTheModel) {
  const char* given = std::getenv("GREGOR_SEED");
  auto seed = given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
  printf("seed %u (GREGOR_SEED=%u runs it again)\n", seed, seed);
  random_.seed(seed);
  config_.segment_size_bytes = 3000;
  config_.index_interval_bytes = 300;
  open();
  for (int i = 0; i < 1500; ++i) {
    step();
    if (HasFatalFailure() || HasNonfatalFailure()) FAIL() << "at step " << i << " of seed " << seed;
    if (i % 50 == 0) compare();
  }
  compare();
}

}  // namespace
}  // namespace gregor
