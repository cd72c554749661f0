#include "base/fail.h"

#include <doctest/doctest.h>

namespace shardrun {
namespace {

Result<int> half(int value) {
    if (value % 2 != 0) return refuse(EINVAL, "{} is odd", value);
    return value / 2;
}

Result<int> quarter(int value) {
    SR_TRY(const int once, half(value));
    SR_TRY(const int twice, while_doing(half(once), "halve {} again", once));
    return twice;
}

TEST_CASE("an error comes through SR_TRY with the caller's intent in front") {
    CHECK(*quarter(12) == 3);
    CHECK(quarter(7).error() == Error{EINVAL, "7 is odd"});
    CHECK(quarter(6).error() == Error{EINVAL, "halve 3 again: 3 is odd"});
}

TEST_CASE("fail ends in the text of its code") {
    const Result<void> failed = fail(ENOENT, "open '{}'", "x");
    CHECK(failed.error() == Error{ENOENT, "open 'x': No such file or directory"});
}

TEST_CASE("fail_errno takes the code from errno") {
    errno = EBUSY;
    const Result<void> failed = fail_errno("remove cgroup '{}'", "web-7");
    CHECK(failed.error() == Error{EBUSY, "remove cgroup 'web-7': Device or resource busy"});
}

TEST_CASE("SR_DO returns the first failure") {
    const auto run = [](bool fails) -> Result<void> {
        SR_DO(fails ? Result<void>(fail(EIO, "write")) : Result<void>());
        return {};
    };
    CHECK(run(false));
    CHECK(run(true).error().code == EIO);
}

}  // namespace
}  // namespace shardrun
