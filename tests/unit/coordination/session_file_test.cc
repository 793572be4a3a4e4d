#include "broker/coordination/session_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/temporary_directory.h"

namespace gregor {
namespace {

namespace fs = std::filesystem;

class SessionFileTest : public ::testing::Test {
 protected:
  std::string content() {
    std::ifstream stream(path_);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void set_content(const std::string& text) { std::ofstream(path_) << text; }

  testing::TemporaryDirectory home_;
  const std::string path_ = home_.path() + "/session";
  const SessionFile file_{path_};
  const ZkSessionKey session_{0x10001132d4f0002, {'\0', '\x7f', '\xff', 'a'}};
};

TEST_F(SessionFileTest, TellsWhatWasWritten) {
  EXPECT_FALSE(file_.read());
  ASSERT_TRUE(file_.write({1, {}}).ok());
  ASSERT_TRUE(file_.write(session_).ok());
  EXPECT_EQ(file_.read(), session_);
  file_.remove();
  EXPECT_FALSE(file_.read());
}

TEST_F(SessionFileTest, IsForItsOwnerAlone) {
  ASSERT_TRUE(file_.write(session_).ok());
  struct stat status = {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(SessionFileTest, ACopyCountsForNothing) {
  ASSERT_TRUE(file_.write(session_).ok());
  fs::copy(path_, path_ + "-copy");
  EXPECT_FALSE(SessionFile(path_ + "-copy").read());
}

TEST_F(SessionFileTest, AnotherBootCountsForNothing) {
  ASSERT_TRUE(file_.write(session_).ok());
  std::string text = content();
  size_t digit = text.find("boot=") + 5;
  text[digit] = text[digit] == '0' ? '1' : '0';
  set_content(text);
  EXPECT_FALSE(file_.read());
}

TEST_F(SessionFileTest, DamageCountsForNothing) {
  ASSERT_TRUE(file_.write(session_).ok());
  std::string text = content();
  for (size_t size = 0; size < text.size(); ++size) {
    set_content(text.substr(0, size));
    EXPECT_FALSE(file_.read()) << size;
  }
  set_content(text);
  EXPECT_TRUE(file_.read());
}

TEST_F(SessionFileTest, WhatCannotBeWrittenIsTold) {
  auto written = SessionFile(home_.path() + "/nowhere/session").write(session_);
  ASSERT_FALSE(written.ok());
  EXPECT_NE(written.error().message.find("/nowhere/session"), std::string::npos) << written.error().message;
}

}  // namespace
}  // namespace gregor
