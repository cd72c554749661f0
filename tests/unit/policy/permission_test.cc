#include "policy/permission.h"

#include <doctest/doctest.h>

#include <cerrno>

using namespace shardrun;
using namespace shardrun::policy;

namespace {

template <class T>
void check_refused(const Result<T>& result, int code, const std::string& sentence) {
    REQUIRE(!result);
    CHECK(result.error().code == code);
    CHECK(result.error().message == sentence);
}

}  // namespace

TEST_CASE("a uid may connect until its connections are spent") {
    ClientRule rule;
    rule.connections_max = 2;
    CHECK(check_connect({1000, rule, false}, {.connections = 1}));
    check_refused(
        check_connect({1000, rule, false}, {.connections = 2}), EDQUOT,
        "connections: 3 asked, 2 allowed for uid 1000 by clients.default.connections_max");
    check_refused(check_connect({1000, rule, true}, {.connections = 2}), EDQUOT,
                  "connections: 3 asked, 2 allowed for uid 1000 by clients.1000.connections_max");
}

TEST_CASE("a uid that may not connect does not, whatever it has left") {
    ClientRule rule;
    rule.may_connect = false;
    check_refused(check_connect({1000, rule, true}, {}), EACCES,
                  "connect: uid 1000 may not, by clients.1000.may_connect");
}

TEST_CASE("a uid has shards_max shards and not one more") {
    ClientRule rule;
    CHECK(check_new_shard({1000, rule, false}, {.shards = 63}));
    check_refused(check_new_shard({1000, rule, false}, {.shards = 64}), EDQUOT,
                  "shards: 65 asked, 64 allowed for uid 1000 by clients.default.shards_max");
}

TEST_CASE("shards on their way out are not charged until they are many") {
    ClientRule rule;
    rule.shards_max = 4;
    const std::uint32_t bound = 4 + kReclaimingSlack;
    CHECK(check_new_shard({1000, rule, false}, {.shards = 3, .reclaiming = bound - 1}));
    const auto refused = check_new_shard({1000, rule, false}, {.reclaiming = bound});
    REQUIRE(!refused);
    CHECK(refused.error().code == EAGAIN);
}

TEST_CASE("a uid has programs_max programs and not one more") {
    ClientRule rule;
    rule.programs_max = 3;
    CHECK(check_new_program({7, rule, true}, {.programs = 2}));
    check_refused(check_new_program({7, rule, true}, {.programs = 3}), EDQUOT,
                  "programs: 4 asked, 3 allowed for uid 7 by clients.7.programs_max");
}

TEST_CASE("the host's network is for those who are allowed it") {
    ClientRule rule;
    CHECK(check_network({7, rule, false}, NetworkMode::none));
    check_refused(check_network({7, rule, false}, NetworkMode::host), EACCES,
                  "network: uid 7 may not use the host's, by clients.default.host_network");
    rule.host_network = true;
    CHECK(check_network({7, rule, false}, NetworkMode::host));
}

TEST_CASE("networks that are not offered are refused by name, and unknown ones by number") {
    const ClientRule rule;
    check_refused(check_network({7, rule, false}, NetworkMode::nat), EOPNOTSUPP,
                  "network: 'nat' is not offered by this version; ask for 'none'");
    check_refused(check_network({7, rule, false}, NetworkMode::isolated), EOPNOTSUPP,
                  "network: 'isolated' is not offered by this version; ask for 'none'");
    check_refused(check_network({7, rule, false}, NetworkMode{9}), EINVAL,
                  "network: mode 9 is unknown; ask for 'none'");
}

TEST_CASE("a seccomp profile is granted by name") {
    ClientRule rule;
    CHECK(check_seccomp_profile({7, rule, false}, "default"));
    check_refused(
        check_seccomp_profile({7, rule, false}, "loose"), EACCES,
        "seccomp_profile: 'loose' is not among those of uid 7 in clients.default.seccomp_profiles");
    rule.seccomp_profiles = {"loose"};
    CHECK(check_seccomp_profile({7, rule, false}, "loose"));
    CHECK(!check_seccomp_profile({7, rule, false}, "default"));
}

TEST_CASE("capabilities become bits when all of them are granted") {
    ClientRule rule;
    rule.capabilities = {"CAP_NET_RAW", "CAP_CHOWN"};
    const Grant grant{7, rule, false};
    CHECK(check_capabilities(grant, {}) == 0);
    CHECK(check_capabilities(grant, {"CAP_NET_RAW"}) == 1U << 13U);
    CHECK(check_capabilities(grant, {"CAP_NET_RAW", "CAP_CHOWN"}) == ((1U << 13U) | 1U));
    check_refused(
        check_capabilities(grant, {"CAP_CHOWN", "CAP_SYS_ADMIN"}), EACCES,
        "capabilities: CAP_SYS_ADMIN is not among those of uid 7 in clients.default.capabilities");
    check_refused(check_capabilities(grant, {"cap_net_raw"}), EINVAL,
                  "capabilities: 'cap_net_raw' is not one; see capabilities(7)");
}

TEST_CASE("one acts on the shards of one's uid, root and administrators on all") {
    ClientRule rule;
    CHECK(may_act_on({1000, rule, false}, 1000));
    CHECK_FALSE(may_act_on({1000, rule, false}, 1001));
    CHECK_FALSE(may_act_on({1000, rule, false}, 0));
    CHECK(may_act_on({0, rule, false}, 1001));
    rule.is_administrator = true;
    CHECK(may_act_on({1000, rule, false}, 1001));
}
