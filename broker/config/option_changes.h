#pragma once

#include <string>
#include <vector>

#include "broker/config/broker_config.h"
#include "broker/config/topic_config.h"

namespace gregor {

/// An option that was changed while the broker runs, in words for the log: secrets, and what nobody knows to be
/// none, are hidden.
struct OptionChange {
  std::string name;
  std::string before;
  std::string now;
  bool is_without_effect = false;  ///< it is set, and nothing acts on it yet

  friend bool operator==(const OptionChange&, const OptionChange&) = default;
};

/// What changes for the broker with its dynamic options, in the order of the names. Values are those that count,
/// which may be the default, and stay where another level has a value that comes first.
std::vector<OptionChange> option_changes(const BrokerConfig& before, const BrokerConfig& now);
/// What changes for a topic with the options that it sets itself, in the order of the table.
std::vector<OptionChange> option_changes(const TopicConfig& before, const TopicConfig& now);
/// `name: before -> now`, or `name: stays now`, separated by commas.
std::string to_string(const std::vector<OptionChange>& changes);
/// The names of those that are set without effect, separated by commas.
std::string names_without_effect(const std::vector<OptionChange>& changes);

}  // namespace gregor
