#pragma once

#include <gtest/gtest.h>

#include <string>

#include "broker/config/broker_config.h"

namespace gregor {

inline std::string test_host_name() { return "here.example"; }

/// Loads `properties` beside the least that a broker needs, on a machine called here.example.
inline Result<BrokerConfig> load(const Properties& properties) {
  return BrokerConfig::load({{"zookeeper.connect", "localhost:2181"}, {"broker.id", "1"}}, properties,
                            test_host_name);
}

inline BrokerConfig loaded(const Properties& properties) {
  auto config = load(properties);
  if (!config) ADD_FAILURE() << config.error().message;
  return config ? *config : *load({});
}

/// The message that `properties` are refused with; empty when they are not.
inline std::string refusal(const Properties& properties) {
  auto config = load(properties);
  return config ? "" : config.error().message;
}

}  // namespace gregor
