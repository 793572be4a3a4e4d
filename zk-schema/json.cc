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

/// Protobuf escapes the brackets of `<default>`, for browsers; Kafka prints them as they are.
std::string with_plain_brackets(std::string_view text) {
  std::string plain;
  for (size_t at = 0; at < text.size();) {
    bool is_escape = text[at] == '\\';
    std::string_view escape = is_escape ? text.substr(at, 6) : "";
    bool is_bracket = escape == "\\u003c" || escape == "\\u003e";
    if (is_bracket) {
      plain += escape == "\\u003c" ? '<' : '>';
    } else {
      plain += text.substr(at, is_escape ? 2 : 1);
    }
    at += is_bracket ? 6 : is_escape ? 2 : 1;
  }
  return plain;
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
  return with_plain_brackets(text);
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
