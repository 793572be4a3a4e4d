// One history of a log, ended after every single change that it makes to the disk, in every manner.
#include <functional>

#include "log_machine.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

using Step = std::function<void(LogMachine&)>;

BatchSpec records(LogMachine& machine, int count, int64_t producer_id = -1, int32_t sequence = -1) {
  BatchSpec spec;
  for (int i = 0; i < count; ++i) spec.timestamps.push_back(machine.now_ms() + i);
  spec.value_size = 60;
  spec.producer_id = producer_id;
  spec.producer_epoch = static_cast<int16_t>(producer_id < 0 ? -1 : 0);
  spec.sequence = sequence;
  return spec;
}

Step plain(int count, int32_t epoch) {
  return [=](LogMachine& machine) {
    machine.pass_time(10);
    machine.append(records(machine, count), epoch);
  };
}

/// The producer's next batch; the transactional ones are those from 10 on.
Step produce(int64_t producer_id, int count, int32_t epoch) {
  return [=](LogMachine& machine) {
    machine.pass_time(10);
    auto known = machine.model().producers().producer(producer_id);
    BatchSpec spec = records(machine, count, producer_id, known.last_sequence() + 1);
    spec.is_transactional = producer_id >= 10;
    machine.append(spec, epoch);
  };
}

Step end_transaction(int64_t producer_id, BatchSpec::Kind kind, int32_t epoch) {
  return [=](LogMachine& machine) {
    BatchSpec spec = records(machine, 1, producer_id);
    spec.kind = kind;
    machine.append(spec, epoch);
  };
}

Step follow(int32_t epoch) {
  return [=](LogMachine& machine) {
    LogModel::Batches batches;
    int64_t next = machine.model().end() + 3;
    for (int i = 0; i < 6; ++i) {
      batches.push_back(stored_at(records(machine, 2), next, epoch + i / 3));
      next = batches.back()->last + 1 + (i == 2 ? 4 : 0);
    }
    machine.append_as_follower(batches);
  };
}

Step truncate_back(int64_t count) {
  return [=](LogMachine& machine) { machine.truncate(std::max<int64_t>(machine.model().end() - count, 0)); };
}

Step restart_cleanly() {
  return [](LogMachine& machine) {
    machine.stop_cleanly();
    machine.end_and_start(Manner::process_end);
  };
}

std::vector<Step> history() {
  using Kind = BatchSpec::Kind;
  auto roll = [](LogMachine& machine) { machine.roll(); };
  auto flush = [](LogMachine& machine) { machine.flush(); };
  auto checkpoint = [](LogMachine& machine) { machine.checkpoint_recovery_point(); };
  auto checkpoint_start = [](LogMachine& machine) { machine.checkpoint_log_start(); };
  auto clean_up = [](LogMachine& machine) { machine.remove_deleted_files(); };
  auto delete_some = [](LogMachine& machine) {
    machine.delete_records((machine.model().start() * 2 + machine.model().end()) / 3);
  };
  auto delete_all = [](LogMachine& machine) { machine.delete_records(machine.model().end()); };
  auto keep_little = [](LogMachine& machine) {
    machine.apply_retention({.max_size_bytes = 900}, machine.model().end());
  };
  auto begin_epoch = [](LogMachine& machine) { machine.begin_epoch(8); };
  auto start_anew = [](LogMachine& machine) { machine.start_anew(machine.model().end() + 10); };
  return {
      // A log grows, is flushed, grows on.
      plain(2, 0),
      produce(1, 2, 0),
      produce(10, 1, 0),
      plain(3, 0),
      produce(1, 1, 1),
      flush,
      checkpoint,
      produce(10, 2, 1),
      produce(11, 1, 1),
      end_transaction(10, Kind::abort, 1),
      plain(4, 1),
      roll,
      end_transaction(11, Kind::commit, 1),
      produce(1, 3, 2),
      plain(2, 2),
      flush,
      plain(1, 2),
      checkpoint,
      // A follower that is cut back, and goes on with another leader.
      follow(2),
      truncate_back(9),
      plain(2, 5),
      produce(10, 2, 5),
      follow(5),
      flush,
      truncate_back(14),
      plain(3, 7),
      plain(3, 7),
      plain(3, 7),
      truncate_back(2),
      begin_epoch,
      plain(1, 8),
      checkpoint,
      end_transaction(10, Kind::abort, 8),
      // Records go.
      delete_some,
      checkpoint_start,
      produce(2, 2, 8),
      clean_up,
      keep_little,
      plain(2, 8),
      flush,
      checkpoint,
      checkpoint_start,
      // A clean stop between.
      restart_cleanly(),
      produce(1, 2, 9),
      plain(5, 9),
      truncate_back(4),
      produce(2, 1, 9),
      restart_cleanly(),
      plain(2, 9),
      delete_all,
      produce(11, 1, 9),
      checkpoint_start,
      plain(4, 9),
      start_anew,
      plain(2, 10),
      flush,
      checkpoint,
      plain(2, 10),
  };
}

