#include "base/capability.h"

#include <doctest/doctest.h>
#include <linux/capability.h>

using shardrun::capability_names;
using shardrun::capability_number;

TEST_CASE("capabilities have the kernel's numbers") {
    CHECK(capability_number("CAP_CHOWN") == CAP_CHOWN);
    CHECK(capability_number("CAP_SETPCAP") == CAP_SETPCAP);
    CHECK(capability_number("CAP_NET_RAW") == CAP_NET_RAW);
    CHECK(capability_number("CAP_SYS_ADMIN") == CAP_SYS_ADMIN);
    CHECK(capability_number("CAP_MKNOD") == CAP_MKNOD);
    CHECK(capability_number("CAP_AUDIT_READ") == CAP_AUDIT_READ);
    CHECK(capability_number("CAP_CHECKPOINT_RESTORE") == CAP_CHECKPOINT_RESTORE);
}

TEST_CASE("other spellings are no capabilities") {
    for (const char* name : {"", "CAP_", "cap_chown", "CHOWN", "CAP_CHOWN ", "13"})
        CHECK_MESSAGE(!capability_number(name), name);
}

TEST_CASE("bits have the names they came from") {
    CHECK(capability_names(0).empty());
    CHECK(capability_names(1U << CAP_NET_RAW | 1U << CAP_CHOWN) ==
          std::vector<std::string>{"CAP_CHOWN", "CAP_NET_RAW"});
    for (const std::string& name : capability_names(~std::uint64_t{0}))
        CHECK(capability_names(std::uint64_t{1} << *capability_number(name)) ==
              std::vector<std::string>{name});
}
