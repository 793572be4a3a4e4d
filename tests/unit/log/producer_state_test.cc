#include "broker/log/producer_state.h"

#include <gmock/gmock.h>

#include <limits>

#include "producer_fixture.h"

namespace gregor {
namespace {

constexpr int32_t kMaxSequence = std::numeric_limits<int32_t>::max();

/// The state of orders-0, and a log end that grows with what is taken.
class ProducerStateTest : public testing::Test {
 protected:
  template <class Batch>
  Error check(const Batch& batch, AppendRules rules = {}) {
    Buffer bytes = batch_of(batch, end_);
    auto checked = state_.check(*BatchView::probe(bytes.view()), rules, {"orders", 0});
    return checked ? Error{make_error_code(ErrorCode::none), ""} : checked.error();
  }
  template <class Batch>
  ErrorCode code(const Batch& batch, AppendRules rules = {}) {
    return kafka_code(check(batch, rules).code);
  }
  /// Appends without asking, as a follower does.
  template <class Batch>
  std::optional<CompletedTransaction> note(const Batch& batch) {
    Buffer bytes = batch_of(batch, end_);
    auto view = *BatchView::probe(bytes.view());
    end_ = view.next_offset();
    return state_.note(view);
  }
  /// Appends as a leader does for a client.
  ErrorCode take(const Sent& sent) {
    ErrorCode error = code(sent);
    if (error == ErrorCode::none) note(sent);
    return error;
  }
  std::optional<int64_t> first_offset_of_duplicate(const Sent& sent) {
    Buffer bytes = batch_of(sent, end_);
    const ProducedBatch* found = state_.find_duplicate(*BatchView::probe(bytes.view()));
    if (found == nullptr) return std::nullopt;
    return found->first_offset().value;
  }

