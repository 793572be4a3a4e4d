#include "broker/types/topic_partition.h"

#include <algorithm>

namespace gregor {
namespace {

constexpr size_t kMaxTopicNameLength = 249;

bool is_legal(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

}  // namespace

std::string topic_name_problem(std::string_view name) {
  if (name.empty()) return "the empty string is not allowed";
  if (name == "." || name == "..") return "'.' or '..' is not allowed";
  if (name.size() > kMaxTopicNameLength) {
    return "the length of '" + std::string(name) + "' is longer than the max allowed length 249";
  }
  if (!std::all_of(name.begin(), name.end(), is_legal)) {
    return "'" + std::string(name) +
           "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
  }
  return "";
}

}  // namespace gregor
