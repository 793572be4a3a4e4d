#pragma once

#include "broker/log/producer_state.h"
#include "log_fixture.h"

namespace gregor {

/// What a producer sends, in few words.
struct Sent {
  int64_t producer_id = 4000;
  int16_t epoch = 0;
  int32_t sequence = 0;
  int count = 1;
  bool is_transactional = false;
  int64_t timestamp = 1000;
};

inline Buffer batch_of(const Sent& sent, Offset base_offset = Offset(0)) {
  BatchOptions options;
  options.base_offset = base_offset;
  options.producer_id = sent.producer_id;
  options.producer_epoch = sent.epoch;
  options.base_sequence = sent.sequence;
  options.is_transactional = sent.is_transactional;
  BatchBuilder builder(options);
  for (int i = 0; i < sent.count; ++i) builder.add(sent.timestamp, "key", "value");
  return builder.build();
}

enum class Outcome { abort, commit };

/// A transaction coordinator's marker.
struct Marker {
  Outcome outcome = Outcome::commit;
  int64_t producer_id = 4000;
  int16_t epoch = 0;
  int32_t coordinator_epoch = 0;
  int64_t timestamp = 2000;
};

inline Buffer batch_of(const Marker& marker, Offset base_offset = Offset(0)) {
  BatchOptions options;
  options.base_offset = base_offset;
  options.producer_id = marker.producer_id;
  options.producer_epoch = marker.epoch;
  options.is_transactional = true;
  options.is_control = true;
  std::string key("\0\0\0\0", 4);
  key[3] = marker.outcome == Outcome::commit ? '\1' : '\0';
  std::string value(6, '\0');
  store_big_endian(reinterpret_cast<uint8_t*>(value.data()) + 2, marker.coordinator_epoch);
  return BatchBuilder(options).add(marker.timestamp, key, value).build();
}

inline AppendRules from_coordinator() { return {AppendOrigin::coordinator, true}; }

}  // namespace gregor