  ProducerState state_;
  Offset end_;
};

TEST_F(ProducerStateTest, TakesSequencesThatFollowAndNoOthers) {
  struct Case {
    Sent known, next;
    ErrorCode expected;
  };
  const Case cases[] = {
      {{.sequence = 0}, {.sequence = 1}, ErrorCode::none},
      {{.sequence = 0, .count = 5}, {.sequence = 5}, ErrorCode::none},
      {{.sequence = 0, .count = 5}, {.sequence = 4}, ErrorCode::out_of_order_sequence_number},
      {{.sequence = 0}, {.sequence = 5}, ErrorCode::out_of_order_sequence_number},
      {{.sequence = 3}, {.sequence = 0}, ErrorCode::out_of_order_sequence_number},
      {{.sequence = kMaxSequence}, {.sequence = 0}, ErrorCode::none},
      {{.sequence = kMaxSequence}, {.sequence = 1}, ErrorCode::out_of_order_sequence_number},
      {{.sequence = kMaxSequence - 1, .count = 4}, {.sequence = 2}, ErrorCode::none},
      {{.epoch = 2, .sequence = 7}, {.epoch = 3, .sequence = 0}, ErrorCode::none},
      {{.epoch = 2, .sequence = 7}, {.epoch = 3, .sequence = 8}, ErrorCode::out_of_order_sequence_number},
      {{.epoch = 2, .sequence = 7}, {.epoch = 1, .sequence = 8}, ErrorCode::invalid_producer_epoch},
      {{.epoch = 2, .sequence = 7}, {.epoch = 1, .sequence = 0}, ErrorCode::invalid_producer_epoch},
      {{.producer_id = 1, .sequence = 7}, {.producer_id = 2, .sequence = 99}, ErrorCode::none},
  };
  for (const Case& one : cases) {
    state_.clear();
    note(one.known);
    EXPECT_EQ(code(one.next), one.expected)
        << one.known.sequence << "+" << one.known.count << " then " << one.next.sequence;
  }
}

TEST_F(ProducerStateTest, AnyFirstSequenceIsTakenOfAnUnknownProducer) {
  EXPECT_EQ(take({.epoch = 5, .sequence = 1234}), ErrorCode::none);
  EXPECT_EQ(take({.epoch = 5, .sequence = 1235}), ErrorCode::none);
}

TEST_F(ProducerStateTest, SaysWhatIsWrongWithASequence) {
  note(Sent{.sequence = 10, .count = 3});
  EXPECT_EQ(check(Sent{.sequence = 15}).message,
            "Out of order sequence number for producer 4000 at offset 3 in partition orders-0: 15 (incoming seq. "
            "number), 12 (current end sequence number)");
  EXPECT_EQ(check(Sent{.epoch = 1, .sequence = 15}).message,
            "Invalid sequence number for new epoch of producer 4000 at offset 3 in partition orders-0: 1 (request "
            "epoch), 15 (seq. number), 0 (current producer epoch)");
}

TEST_F(ProducerStateTest, KnowsTheLastFiveBatchesOfAProducer) {
  for (int i = 0; i < 7; ++i) ASSERT_EQ(take({.sequence = i * 3, .count = 3}), ErrorCode::none);
  for (int i = 0; i < 7; ++i) {
    auto expected = i < 2 ? std::nullopt : std::optional<int64_t>(i * 3);
    EXPECT_EQ(first_offset_of_duplicate({.sequence = i * 3, .count = 3}), expected) << i;
  }
  EXPECT_EQ(first_offset_of_duplicate({.sequence = 18, .count = 2}), std::nullopt);
  EXPECT_EQ(first_offset_of_duplicate({.sequence = 15, .count = 6}), std::nullopt);
  EXPECT_EQ(first_offset_of_duplicate({.epoch = 1, .sequence = 18, .count = 3}), std::nullopt);
  EXPECT_EQ(first_offset_of_duplicate({.producer_id = 1, .sequence = 18, .count = 3}), std::nullopt);
}

TEST_F(ProducerStateTest, KnowsABatchWhoseSequencesWrap) {
  note(Sent{.sequence = kMaxSequence - 1, .count = 4});
  EXPECT_EQ(first_offset_of_duplicate({.sequence = kMaxSequence - 1, .count = 4}), 0);
  EXPECT_EQ(state_.find(4000)->last_sequence(), 1);
}

TEST_F(ProducerStateTest, SequencesCountRoundInBothDirections) {
  EXPECT_EQ(sequence_after(5, 3), 8);
  EXPECT_EQ(sequence_after(kMaxSequence, 1), 0);
  EXPECT_EQ(sequence_after(kMaxSequence - 1, 5), 3);
  EXPECT_EQ(sequence_after(kNoSequence, 3), kNoSequence);
  auto first = [](int32_t last, int32_t delta) {
    return ProducedBatch{Offset(100), 0, last, delta}.first_sequence();
  };
  EXPECT_EQ(first(8, 3), 5);
  EXPECT_EQ(first(0, 1), kMaxSequence);
  EXPECT_EQ(first(3, 5), kMaxSequence - 1);
}

TEST_F(ProducerStateTest, ANewEpochForgetsTheBatchesOfTheOldOne) {
  note(Sent{.sequence = 0});
  note(Sent{.sequence = 1});
  note(Sent{.epoch = 1, .sequence = 0});
  EXPECT_EQ(state_.find(4000)->batch_count(), 1u);
  EXPECT_EQ(first_offset_of_duplicate({.sequence = 1}), std::nullopt);
  EXPECT_EQ(first_offset_of_duplicate({.epoch = 1, .sequence = 0}), 2);
}

TEST_F(ProducerStateTest, AFollowerTakesWhatItsLeaderTook) {
  note(Sent{.epoch = 4, .sequence = 0});
  note(Sent{.epoch = 4, .sequence = 17});
  EXPECT_EQ(state_.find(4000)->last_sequence(), 17);
  note(Sent{.epoch = 3, .sequence = 9});
  EXPECT_EQ(state_.find(4000)->epoch(), 3);
}

TEST_F(ProducerStateTest, ACoordinatorsBatchesHaveNoSequencesToCheck) {
  note(Sent{.sequence = kNoSequence, .is_transactional = true});
  Sent next{.sequence = kNoSequence, .is_transactional = true};
  EXPECT_EQ(code(next, from_coordinator()), ErrorCode::none);
  EXPECT_EQ(code(next), ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(state_.find(4000)->last_sequence(), kNoSequence);
}

// --- transactions ---

TEST_F(ProducerStateTest, ATransactionLastsFromItsFirstBatchToItsMarker) {
  note(Sent{.producer_id = 1, .count = 10});
  note(Sent{.sequence = 0, .count = 2, .is_transactional = true});
  note(Sent{.sequence = 2, .count = 2, .is_transactional = true});
  EXPECT_EQ(state_.find(4000)->transaction_start(), Offset(10));
  EXPECT_EQ(state_.first_unstable_offset(), Offset(10));
  auto completed = note(Marker{.outcome = Outcome::abort, .coordinator_epoch = 3});
  ASSERT_TRUE(completed.has_value());
  EXPECT_EQ(completed->producer_id, 4000);
  EXPECT_EQ(completed->first_offset, Offset(10));
  EXPECT_EQ(completed->last_offset, Offset(14));
  EXPECT_EQ(completed->last_stable_offset, Offset(15));
  EXPECT_TRUE(completed->is_abort);
  EXPECT_EQ(state_.find(4000)->transaction_start(), std::nullopt);
  EXPECT_EQ(state_.find(4000)->coordinator_epoch(), 3);
  EXPECT_EQ(state_.find(4000)->last_timestamp(), 2000);
  EXPECT_EQ(code(Sent{.sequence = 4, .is_transactional = true}), ErrorCode::none);
}

TEST_F(ProducerStateTest, IsUnstableUntilTheMarkerIsBelowTheHighWatermark) {
  note(Sent{.is_transactional = true});
  note(Marker{});
  state_.forget_completed_below(Offset(1));
  EXPECT_EQ(state_.first_unstable_offset(), Offset(0));
  state_.forget_completed_below(Offset(2));
  EXPECT_EQ(state_.first_unstable_offset(), std::nullopt);
}

TEST_F(ProducerStateTest, TheLastStableOffsetIsTheEarliestTransactionsStillOpen) {
  note(Sent{.producer_id = 1, .is_transactional = true});
  note(Sent{.producer_id = 2, .is_transactional = true});
  note(Sent{.producer_id = 3, .is_transactional = true});
  EXPECT_EQ(note(Marker{.producer_id = 2})->last_stable_offset, Offset(0));
  EXPECT_EQ(note(Marker{.producer_id = 1})->last_stable_offset, Offset(2));
  EXPECT_EQ(note(Marker{.producer_id = 3})->last_stable_offset, Offset(6));
}

TEST_F(ProducerStateTest, AMarkerWithoutRecordsCompletesNothing) {
  EXPECT_FALSE(note(Marker{.epoch = 4, .coordinator_epoch = 9}).has_value());
  EXPECT_EQ(state_.first_unstable_offset(), std::nullopt);
  EXPECT_EQ(state_.find(4000)->epoch(), 4);
  EXPECT_EQ(state_.find(4000)->coordinator_epoch(), 9);
}

TEST_F(ProducerStateTest, AfterAMarkerWithANewEpochSequencesBeginAgain) {
  note(Sent{.sequence = 5, .is_transactional = true});
  note(Marker{.outcome = Outcome::abort, .epoch = 1});
  EXPECT_EQ(code(Sent{.epoch = 0, .sequence = 6, .is_transactional = true}), ErrorCode::invalid_producer_epoch);
  EXPECT_EQ(code(Sent{.epoch = 1, .sequence = 6, .is_transactional = true}),
            ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(code(Sent{.epoch = 1, .sequence = 0, .is_transactional = true}), ErrorCode::none);
}

TEST_F(ProducerStateTest, RefusesMarkersOfOldCoordinatorsAndOldEpochs) {
  note(Sent{.epoch = 2, .is_transactional = true});
  note(Marker{.epoch = 2, .coordinator_epoch = 5});
  EXPECT_EQ(code(Marker{.epoch = 2, .coordinator_epoch = 4}, from_coordinator()),
            ErrorCode::transaction_coordinator_fenced);
  EXPECT_EQ(code(Marker{.epoch = 1, .coordinator_epoch = 5}, from_coordinator()),
            ErrorCode::invalid_producer_epoch);
  EXPECT_EQ(code(Marker{.epoch = 2, .coordinator_epoch = 5}, from_coordinator()), ErrorCode::none);
}

TEST_F(ProducerStateTest, RefusesAPlainBatchWithinATransaction) {
  note(Sent{.sequence = 0, .is_transactional = true});
  EXPECT_EQ(code(Sent{.sequence = 1}), ErrorCode::invalid_txn_state);
  EXPECT_EQ(code(Sent{.sequence = 1, .is_transactional = true}), ErrorCode::none);
}

TEST_F(ProducerStateTest, RefusesATransactionThatNobodyKnows) {
  AppendRules unverified{AppendOrigin::client, false};
  Sent first{.sequence = 0, .is_transactional = true};
  EXPECT_EQ(code(first, unverified), ErrorCode::invalid_txn_state);
  note(first);
  EXPECT_EQ(code(Sent{.sequence = 1, .is_transactional = true}, unverified), ErrorCode::none);
  EXPECT_EQ(code(Sent{.producer_id = 1, .sequence = 0}, unverified), ErrorCode::none);
}

TEST_F(ProducerStateTest, AControlRecordOfAnotherKindIsNoMarker) {
  BatchOptions options;
  options.producer_id = 4000;
  options.producer_epoch = 0;
  options.is_control = options.is_transactional = true;
  Buffer bytes = BatchBuilder(options).add(1, std::string("\0\0\0\2", 4), std::string(6, '\0')).build();
  auto view = *BatchView::probe(bytes.view());
  auto checked = state_.check(view, from_coordinator(), {"orders", 0});
  ASSERT_FALSE(checked.ok());
  EXPECT_TRUE(checked.error().is(ErrorCode::invalid_record));
  EXPECT_FALSE(state_.note(view).has_value());
  EXPECT_TRUE(state_.is_empty());
}

// --- expiry ---

TEST_F(ProducerStateTest, ForgetsIdleProducersButNoneWithinATransaction) {
  note(Sent{.producer_id = 1, .timestamp = 1000});
  note(Sent{.producer_id = 2, .timestamp = 1500});
  note(Sent{.producer_id = 3, .is_transactional = true, .timestamp = 1000});
  state_.expire(1999, 1000);
  EXPECT_EQ(state_.producers().size(), 3u);
  state_.expire(2000, 1000);
  EXPECT_EQ(state_.find(1), nullptr);
  EXPECT_NE(state_.find(2), nullptr);
  EXPECT_NE(state_.find(3), nullptr);
}

TEST_F(ProducerStateTest, AHundredThousandProducersStaySmall) {
  EXPECT_LE(sizeof(ProducerEntry), 64u);
  for (int64_t id = 0; id < 100'000; ++id) note(Sent{.producer_id = id});
  EXPECT_EQ(state_.producers().size(), 100'000u);
}

}  // namespace
}  // namespace gregor
