#pragma once

#include <climits>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/protocol/api_key.h"
#include "broker/protocol/message_writer.h"
#include "broker/protocol/records.h"
#include "broker/types/uuid.h"
#include "runtime/byte_reader.h"
#include "runtime/bytes.h"
#include "runtime/result.h"

/// What every generated header stands on. A message is a plain struct of its fields and has:
///
/// - `decode(reader, version)`: reads one message and leaves the bytes behind it to the caller. Errors:
///   unsupported_version outside of kMinVersion to kMaxVersion; invalid_request for bytes that are no such message,
///   naming the field. In requests and internal records texts and bytes are views into the input.
/// - `encode(writer, version)`: writes it. Fields that the version does not know are left out; null where the
/// version
///   knows no null is written as empty. `version` must be a supported one.
/// - in responses `each_error(take)`: calls `take` with every error code in it, 0 for none among them.
///
/// A field that a version does not have keeps its default when decoded. `read` and `write` are the codec's inner
/// half.
namespace gregor::protocol {

class FieldReader;
class FieldWriter;

}  // namespace gregor::protocol