std::vector<Step> afterlife() {
  auto flush = [](LogMachine& machine) { machine.flush(); };
  auto checkpoint = [](LogMachine& machine) { machine.checkpoint_recovery_point(); };
  return {plain(2, 20),
          produce(1, 1, 20),
          flush,
          produce(10, 1, 20),
          end_transaction(10, BatchSpec::Kind::abort, 21),
          checkpoint,
          plain(8, 21),
          plain(8, 21),
          restart_cleanly()};
}

class EveryCrash : public ::testing::TestWithParam<Manner> {
 protected:
  EveryCrash() {
    log::set_level(log::Level::fatal);
    config_.segment_size_bytes = 900;
    config_.index_interval_bytes = 200;
  }
  static void live(LogMachine& machine, const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      if (!machine.is_up() || HasFatalFailure()) return;
      step(machine);
    }
  }
  /// How many changes the whole history makes.
  uint64_t count_changes() {
    LogMachine machine(config_);
    machine.start();
    live(machine, history());
    machine.check();
    return machine.disk().change_count();
  }

  LogConfig config_;
};

TEST_P(EveryCrash, LeavesWhatWasSafe) {
  for (bool preallocate : {false, true}) {
    config_.preallocate = preallocate;
    uint64_t changes = count_changes();
    ASSERT_GT(changes, 200u);
    for (uint64_t crash = 0; crash < changes && !HasFailure(); ++crash) {
      LogMachine machine(config_, crash);
      machine.disk().stop_after(crash);
      machine.start();
      live(machine, history());
      machine.end_and_start(GetParam());
      live(machine, afterlife());
      EXPECT_TRUE(machine.is_up());
      machine.check();
      if (HasFailure()) FAIL() << name_of(GetParam()) << " after change " << crash << "\n" << machine.story();
    }
  }
}

TEST_P(EveryCrash, AlsoOfARecovery) {
  uint64_t changes = count_changes();
  for (uint64_t crash = 0; crash < changes && !HasFailure(); ++crash) {
    LogMachine machine(config_, crash);
    machine.disk().stop_after(crash);
    machine.start();
    live(machine, history());
    // Each start gets a little further than the one before.
    for (uint64_t more = crash % 3; !machine.is_up() && !HasFailure(); more += 3) {
      machine.end(GetParam());
      machine.disk().stop_after(more);
      machine.start();
    }
    machine.end_and_start(GetParam());
    live(machine, afterlife());
    machine.check();
    if (HasFailure()) FAIL() << name_of(GetParam()) << " after change " << crash << "\n" << machine.story();
  }
}

INSTANTIATE_TEST_SUITE_P(InEveryManner, EveryCrash,
                         ::testing::Values(Manner::process_end, Manner::power_loss, Manner::worst_loss),
                         [](const auto& test) {
                           std::string name = name_of(test.param);
                           name[name.find(' ')] = '_';
                           return name;
                         });

}  // namespace
}  // namespace gregor
