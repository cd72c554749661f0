#include "sys/fd_table.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <utility>

#include "../../support/fd_census.h"
#include "sys/signal_fd.h"

namespace shardrun::sys {
namespace {

UniqueFd make_event() {
    return UniqueFd(::eventfd(0, EFD_CLOEXEC));
}

TEST_CASE("a moved-to owner closes what it held and takes over the other's") {
    UniqueFd a = make_event();
    UniqueFd b = make_event();
    const int first = a.get();
    const int second = b.get();
    a = std::move(b);
    CHECK(a.get() == second);
    CHECK(::fcntl(first, F_GETFD) == -1);
    CHECK_FALSE(b);  // NOLINT(bugprone-use-after-move): that is the claim.
    UniqueFd& alias = a;
    a = std::move(alias);
    CHECK(::fcntl(second, F_GETFD) != -1);
}

TEST_CASE("a token gives its descriptor once") {
    FdTable table;
    UniqueFd event = make_event();
    const int number = event.get();
    const FdToken token = table.insert(std::move(event));
    CHECK(table.borrow(token) == number);
    CHECK(table.take(token).get() == number);
    CHECK(table.borrow(token) == -1);
    CHECK_FALSE(table.take(token));
    CHECK(table.size() == 0);
}

TEST_CASE("tokens are never given again, and what is discarded or left is closed") {
    const auto before = test::fd_census();
    {
        FdTable table;
        const FdToken first = table.insert(make_event());
        table.discard(first);
        table.discard(first);
        CHECK(test::fd_census() == before);
        CHECK(table.insert(make_event()) != first);
        CHECK(table.insert(make_event()) != FdToken{});
    }
    CHECK(test::fd_census() == before);
}

TEST_CASE("signals arrive as something to read while the descriptor lives") {
    sigset_t before;
    REQUIRE(::pthread_sigmask(SIG_SETMASK, nullptr, &before) == 0);
    {
        auto signals = SignalFd::create({SIGUSR1, SIGUSR2});
        REQUIRE(signals);
        CHECK_FALSE(signals->read());
        REQUIRE(::raise(SIGUSR2) == 0);
        CHECK(signals->read() == SIGUSR2);
        CHECK_FALSE(signals->read());
    }
    sigset_t after;
    REQUIRE(::pthread_sigmask(SIG_SETMASK, nullptr, &after) == 0);
    CHECK(::sigismember(&after, SIGUSR2) == ::sigismember(&before, SIGUSR2));
}

}  // namespace
}  // namespace shardrun::sys
