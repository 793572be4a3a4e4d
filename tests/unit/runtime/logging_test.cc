#include "runtime/logging.h"
#include "runtime/fatal.h"

#include <gtest/gtest.h>

namespace gregor {
namespace {

class Logging : public ::testing::Test {
 protected:
  Logging() { log::start(log::Level::info, {"net", "log"}); }
  ~Logging() override { log::start(log::Level::warn); }
};

TEST_F(Logging, HasALoggerForEachModuleBelowRoot) {
  std::map<std::string, log::Level> expected{
      {"root", log::Level::info}, {"gregor.net", log::Level::info}, {"gregor.log", log::Level::info}};
  EXPECT_EQ(log::levels(), expected);
}

TEST_F(Logging, ALevelOfItsOwnCountsForThatModuleOnly) {
  ASSERT_TRUE(log::set_level("gregor.net", log::Level::debug));
  EXPECT_TRUE(log::is_on(log::Level::debug, {"net"}));
  EXPECT_FALSE(log::is_on(log::Level::debug, {"log"}));
  EXPECT_FALSE(log::is_on(log::Level::debug, {"elsewhere"}));
  ASSERT_TRUE(log::set_level("gregor.net", log::Level::fatal));
  EXPECT_FALSE(log::is_on(log::Level::error, {"net"}));
  EXPECT_TRUE(log::is_on(log::Level::error, {"log"}));
}

TEST_F(Logging, WithoutALevelOfItsOwnRootsCounts) {
  ASSERT_TRUE(log::set_level("gregor.net", log::Level::error));
  ASSERT_TRUE(log::set_level("root", log::Level::debug));
  EXPECT_FALSE(log::is_on(log::Level::warn, {"net"}));
  ASSERT_TRUE(log::set_level("gregor.net", std::nullopt));
  EXPECT_TRUE(log::is_on(log::Level::debug, {"net"}));
  EXPECT_EQ(log::levels().at("gregor.net"), log::Level::debug);
}

TEST_F(Logging, RefusesWhatIsNoLogger) {
  EXPECT_FALSE(log::set_level("gregor.nowhere", log::Level::debug));
  EXPECT_FALSE(log::set_level("net", log::Level::debug));
  EXPECT_FALSE(log::set_level("", log::Level::debug));
  EXPECT_FALSE(log::set_level("root", std::nullopt)) << "root must have a level";
}

TEST_F(Logging, ALineComesFromTheFolderOfItsFile) {
  constexpr log::Origin here = log::Origin::of(std::source_location::current());
  EXPECT_EQ(here.module, "runtime");
  log::set_level(log::Level::debug);
  testing::internal::CaptureStdout();
  log::debug("in the runtime tests number={}", 1);
  EXPECT_NE(testing::internal::GetCapturedStdout().find("in the runtime tests number=1"), std::string::npos);
}

TEST_F(Logging, TheEndIsToldOnStandardErrorWhateverTheLevels) {
  log::set_level(log::Level::fatal);
  testing::internal::CaptureStderr();
  log::fatal("port 1 is taken {}");
  std::string line = testing::internal::GetCapturedStderr();
  EXPECT_NE(line.find("] critical port 1 is taken {}\n"), std::string::npos) << line;
  EXPECT_EQ(line.front(), '[') << "the time comes first, as in other lines";
}

}  // namespace
}  // namespace gregor
