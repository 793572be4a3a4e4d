#include "broker/config/listeners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_under_test.h"

namespace gregor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Endpoint plaintext(std::string name, std::string host, int32_t port) {
  return {std::move(name), SecurityProtocol::plaintext, std::move(host), port};
}

const std::string kTwoNames = "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT";

TEST(Listeners, ListenOnEveryInterfaceAndAdvertiseTheMachineByDefault) {
  BrokerConfig config = loaded({});
  EXPECT_THAT(config.listeners(), ElementsAre(plaintext("PLAINTEXT", "", 9092)));
  EXPECT_THAT(config.advertised_listeners(), ElementsAre(plaintext("PLAINTEXT", "here.example", 9092)));
  EXPECT_EQ(config.inter_broker_listener(), plaintext("PLAINTEXT", "here.example", 9092));
}

TEST(Listeners, AreReadWithNamesInCapitals) {
  BrokerConfig config = loaded({{"listeners", "internal://10.0.0.1:9092, External://:9093"},
                                {"advertised.listeners", "INTERNAL://b1:19092,EXTERNAL://b1.example:19093"},
                                {"listener.security.protocol.map", kTwoNames},
                                {"inter.broker.listener.name", "internal"}});
  EXPECT_THAT(config.listeners(),
              ElementsAre(plaintext("INTERNAL", "10.0.0.1", 9092), plaintext("EXTERNAL", "", 9093)));
  EXPECT_EQ(config.inter_broker_listener(), plaintext("INTERNAL", "b1", 19092));
}

TEST(Listeners, TakeIpv6InBrackets) {
  BrokerConfig config = loaded({{"listeners", "PLAINTEXT://[::1]:9092"}});
  EXPECT_THAT(config.listeners(), ElementsAre(plaintext("PLAINTEXT", "::1", 9092)));
  EXPECT_EQ(config.listeners()[0].to_string(), "PLAINTEXT://[::1]:9092");
}

TEST(Listeners, MustHaveTheFormOfAnAddress) {
  for (auto bad : {"PLAINTEXT://localhost", "localhost:9092", "PLAINTEXT://:x", "://:1", "PLAINTEXT://a b:1"}) {
    EXPECT_THAT(refusal({{"listeners", bad}}), HasSubstr("NAME://host:port")) << bad;
  }
  EXPECT_THAT(refusal({{"listeners", ""}}), HasSubstr("at least one listener"));
}

TEST(Listeners, MustNotShareANameOrAPort) {
  EXPECT_THAT(refusal({{"listeners", "PLAINTEXT://:1,PLAINTEXT://:2"}}),
              HasSubstr("the name PLAINTEXT comes twice"));
  EXPECT_THAT(refusal({{"listeners", "INTERNAL://:1,EXTERNAL://:1"},
                       {"listener.security.protocol.map", kTwoNames},
                       {"inter.broker.listener.name", "INTERNAL"}}),
              HasSubstr("port 1 comes twice"));
}

TEST(Listeners, MayShareAPortBetweenIpv4AndIpv6) {
  EXPECT_EQ(refusal({{"listeners", "INTERNAL://127.0.0.1:9092,EXTERNAL://[::1]:9092"},
                     {"listener.security.protocol.map", kTwoNames},
                     {"inter.broker.listener.name", "INTERNAL"}}),
            "");
}

TEST(Listeners, NeedASecurityProtocol) {
  EXPECT_THAT(refusal({{"listeners", "INTERNAL://:9092"}}),
              HasSubstr("listener INTERNAL has no security protocol in listener.security.protocol.map"));
  EXPECT_THAT(refusal({{"listener.security.protocol.map", "PLAINTEXT:TLS"}}),
              HasSubstr("listener.security.protocol.map"));
}

TEST(Listeners, ArePlaintextSoFar) {
  EXPECT_EQ(refusal({{"listeners", "SSL://:9093"}}),
            "Invalid value SSL://:9093 for configuration listeners: listener SSL uses SSL, and only PLAINTEXT is "
            "supported so far");
}

TEST(Listeners, AreAdvertisedAtAnAddressThatOthersReach) {
  EXPECT_THAT(refusal({{"listeners", "PLAINTEXT://0.0.0.0:9092"}}), HasSubstr("0.0.0.0"));
  EXPECT_EQ(refusal({{"listeners", "PLAINTEXT://0.0.0.0:9092"}, {"advertised.listeners", "PLAINTEXT://b1:9092"}}),
            "");
}

TEST(Listeners, AreAdvertisedOnlyWhereTheBrokerListens) {
  EXPECT_THAT(refusal({{"advertised.listeners", "PLAINTEXT://b1:9092,SSL://b1:9093"}}),
              HasSubstr("must have the name of one of listeners: PLAINTEXT"));
}

TEST(Listeners, MayBeAdvertisedAtOnePort) {
  EXPECT_EQ(refusal({{"listeners", "INTERNAL://:1,EXTERNAL://:2"},
                     {"advertised.listeners", "INTERNAL://a:9092,EXTERNAL://b:9092"},
                     {"listener.security.protocol.map", kTwoNames},
                     {"inter.broker.listener.name", "INTERNAL"}}),
            "");
}

TEST(Listeners, IncludeTheOneThatBrokersUse) {
  EXPECT_THAT(refusal({{"inter.broker.listener.name", "INTERNAL"}}),
              HasSubstr("must name one of advertised.listeners: PLAINTEXT"));
  EXPECT_THAT(
      refusal({{"inter.broker.listener.name", "PLAINTEXT"}, {"security.inter.broker.protocol", "PLAINTEXT"}}),
      HasSubstr("must not be set together"));
}

TEST(ConnectionsPerIp, AreReadForNamesAndAddresses) {
  auto counts =
      loaded({{"max.connections.per.ip.overrides", "b1.example:5, My_Host : 6 ,10.0.0.1:0,fe80::1%eth0:7,::1:8"}})
          .connections_per_ip_overrides();
  std::map<std::string, int32_t> expected{
      {"b1.example", 5}, {"My_Host", 6}, {"10.0.0.1", 0}, {"fe80::1%eth0", 7}, {"::1", 8}};
  EXPECT_EQ(counts, expected);
}

TEST(ConnectionsPerIp, AreRefusedForWhatIsNoHost) {
  for (const char* text : {"a host:5", "$host:5", "host/24:5", "[::1]:5", "h\xc3\xb6st:5", "fine:1,b@d:2"}) {
    EXPECT_THAT(refusal({{"max.connections.per.ip.overrides", text}}), HasSubstr("neither a host nor an address"))
        << text;
  }
  for (const char* text : {"host", "host:", "host:x", "host:-1", ":5", "host:99999999999"}) {
    EXPECT_THAT(refusal({{"max.connections.per.ip.overrides", text}}), HasSubstr("is not of the form host:count"))
        << text;
  }
}

}  // namespace
}  // namespace gregor
