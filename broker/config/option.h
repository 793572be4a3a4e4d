#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gregor {

/// The type of an option's value; the numbers are those that DescribeConfigs sends.
enum class OptionType : int8_t {
  unknown = 0,
  boolean = 1,
  string = 2,
  int32 = 3,
  int16 = 4,
  int64 = 5,
  float64 = 6,
  list = 7,
  class_name = 8,
  password = 9,
};

/// How an option may change while brokers run.
enum class UpdateMode : int8_t { read_only, per_broker, cluster_wide, topic };

/// A text that is neither logged nor shown.
struct Password {
  std::string text;

  friend bool operator==(const Password&, const Password&) = default;
};

inline constexpr double kUnbounded = std::numeric_limits<double>::infinity();

/// Which values an option may have, beyond what its type says.
struct Allowed {
  enum class Kind : int8_t {
    anything,
    range,      ///< `least` to `most`, both included, or `extra`
    one_of,     ///< a text, or a list of texts, out of `choices`
    not_empty,  ///< a text of at least one character
    release,    ///< a release of Kafka, as 3.9 or 3.9-IV0
    replicas,   ///< * or a list of partition:broker
  };

  Kind kind = Kind::anything;
  double least = -kUnbounded;
  double most = kUnbounded;
  std::optional<double> extra = std::nullopt;
  std::string_view choices = {};  ///< separated by ", "
};

/// The broker's option that counts when an option has its default: its value times `factor`.
struct OptionSource {
  int16_t option = -1;  ///< index in the broker's table; -1 is none
  int64_t factor = 1;
  bool is_synonym = false;  ///< listed among the synonyms that DescribeConfigs answers
};

/// One row of broker/config/options.table.
struct OptionInfo {
  std::string_view name;
  OptionType type = OptionType::unknown;
  std::optional<std::string_view> default_text;  ///< none is null
  Allowed allowed;
  OptionSource source;
  UpdateMode update = UpdateMode::read_only;
  bool is_hidden = false;        ///< known, but shown only where it is set
  bool is_only_dynamic = false;  ///< has no place in a file of properties
  bool has_effect = false;
  bool is_refused = false;  ///< more than the default would promise a protection that is not there yet
  std::string_view group;
  std::string_view text;
};

/// The rows of one section of the table. An option is known by its index.
class OptionTable {
 public:
  constexpr explicit OptionTable(std::span<const OptionInfo> rows) : rows_(rows) {}

  const OptionInfo& operator[](size_t index) const { return rows_[index]; }
  size_t size() const { return rows_.size(); }
  auto begin() const { return rows_.begin(); }
  auto end() const { return rows_.end(); }
  std::optional<size_t> find(std::string_view name) const;

 private:
  std::span<const OptionInfo> rows_;
};

OptionTable broker_option_table();
OptionTable topic_option_table();

/// What a value is read as: nothing for null, else the alternative of the option's type.
using OptionValue = std::variant<std::monostate, bool, int16_t, int32_t, int64_t, double, std::string,
                                 std::vector<std::string>, Password>;

/// The names of options in code, options::... and topic_options::..., carry the type of the value; std::optional
/// where it may be null.
template <class T>
struct BrokerOption {
  size_t index;
};
template <class T>
struct TopicOption {
  size_t index;
};

/// The type of an option once null is out of question.
template <class T>
struct NotNull {
  using Type = T;
};
template <class T>
struct NotNull<std::optional<T>> {
  using Type = T;
};

/// Takes the value of an option whose type is `T`.
template <class T>
T value_as(const OptionValue& value) {
  if constexpr (std::is_same_v<T, typename NotNull<T>::Type>) {
    return std::get<T>(value);
  } else {
    if (std::holds_alternative<std::monostate>(value)) return std::nullopt;
    return std::get<typename NotNull<T>::Type>(value);
  }
}

}  // namespace gregor
