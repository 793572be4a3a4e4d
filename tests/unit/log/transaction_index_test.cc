#include "broker/log/transaction_index.h"

#include <gmock/gmock.h>

#include "log_fixture.h"

namespace gregor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Version 0, producer 4000, offsets 3 to 9, last stable offset 10; put together from the description of the format.
const std::string kEntry(
    "\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x0f\xa0"
    "\x00\x00\x00\x00\x00\x00\x00\x03"
    "\x00\x00\x00\x00\x00\x00\x00\x09"
    "\x00\x00\x00\x00\x00\x00\x00\x0a",
    34);
const AbortedTransaction kTransaction{4000, Offset(3), Offset(9), Offset(10)};

class TransactionIndexTest : public testing::Test {
 protected:
  std::string file(int64_t segment) const { return segment_file_path(home_.path(), Offset(segment), ".txnindex"); }
  void add(int64_t segment, const AbortedTransaction& transaction) {
    auto added = index_.append(Offset(segment), transaction);
    ASSERT_TRUE(added.ok()) << added.error().message;
  }
  std::vector<int64_t> producers(int64_t segment, int64_t from, int64_t end) {
    auto found = index_.find(Offset(segment), Offset(from), Offset(end));
    EXPECT_TRUE(found.ok()) << found.error().message;
    std::vector<int64_t> ids;
    for (const auto& transaction : *found) ids.push_back(transaction.producer_id);
    return ids;
  }

  TemporaryDirectory home_;
  std::string directory_ = home_.path();
  PosixFileSystem files_;
  TransactionIndex index_{files_, directory_};
};

TEST_F(TransactionIndexTest, HasNoFileBeforeItsFirstEntry) {
  EXPECT_FALSE(std::filesystem::exists(file(0)));
  EXPECT_TRUE(index_.is_empty());
  add(0, kTransaction);
  EXPECT_EQ(read_all(file(0)), kEntry);
  add(0, {4001, Offset(0), Offset(20), Offset(21)});
  EXPECT_EQ(read_all(file(0)).substr(0, 34), kEntry);
  EXPECT_EQ(read_all(file(0)).size(), 68u);
}

TEST_F(TransactionIndexTest, ReadsWhatSomebodyElseWrote) {
  write_all(file(0), kEntry);
  EXPECT_TRUE(*index_.adopt(Offset(0), 34));
  EXPECT_THAT(*index_.find(Offset(0), Offset(0), Offset(100)), ElementsAre(kTransaction));
}

TEST_F(TransactionIndexTest, FindsTheTransactionsThatOverlapTheRange) {
  add(0, {1, Offset(0), Offset(5), Offset(2)});
  add(0, {2, Offset(2), Offset(9), Offset(7)});
  add(10, {3, Offset(7), Offset(15), Offset(16)});
  add(20, {4, Offset(16), Offset(25), Offset(26)});
  EXPECT_THAT(producers(0, 0, 1), ElementsAre(1));
  EXPECT_THAT(producers(0, 5, 6), ElementsAre(1, 2));
  EXPECT_THAT(producers(0, 6, 7), ElementsAre(2));
  EXPECT_THAT(producers(0, 6, 8), ElementsAre(2, 3));
  EXPECT_THAT(producers(10, 10, 17), ElementsAre(3, 4));
  EXPECT_THAT(producers(10, 26, 30), IsEmpty());
}

TEST_F(TransactionIndexTest, StopsWhereEverythingInTheRangeWasDecided) {
  add(0, {1, Offset(0), Offset(5), Offset(6)});
  add(10, {2, Offset(10), Offset(15), Offset(16)});
  std::filesystem::remove(file(10));
  EXPECT_THAT(producers(0, 0, 6), ElementsAre(1));
  EXPECT_FALSE(index_.find(Offset(0), Offset(0), Offset(7)).ok());
}

TEST_F(TransactionIndexTest, DropsTheMarkersThatATruncationCut) {
  add(0, {1, Offset(0), Offset(5), Offset(6)});
  add(0, {2, Offset(2), Offset(9), Offset(10)});
  ASSERT_TRUE(index_.truncate(Offset(0), Offset(9)).ok());
  EXPECT_THAT(producers(0, 0, 100), ElementsAre(1));
  EXPECT_EQ(std::filesystem::file_size(file(0)), 34u);
  add(0, {3, Offset(7), Offset(11), Offset(12)});
  EXPECT_THAT(producers(0, 0, 100), ElementsAre(1, 3));
  ASSERT_TRUE(index_.truncate(Offset(0), Offset(0)).ok());
  EXPECT_TRUE(index_.is_empty());
}

TEST_F(TransactionIndexTest, KnowsAFileThatCannotBeRight) {
  struct Case {
    std::string bytes;
    int64_t segment;
    bool is_sound;
  };
  const Case cases[] = {
      {"", 0, true},
      {kEntry, 9, true},
      {kEntry, 10, false},                                    // the marker lies before the segment
      {kEntry + "x", 0, false},                               // torn
      {std::string("\0\1", 2) + kEntry.substr(2), 0, false},  // of a version to come
  };
  for (const Case& one : cases) {
    write_all(file(one.segment), one.bytes);
    EXPECT_EQ(*index_.adopt(Offset(one.segment), one.bytes.size()), one.is_sound) << one.bytes.size();
    index_.forget(Offset(one.segment));
  }
}

}  // namespace
}  // namespace gregor
