#include "broker/replica/compaction_notice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/logging.h"

namespace gregor {
namespace {

using testing::EndsWith;

class CompactionNoticeTest : public ::testing::Test {
 protected:
  static PartitionSettings with_policy(const char* policy) {
    PartitionSettings settings;
    settings.log.is_compacted = std::string_view(policy) != "delete";
    settings.overrides = std::make_shared<const Properties>(Properties{{"cleanup.policy", policy}});
    return settings;
  }
  /// What the log says of `settings`.
  std::string noted(const std::map<std::string, PartitionSettings>& settings) {
    testing::internal::CaptureStdout();
    notice_.note(settings);
    log::flush();
    return testing::internal::GetCapturedStdout();
  }

  CompactionNotice notice_;
};

TEST_F(CompactionNoticeTest, TellsOfEachCompactedTopicOnceInOneLine) {
  std::map<std::string, PartitionSettings> settings{
      {"a", with_policy("compact")}, {"b", with_policy("delete")}, {"c", with_policy("compact,delete")}, {"d", {}}};
  EXPECT_THAT(noted(settings), EndsWith("compaction is not there yet topics=a,c\n"));
  EXPECT_EQ(noted(settings), "");
  settings["e"] = with_policy("compact");
  EXPECT_THAT(noted(settings), EndsWith(" topics=e\n"));
}

TEST_F(CompactionNoticeTest, TellsAgainWhenATopicIsCompactedAgain) {
  noted({{"a", with_policy("compact")}});
  EXPECT_EQ(noted({{"a", with_policy("delete")}}), "");
  EXPECT_THAT(noted({{"a", with_policy("compact")}}), EndsWith(" topics=a\n"));
}

TEST_F(CompactionNoticeTest, LeavesToTheBrokersConfigurationWhatTheBrokerSays) {
  PartitionSettings settings;
  settings.log.is_compacted = true;
  EXPECT_EQ(noted({{"a", settings}}), "");
}

}  // namespace
}  // namespace gregor
