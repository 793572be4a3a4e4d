#include "broker/protocol/api_info.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gregor::protocol {

namespace {

TEST(ApiInfo, ListsTheAdvertisedApisByKey) {
  EXPECT_EQ(all_apis().size(), 62u);
  EXPECT_TRUE(std::ranges::is_sorted(all_apis(), {}, &ApiInfo::key));
  EXPECT_EQ(name_of(ApiKey::list_offsets), "ListOffsets");
}

TEST(ApiInfo, IsFoundByKeyOnlyWhenAdvertised) {
  for (const ApiInfo& api : all_apis()) EXPECT_EQ(find_api(static_cast<int16_t>(api.key)), &api);
  for (int16_t key : {-1, 52, 55, 64, 71, 75, 1000}) EXPECT_EQ(find_api(key), nullptr) << key;
  EXPECT_EQ(find_api(1)->max_version, 17);
}

TEST(ApiInfo, RequestHeadersFollowTheVersion) {
  EXPECT_EQ(request_header_version(*find_api(7), 0), 0);  // ControlledShutdown
  EXPECT_EQ(request_header_version(*find_api(7), 1), 1);
  EXPECT_EQ(request_header_version(*find_api(1), 11), 1);  // Fetch
  EXPECT_EQ(request_header_version(*find_api(1), 12), 2);
  EXPECT_EQ(request_header_version(*find_api(17), 1), 1);  // SaslHandshake is never flexible
}

TEST(ApiInfo, ApiVersionsIsAnsweredWithTheOldestHeader) {
  EXPECT_EQ(response_header_version(*find_api(18), 4), 0);
  EXPECT_EQ(request_header_version(*find_api(18), 3), 2);
  EXPECT_EQ(response_header_version(*find_api(1), 12), 1);
}

}  // namespace

}  // namespace gregor::protocol
