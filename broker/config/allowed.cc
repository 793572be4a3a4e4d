#include "broker/config/allowed.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "broker/config/option_value.h"

namespace gregor {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool contains(const std::vector<std::string>& choices, const std::string& text) {
  return std::find(choices.begin(), choices.end(), text) != choices.end();
}

bool is_one_of(std::string_view choices, const OptionValue& value) {
  auto allowed = split_list(choices);
  if (auto* text = std::get_if<std::string>(&value)) return contains(allowed, *text);
  const auto& texts = std::get<std::vector<std::string>>(value);
  return std::all_of(texts.begin(), texts.end(), [&](const std::string& text) { return contains(allowed, text); });
}

double as_double(const OptionValue& value) {
  if (auto* number = std::get_if<int16_t>(&value)) return *number;
  if (auto* number = std::get_if<int32_t>(&value)) return *number;
  if (auto* number = std::get_if<int64_t>(&value)) return static_cast<double>(*number);
  return std::get<double>(value);
}

bool is_in_range(const Allowed& allowed, double number) {
  return (number >= allowed.least && number <= allowed.most) || number == allowed.extra;
}

/// `*`, or every part is empty or partition:broker.
bool are_replicas(const std::vector<std::string>& texts) {
  if (texts == std::vector<std::string>{"*"}) return true;
  return std::all_of(texts.begin(), texts.end(), [](std::string_view text) {
    size_t colon = text.find(':');
    if (text.empty()) return true;
    return colon != std::string_view::npos && is_digits(text.substr(0, colon)) && is_digits(text.substr(colon + 1));
  });
}

/// Releases are known by their first two numbers, by three below 1.0; what follows (`.1`, `-IV0`) only has to look
/// right.
bool is_release(std::string_view text) {
  constexpr std::array kReleases = {"0.8.0", "0.8.1", "0.8.2", "0.9.0", "0.10.0", "0.10.1", "0.10.2", "0.11.0",
                                    "1.0",   "1.1",   "2.0",   "2.1",   "2.2",    "2.3",    "2.4",    "2.5",
                                    "2.6",   "2.7",   "2.8",   "3.0",   "3.1",    "3.2",    "3.3",    "3.4",
                                    "3.5",   "3.6",   "3.7",   "3.8",   "3.9"};
  return std::any_of(kReleases.begin(), kReleases.end(), [&](std::string_view release) {
    if (!text.starts_with(release)) return false;
    std::string_view rest = text.substr(release.size());
    if (rest.starts_with("-IV")) return is_digits(rest.substr(3));
    return rest.empty() || (rest.starts_with('.') && is_digits(rest.substr(1)));
  });
}

std::string_view type_text(OptionType type) {
  switch (type) {
    case OptionType::boolean:
      return "true or false";
    case OptionType::int16:
    case OptionType::int32:
    case OptionType::int64:
      return "an integer";
    case OptionType::float64:
      return "a number";
    case OptionType::list:
      return "a list separated by commas";
    case OptionType::class_name:
      return "the name of a class";
    case OptionType::string:
    case OptionType::password:
    case OptionType::unknown:
      break;
  }
  return "a text";
}

std::string range_text(std::string_view type, const Allowed& allowed) {
  std::string text(type);
  bool has_least = allowed.least != -kUnbounded;
  bool has_most = allowed.most != kUnbounded;
  if (has_least && has_most) text += fmt::format(" from {} to {}", allowed.least, allowed.most);
  if (has_least && !has_most) text += fmt::format(" of at least {}", allowed.least);
  if (allowed.extra) text += fmt::format(" or {}", *allowed.extra);
  return text;
}

template <class Int>
std::string with_limits(const Allowed& allowed) {
  auto text_of = [](double bound, Int limit) {
    return std::abs(bound) == kUnbounded ? std::to_string(limit) : fmt::format("{}", bound);
  };
  return fmt::format("an integer from {} to {}", text_of(allowed.least, std::numeric_limits<Int>::min()),
                     text_of(allowed.most, std::numeric_limits<Int>::max()));
}

}  // namespace

std::vector<std::string> split_list_keeping_empty(std::string_view text) {
  std::vector<std::string> parts;
  text = trimmed(text);
  if (text.empty()) return parts;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    parts.emplace_back(trimmed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

std::vector<std::string> split_list(std::string_view text) {
  auto parts = split_list_keeping_empty(text);
  std::erase(parts, "");
  return parts;
}

bool is_allowed(const Allowed& allowed, const OptionValue& value) {
  switch (allowed.kind) {
    case Allowed::Kind::anything:
      return true;
    case Allowed::Kind::range:
      return is_in_range(allowed, as_double(value));
    case Allowed::Kind::one_of:
      return is_one_of(allowed.choices, value);
    case Allowed::Kind::not_empty:
      return !std::get<std::string>(value).empty();
    case Allowed::Kind::release:
      return is_release(std::get<std::string>(value));
    case Allowed::Kind::replicas:
      return are_replicas(std::get<std::vector<std::string>>(value));
  }
  return false;
}

std::string allowed_text(const OptionInfo& option) {
  const Allowed& allowed = option.allowed;
  std::string_view several = option.type == OptionType::list ? "any of " : "one of ";
  switch (allowed.kind) {
    case Allowed::Kind::anything:
      return std::string(type_text(option.type));
    case Allowed::Kind::range:
      return range_text(type_text(option.type), allowed);
    case Allowed::Kind::one_of:
      return fmt::format("{}{}", several, allowed.choices);
    case Allowed::Kind::not_empty:
      return "a text that is not empty";
    case Allowed::Kind::release:
      return "a release up to 3.9, such as 3.9 or 3.9-IV0";
    case Allowed::Kind::replicas:
      return "* or a list of partition:broker separated by commas";
  }
  return {};
}

std::string allowed_text_with_limits(const OptionInfo& option) {
  switch (option.type) {
    case OptionType::int16:
      return with_limits<int16_t>(option.allowed);
    case OptionType::int32:
      return with_limits<int32_t>(option.allowed);
    case OptionType::int64:
      return with_limits<int64_t>(option.allowed);
    default:
      return allowed_text(option);
  }
}

}  // namespace gregor
