// The profile "default". Allowed calls: builtin_allowed.cc; refused ones: builtin_denied.cc; here,
// those whose arguments decide, which get EPERM when none of the rules fits. Any other number gets
// ENOSYS: programs then use what came before.
#include <asm/ioctls.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>

#include "seccomp/builtin_calls.h"
#include "seccomp/profile.h"

namespace shardrun::seccomp {
namespace {

constexpr Action kRefused = errno_action(EPERM);

// The kernel looks at the low half of an `int` argument only. A comparison of all 64 bits would be
// dodged by setting a high one (CVE-2019-7303, CVE-2019-10063).
ArgCheck low_half_is(unsigned index, int value) {
    return {index, CompareOp::masked_eq, static_cast<std::uint32_t>(value), 0xffffffff};
}

ArgCheck has_none_of(unsigned index, std::uint32_t bits) {
    return {index, CompareOp::masked_eq, 0, bits};
}

bool grants(const ProfileContext& context, std::initializer_list<int> any_of) {
    for (const int capability : any_of)
        if ((context.capabilities >> capability & 1) != 0) return true;
    return false;
}

// A new user namespace gives all capabilities inside it, and with them most of the kernel's attack
// surface: never, whatever was granted. The other namespaces come with CAP_SYS_ADMIN. clone's
// CLONE_NEWTIME bit is its exit signal's; unshare's is not.
void add_namespace_rules(std::vector<Rule>& rules, const ProfileContext& context) {
    constexpr std::uint32_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                             CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                             CLONE_NEWNET;
    const bool is_admin = grants(context, {CAP_SYS_ADMIN});
    const std::uint32_t refused = is_admin ? CLONE_NEWUSER : kNewNamespaces;
    rules.push_back({{"clone"}, Action::allow, {has_none_of(0, refused)}});
    if (is_admin)
        rules.push_back({{"unshare"}, Action::allow, {has_none_of(0, CLONE_NEWUSER)}});
    else
        rules.push_back({{"unshare"}, kRefused, {}});
}

void allow_socket(std::vector<Rule>& rules, std::vector<ArgCheck> args) {
    rules.push_back({{"socket"}, Action::allow, std::move(args)});
}

// Netlink is one family for many kernel subsystems: routing facts are what getifaddrs(3) needs.
// Audit's kernel side is not namespaced; login programs take EPROTONOSUPPORT for "no audit here"
// and go on, where EPERM would stop them.
void add_netlink_rules(std::vector<Rule>& rules, const ProfileContext& context) {
    const ArgCheck is_netlink = low_half_is(0, AF_NETLINK);
    if (grants(context, {CAP_NET_ADMIN})) {
        for (const int protocol :
             {NETLINK_NETFILTER, NETLINK_GENERIC, NETLINK_SOCK_DIAG, NETLINK_XFRM})
            allow_socket(rules, {is_netlink, low_half_is(2, protocol)});
    }
    if (grants(context, {CAP_AUDIT_WRITE, CAP_AUDIT_CONTROL, CAP_AUDIT_READ}))
        allow_socket(rules, {is_netlink, low_half_is(2, NETLINK_AUDIT)});
    else
        rules.push_back({{"socket"},
                         errno_action(EPROTONOSUPPORT),
                         {is_netlink, low_half_is(2, NETLINK_AUDIT)}});
    allow_socket(rules, {is_netlink, low_half_is(2, NETLINK_ROUTE)});
}

// Refused: AF_VSOCK talks to the hypervisor, AF_ALG to the kernel's cryptography, AF_PACKET to the
// wire (also as AF_INET's old SOCK_PACKET type), and some forty families are hardly ever tested.
void add_socket_rules(std::vector<Rule>& rules, const ProfileContext& context) {
    constexpr std::uint32_t kTypeMask = 0xf;  // Above it: SOCK_NONBLOCK, SOCK_CLOEXEC.
    if (grants(context, {CAP_NET_RAW}))
        allow_socket(rules, {low_half_is(0, AF_PACKET)});
    else
        rules.push_back(
            {{"socket"},
             kRefused,
             {low_half_is(0, AF_INET), {1, CompareOp::masked_eq, SOCK_PACKET, kTypeMask}}});
    for (const int family : {AF_UNIX, AF_INET, AF_INET6})
        allow_socket(rules, {low_half_is(0, family)});
    add_netlink_rules(rules, context);
}

// TIOCSTI and TIOCLINUX put text into a terminal as if its user had typed it (CVE-2017-5226);
// TIOCSETD loads line disciplines, each a kernel module with a history.
void add_ioctl_rules(std::vector<Rule>& rules) {
    for (const int request : {TIOCSTI, TIOCLINUX, TIOCSETD})
        rules.push_back({{"ioctl"}, kRefused, {low_half_is(1, request)}});
    rules.push_back({{"ioctl"}, Action::allow, {}});
}

// Only personalities that change what uname(2) says, and the question which one is set. Others
// switch off address randomisation or map the page at zero.
void add_personality_rules(std::vector<Rule>& rules) {
    constexpr int kLinux = 0;
    constexpr int kLinux32 = 0x8;
    constexpr int kUname26 = 0x20000;
    constexpr int kAsk = -1;
    for (const int persona : {kLinux, kLinux32, kUname26, kUname26 | kLinux32, kAsk})
        rules.push_back({{"personality"}, Action::allow, {low_half_is(0, persona)}});
}

Rule allowed_calls(const ProfileContext& context) {
    Rule rule;
    for (const std::string_view name : builtin_allowed()) rule.names.emplace_back(name);
    for (const DeniedCall& call : builtin_denied())
        if ((call.opened_by & context.capabilities) != 0) rule.names.emplace_back(call.name);
    return rule;
}

Rule denied_calls(const ProfileContext& context, int code) {
    Rule rule{{}, errno_action(static_cast<std::uint16_t>(code)), {}};
    for (const DeniedCall& call : builtin_denied())
        if (call.code == code && (call.opened_by & context.capabilities) == 0)
            rule.names.emplace_back(call.name);
    return rule;
}

}  // namespace

Profile builtin_profile(const ProfileContext& context) {
    Profile profile;
    profile.default_action = errno_action(ENOSYS);
    profile.unmatched_call_action = kRefused;
    profile.arches = {context.arch};
    profile.rules.push_back(allowed_calls(context));
    profile.rules.push_back(denied_calls(context, EPERM));
    profile.rules.push_back(denied_calls(context, ENOSYS));
    add_namespace_rules(profile.rules, context);
    add_socket_rules(profile.rules, context);
    add_ioctl_rules(profile.rules);
    add_personality_rules(profile.rules);
    return profile;
}

}  // namespace shardrun::seccomp
