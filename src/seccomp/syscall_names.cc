#include "seccomp/syscall_names.h"

#include <seccomp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <numeric>
#include <utility>

namespace shardrun::seccomp {
namespace {

constexpr std::uint32_t kX32Bit = 0x40000000;
constexpr std::uint32_t kHighestNumber = 600;  // Of any call on the arches we know, x32's bit off.

struct NewerCall {
    const char* name;
    std::uint32_t number;
};

// Calls that Debian 12's libseccomp (2.5.4, patched up to 456) lacks. Since Linux 5.1 a new call
// has the same number on every arch. Source: the kernel's scripts/syscall.tbl up to 7.0.
constexpr NewerCall kNewerCalls[] = {
    {"cachestat", 451},         {"fchmodat2", 452},        {"map_shadow_stack", 453},
    {"futex_wake", 454},        {"futex_wait", 455},       {"futex_requeue", 456},
    {"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
    {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
    {"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
    {"file_setattr", 469},      {"listns", 470},           {"rseq_slice_yield", 471},
};

// Only x86_64 has these; the kernel's own trampolines make them. Source: syscall_64.tbl.
constexpr NewerCall kNewerX86Calls[] = {{"uretprobe", 335}, {"uprobe", 336}};

std::optional<std::uint32_t> newer_number(const std::string& name, Arch arch) {
    for (const NewerCall& call : kNewerCalls)
        if (name == call.name) return call.number | (arch == Arch::x32 ? kX32Bit : 0);
    if (arch != Arch::x86_64) return std::nullopt;
    for (const NewerCall& call : kNewerX86Calls)
        if (name == call.name) return call.number;
    return std::nullopt;
}

std::uint32_t token(Arch arch) {
    return static_cast<std::uint32_t>(arch);
}

std::optional<std::string> library_name_of(std::uint32_t number, Arch arch) {
    char* text = seccomp_syscall_resolve_num_arch(token(arch), static_cast<int>(number));
    if (text == nullptr) return std::nullopt;
    std::string name = text;
    std::free(text);  // NOLINT(cppcoreguidelines-no-malloc): libseccomp hands out malloc'ed text.
    return name;
}

// x86 can make socket and System V calls directly or through a multiplexer, and libseccomp's name
// lookup only tells the latter.
std::optional<std::uint32_t> direct_x86_number(const std::string& name) {
    static const std::map<std::string, std::uint32_t> kNumbers = [] {
        std::map<std::string, std::uint32_t> numbers;
        for (std::uint32_t number = 0; number <= kHighestNumber; ++number)
            if (auto found = library_name_of(number, Arch::x86)) numbers.emplace(*found, number);
        return numbers;
    }();
    const auto found = kNumbers.find(name);
    return found == kNumbers.end() ? std::nullopt : std::optional(found->second);
}

// libseccomp numbers the multiplexed calls -100 - SYS_* and -200 - the ipc(2) code.
std::optional<CallBinding> multiplexed_x86_call(int pseudo_number) {
    constexpr std::uint32_t kSocketcall = 102;
    constexpr std::uint32_t kIpc = 117;
    if (pseudo_number < -100 && pseudo_number >= -120)
        return CallBinding{kSocketcall, static_cast<std::uint32_t>(-pseudo_number - 100)};
    if (pseudo_number < -200 && pseudo_number >= -224)
        return CallBinding{kIpc, static_cast<std::uint32_t>(-pseudo_number - 200)};
    return std::nullopt;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
        }
    }
    return row.back();
}

const std::vector<std::string>& native_names() {
    static const std::vector<std::string> kNames = [] {
        std::vector<std::string> names;
        for (std::uint32_t number = 0; number <= kHighestNumber; ++number)
            if (auto name = name_of(number, kNativeArch)) names.push_back(*std::move(name));
        return names;
    }();
    return kNames;
}

}  // namespace

std::vector<CallBinding> bindings_of(const std::string& name, Arch arch) {
    const int number = seccomp_syscall_resolve_name_arch(token(arch), name.c_str());
    if (number >= 0) return {{static_cast<std::uint32_t>(number), std::nullopt}};
    std::vector<CallBinding> bindings;
    if (number == __NR_SCMP_ERROR) {
        if (const auto newer = newer_number(name, arch)) bindings.push_back({*newer, std::nullopt});
        return bindings;
    }
    if (arch != Arch::x86) return bindings;
    if (const auto muxed = multiplexed_x86_call(number)) {
        bindings.push_back(*muxed);
        if (const auto direct = direct_x86_number(name))
            bindings.push_back({*direct, std::nullopt});
    }
    return bindings;
}

bool is_known_syscall(const std::string& name) {
    return seccomp_syscall_resolve_name(name.c_str()) != __NR_SCMP_ERROR ||
           newer_number(name, Arch::x86_64).has_value();
}

std::optional<std::string> name_of(std::uint32_t number, Arch arch) {
    if (auto name = library_name_of(number, arch)) return name;
    const std::uint32_t bare = arch == Arch::x32 ? number & ~kX32Bit : number;
    for (const NewerCall& call : kNewerCalls)
        if (bare == call.number) return call.name;
    for (const NewerCall& call : kNewerX86Calls)
        if (arch == Arch::x86_64 && bare == call.number) return call.name;
    return std::nullopt;
}

std::optional<std::string> closest_syscall_name(std::string_view name) {
    constexpr std::size_t kNameMax = 40;  // Longer than any call; bounds the work on hostile text.
    if (name.size() < 4 || name.size() > kNameMax) return std::nullopt;
    std::optional<std::string> best;
    std::size_t best_distance = 3;
    for (const std::string& known : native_names()) {
        const std::size_t distance = edit_distance(name, known);
        if (distance < best_distance) {
            best_distance = distance;
            best = known;
        }
    }
    return best;
}

}  // namespace shardrun::seccomp
