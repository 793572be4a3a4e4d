#pragma once

#include "broker/protocol/message_writer.h"
#include "runtime/byte_reader.h"
#include "runtime/result.h"

namespace gregor::protocol {

/// Reads an internal record (an OffsetCommitValue, a TransactionLogKey, a ConsumerProtocolSubscription, ...) as it
/// stands in a log or in a group's metadata: an int16 version, then the record. What it holds are views into
/// `bytes`. Errors: those of `Record::decode`.
template <class Record>
Result<Record> decode_versioned(Bytes bytes) {
  ByteReader reader(bytes);
  int16_t version = reader.read_int16();
  // Without two bytes there is no version, and the record's own reader says what is missing.
  return Record::decode(reader, reader.ok() ? version : Record::kMaxVersion);
}

/// Writes the version and the record.
template <class Record>
Buffer encode_versioned(const Record& record, int16_t version) {
  MessageWriter writer;
  writer.bytes().write_int16(version);
  record.encode(writer, version);
  return writer.bytes().take();
}

}  // namespace gregor::protocol
