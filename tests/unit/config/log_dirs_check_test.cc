#include "broker/config/log_dirs_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "broker/types/error_code.h"
#include "config_under_test.h"
#include "tests/support/temporary_directory.h"

namespace gregor {
namespace {

using ::testing::HasSubstr;

class LogDirsCheckTest : public ::testing::Test {
 protected:
  /// What is said of these directories; empty where nothing is wrong.
  static std::string refused(const std::string& dirs) {
    auto checked = check_log_dirs_are_apart(loaded({{"log.dirs", dirs}}));
    if (checked) return "";
    EXPECT_TRUE(checked.error().is(ErrorCode::invalid_config));
    return checked.error().message;
  }

  testing::TemporaryDirectory home_;
};

TEST_F(LogDirsCheckTest, RefusesADirectoryThatComesTwice) {
  EXPECT_EQ(refused("/none/d1,/none/d1"),
            "Invalid value /none/d1,/none/d1 for configuration log.dirs: /none/d1 comes twice");
}

TEST_F(LogDirsCheckTest, KnowsADirectoryHoweverItIsWritten) {
  std::string d1 = home_.path() + "/d1";
  for (bool exists : {false, true}) {
    if (exists) std::filesystem::create_directory(d1);
    for (const char* tail : {"/", "/.", "//", "/../d1", "/x/.."}) {
      EXPECT_THAT(refused(d1 + ",/elsewhere," + d1 + tail),
                  HasSubstr(d1 + " and " + d1 + tail + " are the same directory"));
    }
  }
}

TEST_F(LogDirsCheckTest, FollowsSymbolicLinks) {
  std::string d1 = home_.path() + "/d1";
  std::filesystem::create_directory(d1);
  std::filesystem::create_symlink(d1, home_.path() + "/link");
  EXPECT_THAT(refused(d1 + "," + home_.path() + "/link"), HasSubstr("are the same directory"));
  EXPECT_THAT(refused(d1 + "/to/make," + home_.path() + "/link/to/make"), HasSubstr("are the same directory"));
}

TEST_F(LogDirsCheckTest, RefusesADirectoryWithinAnother) {
  std::string d1 = home_.path() + "/d1";
  for (bool exists : {false, true}) {
    if (exists) std::filesystem::create_directory(d1);
    EXPECT_THAT(refused(d1 + "," + d1 + "/inner"), HasSubstr(d1 + "/inner lies within " + d1));
    EXPECT_THAT(refused(d1 + "/far/in," + d1 + "/"), HasSubstr(d1 + "/far/in lies within " + d1 + "/"));
  }
  std::filesystem::create_symlink(d1, home_.path() + "/link");
  EXPECT_THAT(refused(d1 + "," + home_.path() + "/link/inner"), HasSubstr("/link/inner lies within " + d1));
  EXPECT_THAT(refused(d1 + ",/"), HasSubstr(d1 + " lies within /"));
}

TEST_F(LogDirsCheckTest, TakesDirectoriesBesideEachOther) {
  std::filesystem::create_directory(home_.path() + "/d1");
  EXPECT_EQ(refused(home_.path() + "/d1," + home_.path() + "/d2," + home_.path() + "/d11"), "");
}

}  // namespace
}  // namespace gregor
