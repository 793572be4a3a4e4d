#include "broker/config/properties.h"

#include <gtest/gtest.h>

#include "broker/types/error_code.h"

namespace gregor {
namespace {

Properties parsed(std::string_view text) {
  auto properties = parse_properties(text);
  EXPECT_TRUE(properties.ok());
  return properties.ok() ? *properties : Properties{};
}

// The first cases are those that the documentation of java.util.Properties.load gives.

TEST(Properties, SeparateKeyFromValueByEqualsSignOrColonWithBlanksAround) {
  Properties truth = {{"Truth", "Beauty"}};
  EXPECT_EQ(parsed("Truth = Beauty"), truth);
  EXPECT_EQ(parsed(" Truth:Beauty"), truth);
  EXPECT_EQ(parsed("Truth                    :Beauty"), truth);
}

TEST(Properties, SeparateKeyFromValueByBlanksAlone) {
  EXPECT_EQ(parsed("num.partitions \t 3"), (Properties{{"num.partitions", "3"}}));
}

TEST(Properties, ContinueALineAfterABackslashWithoutTheNextOnesIndent) {
  EXPECT_EQ(parsed("fruits                           apple, banana, pear, \\\n"
                   "                                  cantaloupe, watermelon, \\\n"
                   "                                  kiwi, mango"),
            (Properties{{"fruits", "apple, banana, pear, cantaloupe, watermelon, kiwi, mango"}}));
}

TEST(Properties, TakeAKeyAloneForAnEmptyValue) {
  EXPECT_EQ(parsed("cheeses"), (Properties{{"cheeses", ""}}));
  EXPECT_EQ(parsed("cheeses="), (Properties{{"cheeses", ""}}));
}

TEST(Properties, KeepASecondSeparatorInTheValue) {
  EXPECT_EQ(parsed("listeners=PLAINTEXT://:9092"), (Properties{{"listeners", "PLAINTEXT://:9092"}}));
  EXPECT_EQ(parsed("a==b"), (Properties{{"a", "=b"}}));
}

TEST(Properties, KeepBlanksAtTheEndOfAValue) { EXPECT_EQ(parsed("a=b  \n"), (Properties{{"a", "b  "}})); }

TEST(Properties, PassOverCommentsAndBlankLines) {
  EXPECT_EQ(parsed("# one\n   ! two\n\n \t\na=1\r\nb=2\r# no \\\nc=3"),
            (Properties{{"a", "1"}, {"b", "2"}, {"c", "3"}}));
}

TEST(Properties, TakeACommentSignWithinALineForText) {
  EXPECT_EQ(parsed("a=1 # not a comment"), (Properties{{"a", "1 # not a comment"}}));
  EXPECT_EQ(parsed("a=1,\\\n#2"), (Properties{{"a", "1,#2"}}));
}

TEST(Properties, ReplaceEscapes) {
  EXPECT_EQ(parsed(R"(a=\t\n\r\f\\\z)"), (Properties{{"a", "\t\n\r\f\\z"}}));
  EXPECT_EQ(parsed(R"(a\:b\=c\ d=1)"), (Properties{{"a:b=c d", "1"}}));
  EXPECT_EQ(parsed("a=b\\\\\nc=d"), (Properties{{"a", "b\\"}, {"c", "d"}}));
}

TEST(Properties, TurnUnicodeEscapesIntoUtf8) {
  EXPECT_EQ(parsed("a=\\u0041\\u00e9\\u20AC"), (Properties{{"a", "A\u00e9\u20ac"}}));
  EXPECT_EQ(parsed("a=\\uD83D\\uDE00"), (Properties{{"a", "\U0001F600"}}));
}

TEST(Properties, LetTheLaterOfTwoValuesCount) { EXPECT_EQ(parsed("a=1\na=2"), (Properties{{"a", "2"}})); }

TEST(Properties, NameTheLineThatCannotBeRead) {
  auto properties = parse_properties("# head\na=1,\\\n  2\nb=\\u12x4\n");
  ASSERT_FALSE(properties.ok());
  EXPECT_TRUE(properties.error().is(ErrorCode::invalid_config));
  EXPECT_EQ(properties.error().message, "line 4: \\u must be followed by four hexadecimal digits");
}

TEST(Properties, ReadTextThatEndsInABackslash) { EXPECT_EQ(parsed("a=b\\"), (Properties{{"a", "b"}})); }

}  // namespace
}  // namespace gregor
