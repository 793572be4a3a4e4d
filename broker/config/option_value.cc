#include "broker/config/option_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "broker/config/allowed.h"
#include "broker/types/error_code.h"
#include "runtime/assert.h"

namespace gregor {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<uint8_t>(x)) == std::tolower(static_cast<uint8_t>(y));
  });
}

/// Java takes a plus sign before a number, std::from_chars does not.
std::string_view without_plus(std::string_view text) {
  bool signed_twice = text.size() > 1 && (text[1] == '-' || text[1] == '+');
  return text.starts_with('+') && !signed_twice ? text.substr(1) : text;
}

/// The number that is the whole of `text`, or nothing; `out_of_range` tells a number that does not fit from no
/// number.
template <class Number>
OptionValue parse_number(std::string_view text, bool& out_of_range) {
  text = without_plus(text);
  Number number{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool is_whole = end == text.data() + text.size() && !text.empty();
  out_of_range = is_whole && error == std::errc::result_out_of_range;
  if (!is_whole || error != std::errc{}) return {};
  return number;
}

OptionValue parse_boolean(std::string_view text) {
  if (equal_ignoring_case(text, "true")) return true;
  if (equal_ignoring_case(text, "false")) return false;
  return {};
}

/// The value of the option's type, or nothing when `text` is not of that type.
OptionValue parse_type(OptionType type, std::string_view text, bool& out_of_range) {
  switch (type) {
    case OptionType::boolean:
      return parse_boolean(text);
    case OptionType::int16:
      return parse_number<int16_t>(text, out_of_range);
    case OptionType::int32:
      return parse_number<int32_t>(text, out_of_range);
    case OptionType::int64:
      return parse_number<int64_t>(text, out_of_range);
    case OptionType::float64:
      return parse_number<double>(text, out_of_range);
    case OptionType::list:
      return split_list_keeping_empty(text);
    case OptionType::password:
      return Password{std::string(text)};
    case OptionType::string:
    case OptionType::class_name:
    case OptionType::unknown:
      return std::string(text);
  }
  return {};
}

/// A double as Java prints it: the fewest digits that are read back as the same number, at least one after the
/// point, with an exponent below 1e-3 and from 1e7 on.
std::string java_double(double number) {
  double size = std::fabs(number);
  bool is_plain = size == 0 || (size >= 1e-3 && size < 1e7);
  std::array<char, 400> buffer;
  auto format = is_plain ? std::chars_format::fixed : std::chars_format::scientific;
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, format).ptr;
  std::string text(buffer.data(), end);
  size_t exponent_at = text.find('e');
  std::string digits = text.substr(0, exponent_at);
  if (digits.find('.') == std::string::npos) digits += ".0";
  if (exponent_at == std::string::npos) return digits;
  return digits + "E" + std::to_string(std::stoi(text.substr(exponent_at + 1)));
}

struct Printer {
  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(double value) const { return java_double(value); }
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(const std::vector<std::string>& value) const {
    return fmt::format("{}", fmt::join(value, ","));
  }
  std::string operator()(const Password& value) const { return value.text; }
  template <class Int>
  std::string operator()(Int value) const {
    return std::to_string(value);
  }
};

}  // namespace

std::optional<size_t> OptionTable::find(std::string_view name) const {
  auto found = std::find_if(begin(), end(), [&](const OptionInfo& option) { return option.name == name; });
  if (found == end()) return std::nullopt;
  return static_cast<size_t>(found - begin());
}

std::string_view trimmed(std::string_view text) {
  auto is_blank = [](char c) { return static_cast<uint8_t>(c) <= ' '; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

Error invalid_value(std::string_view name, std::string_view value, std::string_view problem) {
  return Error{make_error_code(ErrorCode::invalid_config),
               fmt::format("Invalid value {} for configuration {}: {}", value, name, problem)};
}

Result<OptionValue> parse_option(const OptionInfo& option, std::string_view text) {
  bool out_of_range = false;
  OptionValue value = parse_type(option.type, trimmed(text), out_of_range);
  if (out_of_range) return invalid_value(option.name, text, "must be " + allowed_text_with_limits(option));
  bool is_read = !std::holds_alternative<std::monostate>(value);
  if (is_read && is_allowed(option.allowed, value)) return value;
  return invalid_value(option.name, text, "must be " + allowed_text(option));
}

OptionValue default_value(const OptionInfo& option) {
  if (!option.default_text) return {};
  auto value = parse_option(option, *option.default_text);
  ASSERT(value.ok());
  return *value;
}

std::optional<std::string> to_text(const OptionValue& value) {
  if (std::holds_alternative<std::monostate>(value)) return std::nullopt;
  return std::visit(Printer{}, value);
}

}  // namespace gregor
