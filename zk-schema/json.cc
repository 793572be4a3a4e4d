#include "zk-schema/json.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <memory>

namespace gregor::zk::json {
namespace {

namespace pb = google::protobuf;

constexpr const char* kTypeUrlPrefix = "type.googleapis.com";

pb::util::TypeResolver& resolver() {
  static const std::unique_ptr<pb::util::TypeResolver> instance(
      pb::util::NewTypeResolverForDescriptorPool(kTypeUrlPrefix, pb::DescriptorPool::generated_pool()));
  return *instance;
}

/// The protobuf encoding with maps sorted by key: the order in which the JSON printer then meets them.
std::string serialize_sorted(const pb::Message& message) {
  std::string bytes;
  pb::io::StringOutputStream stream(&bytes);
  {
    pb::io::CodedOutputStream output(&stream);
    output.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&output);
  }
  return bytes;
}

}  // namespace

std::string to_json(const pb::Message& message) {
  pb::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string text;
  std::string type_url = std::string(kTypeUrlPrefix) + "/" + message.GetDescriptor()->full_name();
  auto status = pb::util::BinaryToJsonString(&resolver(), type_url, serialize_sorted(message), &text, options);
  ASSERT(status.ok());
  return text;
}

Result<void> parse(std::string_view text, pb::Message& message) {
  pb::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  auto status = pb::util::JsonStringToMessage(pb::StringPiece(text.data(), text.size()), &message, options);
  if (!status.ok()) return malformed(message.GetDescriptor()->name(), status.ToString());
  return {};
}

Error malformed(std::string_view message_name, std::string_view what) {
  return Error{std::make_error_code(std::errc::bad_message),
               fmt::format("malformed {} znode: {}", message_name, what)};
}

}  // namespace gregor::zk::json
