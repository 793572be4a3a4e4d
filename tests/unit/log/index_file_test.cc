#include "broker/log/index_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/support/temporary_directory.h"

namespace gregor {
namespace {

constexpr size_t kEntrySize = 8;

/// An index of rising numbers, and beside it the numbers themselves.
class IndexFileTest : public ::testing::Test {
 protected:
  void append(uint64_t count) {
    for (; count > 0; --count) {
      uint64_t value = values_.empty() ? random_() % 3 : values_.back() + 1 + random_() % 3;
      uint8_t entry[kEntrySize];
      store_big_endian(entry, value);
      ASSERT_TRUE(index_.append(entry).ok());
      values_.push_back(value);
    }
  }
  void truncate(uint64_t count) {
    ASSERT_TRUE(index_.truncate(count).ok());
    values_.resize(std::min<size_t>(values_.size(), count));
  }
  void check(uint64_t wanted) {
    auto found =
        index_.partition_point([wanted](const uint8_t* at) { return load_big_endian<uint64_t>(at) < wanted; });
    ASSERT_TRUE(found.ok()) << found.error().message;
    auto expected =
        static_cast<uint64_t>(std::lower_bound(values_.begin(), values_.end(), wanted) - values_.begin());
    ASSERT_EQ(*found, expected) << "the first that is not below " << wanted;
    for (uint64_t i = expected == 0 ? 0 : expected - 1; i < std::min<uint64_t>(expected + 1, values_.size()); ++i) {
      uint8_t entry[kEntrySize];
      ASSERT_TRUE(index_.read(i, entry).ok());
      ASSERT_EQ(load_big_endian<uint64_t>(entry), values_[i]) << "entry " << i;
    }
  }
  void check_somewhere() { check(random_() % (values_.empty() ? 3 : values_.back() + 3)); }

  testing::TemporaryDirectory home_;
  PosixFileSystem files_;
  std::string directory_ = home_.path();
  IndexFile index_{files_, directory_, Offset(0), ".index", kEntrySize};
  std::vector<uint64_t> values_;
  std::mt19937 random_{7};
};

TEST_F(IndexFileTest, FindsEveryEntryFromTheFirstToTheLast) {
  append(3000);
  for (uint64_t value = 0; value <= values_.back() + 1; ++value) check(value);
}

TEST_F(IndexFileTest, FindsEveryEntryBackwards) {
  append(3000);
  for (uint64_t value = values_.back() + 2; value > 0; --value) check(value - 1);
}

TEST_F(IndexFileTest, FindsWhatIsThereWhateverWasDoneBefore) {
  for (int round = 0; round < 4000; ++round) {
    switch (random_() % 12) {
      case 0:
        append(random_() % 1200);
        break;
      case 1:
        ASSERT_TRUE(index_.write_pending().ok());
        break;
      case 2:
        if (values_.size() > 20'000 || random_() % 4 == 0) truncate(random_() % (values_.size() + 1));
        break;
      case 3:
        index_.forget_found();
        break;
      case 4:
        if (random_() % 50 != 0) break;
        ASSERT_TRUE(index_.reset().ok());
        values_.clear();
        break;
      default:
        check_somewhere();
    }
  }
}

TEST_F(IndexFileTest, DoesNotFindEntriesThatWereCutAndWrittenAnew) {
  append(1000);
  ASSERT_TRUE(index_.write_pending().ok());
  check(values_[600]);
  truncate(500);
  for (uint64_t value = values_.back() + 1; values_.size() < 1000; value += 2) {
    uint8_t entry[kEntrySize];
    store_big_endian(entry, value);
    ASSERT_TRUE(index_.append(entry).ok());
    values_.push_back(value);
  }
  ASSERT_TRUE(index_.write_pending().ok());
  for (size_t i = 400; i < 1000; ++i) check(values_[i]);
}

}  // namespace
}  // namespace gregor
