#include "sys/network_namespace.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "base/fail.h"

namespace shardrun::sys {
namespace {

constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";

Result<void> bring_up_loopback() {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::memcpy(static_cast<char*>(request.ifr_name), "lo", 3);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (!socket || ::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0)
        return fail_errno("bring up interface 'lo'");
    return {};
}

/// No port of it is anybody else's: servers may listen on 80 without a capability.
Result<void> open_low_ports() {
    const UniqueFd file(
        ::open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY | O_CLOEXEC));
    if (!file || ::write(file.get(), "0", 1) != 1)
        return fail_errno("free the low ports of a network namespace");
    return {};
}

Result<UniqueFd> prepare_current() {
    SR_DO(bring_up_loopback());
    SR_DO(open_low_ports());
    UniqueFd made(::open(kOwnNamespace, O_RDONLY | O_CLOEXEC));
    if (!made) return fail_errno("open '{}'", kOwnNamespace);
    return made;
}

}  // namespace

Result<UniqueFd> make_network_namespace() {
    const UniqueFd own(::open(kOwnNamespace, O_RDONLY | O_CLOEXEC));
    if (!own) return fail_errno("open '{}'", kOwnNamespace);
    if (::unshare(CLONE_NEWNET) != 0) return fail_errno("make a network namespace");
    Result<UniqueFd> made = prepare_current();
    // A supervisor that stayed in a shard's network would serve everybody else from there.
    SR_ASSERT(::setns(own.get(), CLONE_NEWNET) == 0);
    return made;
}

}  // namespace shardrun::sys
