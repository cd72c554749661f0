#include "oracle.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>

#include <fmt/format.h>

#include "seccomp/evaluate.h"
#include "seccomp/syscall_names.h"

namespace shardrun::seccomp::test {
namespace {

// "This rule does not match": an action that no profile here uses.
constexpr Action kNoMatch = trace_action(0xabcd);

[[noreturn]] void give_up(const char* what, int code) {
    fmt::print(stderr, "libseccomp: {}: {}\n", what, code);
    std::abort();
}

void demand(const char* what, int code) {
    if (code < 0) give_up(what, code);
}

scmp_compare operator_of(CompareOp op) {
    switch (op) {
        case CompareOp::ne:
            return SCMP_CMP_NE;
        case CompareOp::lt:
            return SCMP_CMP_LT;
        case CompareOp::le:
            return SCMP_CMP_LE;
        case CompareOp::eq:
            return SCMP_CMP_EQ;
        case CompareOp::ge:
            return SCMP_CMP_GE;
        case CompareOp::gt:
            return SCMP_CMP_GT;
        case CompareOp::masked_eq:
            return SCMP_CMP_MASKED_EQ;
    }
    give_up("operator", 0);
}

scmp_arg_cmp comparison_of(const ArgCheck& check) {
    if (check.op == CompareOp::masked_eq)
        return {check.index, operator_of(check.op), check.mask, check.value};
    return {check.index, operator_of(check.op), check.value, 0};
}

/// A libseccomp filter under construction; foreign arches end the process, as ours do.
class Library {
 public:
    Library(Action otherwise, const std::vector<Arch>& arches)
        : context_(seccomp_init(to_word(otherwise)), &seccomp_release), arches_(arches) {
        demand("bad arch",
               seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
        for (const Arch arch : arches)
            if (arch != kNativeArch)
                demand("add arch", seccomp_arch_add(context_.get(), to_token(arch)));
        if (std::ranges::find(arches, kNativeArch) == arches.end())
            demand("remove arch", seccomp_arch_remove(context_.get(), SCMP_ARCH_NATIVE));
    }

    void add(const std::string& name, Action action, const std::vector<ArgCheck>& checks) {
        std::vector<scmp_arg_cmp> comparisons;
        for (const ArgCheck& check : checks) comparisons.push_back(comparison_of(check));
        if (!exists_somewhere(name)) return;
        int number = seccomp_syscall_resolve_name(name.c_str());
        // What the library does not know by name it takes by number, on the native arch.
        if (number == __NR_SCMP_ERROR)
            number = static_cast<int>(bindings_of(name, kNativeArch).at(0).number);
        demand(name.c_str(), seccomp_rule_add_array(context_.get(), to_word(action), number,
                                                    static_cast<unsigned>(comparisons.size()),
                                                    comparisons.data()));
    }

    std::vector<sock_filter> program() const {
        const int fd = memfd_create("filter", MFD_CLOEXEC);
        demand("memfd_create", fd);
        demand("export", seccomp_export_bpf(context_.get(), fd));
        const off_t size = lseek(fd, 0, SEEK_CUR);
        std::vector<sock_filter> filter(static_cast<std::size_t>(size) / sizeof(sock_filter));
        if (pread(fd, filter.data(), static_cast<std::size_t>(size), 0) != size) give_up("read", 0);
        close(fd);
        return filter;
    }

 private:
    static std::uint32_t to_token(Arch arch) { return static_cast<std::uint32_t>(arch); }

    // A call that none of the arches has gets a number of its own from libseccomp, far from any.
    bool exists_somewhere(const std::string& name) const {
        return std::ranges::any_of(arches_,
                                   [&](Arch arch) { return !bindings_of(name, arch).empty(); });
    }

    std::unique_ptr<void, decltype(&seccomp_release)> context_;
    std::vector<Arch> arches_;
};

}  // namespace

Oracle::Oracle(const Profile& profile) : profile_(profile) {
    for (const Arch arch : profile.arches) parts_.push_back(make_part(arch));
}

Oracle::Part Oracle::make_part(Arch arch) const {
    Part part{arch, {}, {}, 0};
    std::set<std::string> names;
    for (const Rule& rule : profile_.rules) {
        Library one(kNoMatch, {arch});
        for (const std::string& name : rule.names) one.add(name, rule.action, rule.args);
        part.layers.push_back({rule.action, one.program()});
        names.insert(rule.names.begin(), rule.names.end());
    }
    Library named(profile_.default_action, {arch});
    const Action unmatched = profile_.unmatched_call_action.value_or(profile_.default_action);
    if (unmatched != profile_.default_action)
        for (const std::string& name : names) named.add(name, unmatched, {});
    part.named = named.program();
    names.insert(profile_.other_known_names.begin(), profile_.other_known_names.end());
    for (const std::string& name : names)
        for (const CallBinding& binding : bindings_of(name, arch))
            part.newest = std::max(part.newest, binding.number);
    return part;
}

// Calls of no listed arch end the process in every part.
const Oracle::Part& Oracle::part_for(const seccomp_data& call) const {
    const bool is_x32 = call.arch == AUDIT_ARCH_X86_64 &&
                        static_cast<std::uint32_t>(call.nr) >= 0x40000000 && call.nr != -1;
    const Arch arch = is_x32 ? Arch::x32 : Arch{call.arch};
    const auto found = std::ranges::find(parts_, arch, &Part::arch);
    return found == parts_.end() ? parts_.front() : *found;
}

Action Oracle::decide(const seccomp_data& call) const {
    const Part& part = part_for(call);
    const Layer* best = nullptr;
    for (const Layer& layer : part.layers) {
        const Action said = evaluate(layer.filter, call);
        if (said == kNoMatch) continue;
        if (said != layer.action) return said;  // Of a foreign arch: every layer says so.
        if (best == nullptr || strictness_rank(said) < strictness_rank(best->action)) best = &layer;
    }
    if (best != nullptr) return best->action;
    const Action remaining = evaluate(part.named, call);
    // As runc does it: what lies beyond the highest number of any name is newer than the profile.
    const bool is_newer = part.newest > 0 && static_cast<std::uint32_t>(call.nr) > part.newest &&
                          !(call.nr == -1 && call.arch == AUDIT_ARCH_X86_64);
    const bool is_default = remaining == profile_.default_action;
    return is_default && is_newer ? profile_.newer_call_action.value_or(remaining) : remaining;
}

std::vector<sock_filter> compile_with_libseccomp(const Profile& profile) {
    Library library(profile.default_action, profile.arches);
    for (const Rule& rule : profile.rules)
        for (const std::string& name : rule.names) library.add(name, rule.action, rule.args);
    return library.program();
}

}  // namespace shardrun::seccomp::test
