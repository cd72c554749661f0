#include "seccomp/profile_fields.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/capability.h"
#include "base/fail.h"

namespace shardrun::seccomp {
namespace {

template <class T>
struct Named {
    std::string_view name;
    T value;
};

template <class T, std::size_t N>
const T* find_named(const Named<T> (&table)[N], std::string_view name) {
    const auto* found = std::ranges::find(table, name, &Named<T>::name);
    return found == std::end(table) ? nullptr : &found->value;
}

template <class T, std::size_t N>
std::string names_in(const Named<T> (&table)[N]) {
    std::string line;
    for (const Named<T>& one : table) line += (line.empty() ? "" : ", ") + std::string(one.name);
    return line;
}

constexpr std::uint32_t kErrno = SECCOMP_RET_ERRNO;
constexpr std::uint32_t kTrace = SECCOMP_RET_TRACE;

constexpr Named<std::uint32_t> kActions[] = {
    {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
    {"SCMP_ACT_ERRNO", kErrno},
    {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
    {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
    {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
    {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
    {"SCMP_ACT_LOG", SECCOMP_RET_LOG},
    {"SCMP_ACT_TRACE", kTrace},
};

constexpr Named<CompareOp> kOperators[] = {
    {"SCMP_CMP_NE", CompareOp::ne},
    {"SCMP_CMP_LT", CompareOp::lt},
    {"SCMP_CMP_LE", CompareOp::le},
    {"SCMP_CMP_EQ", CompareOp::eq},
    {"SCMP_CMP_GE", CompareOp::ge},
    {"SCMP_CMP_GT", CompareOp::gt},
    {"SCMP_CMP_MASKED_EQ", CompareOp::masked_eq},
};

// 0: an arch of the format that neither x86_64 nor aarch64 kernels run.
constexpr Named<std::uint32_t> kArches[] = {
    {"SCMP_ARCH_X86_64", static_cast<std::uint32_t>(Arch::x86_64)},
    {"SCMP_ARCH_X86", static_cast<std::uint32_t>(Arch::x86)},
    {"SCMP_ARCH_X32", static_cast<std::uint32_t>(Arch::x32)},
    {"SCMP_ARCH_AARCH64", static_cast<std::uint32_t>(Arch::aarch64)},
    {"SCMP_ARCH_ARM", static_cast<std::uint32_t>(Arch::arm)},
    {"SCMP_ARCH_MIPS", 0},
    {"SCMP_ARCH_MIPS64", 0},
    {"SCMP_ARCH_MIPS64N32", 0},
    {"SCMP_ARCH_MIPSEL", 0},
    {"SCMP_ARCH_MIPSEL64", 0},
    {"SCMP_ARCH_MIPSEL64N32", 0},
    {"SCMP_ARCH_PPC", 0},
    {"SCMP_ARCH_PPC64", 0},
    {"SCMP_ARCH_PPC64LE", 0},
    {"SCMP_ARCH_S390", 0},
    {"SCMP_ARCH_S390X", 0},
    {"SCMP_ARCH_PARISC", 0},
    {"SCMP_ARCH_PARISC64", 0},
    {"SCMP_ARCH_RISCV64", 0},
    {"SCMP_ARCH_LOONGARCH64", 0},
    {"SCMP_ARCH_M68K", 0},
    {"SCMP_ARCH_SH", 0},
    {"SCMP_ARCH_SHEB", 0},
};

// The filter is loaded by a process with one thread, so TSYNC has nothing to do.
constexpr Named<std::uint32_t> kFlags[] = {
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_TSYNC", 0},
};

// Go's names, which Docker's files use, and the kernel's.
constexpr Named<Arch> kShortArches[] = {
    {"amd64", Arch::x86_64},    {"x86_64", Arch::x86_64}, {"x86", Arch::x86},
    {"386", Arch::x86},         {"x32", Arch::x32},       {"arm64", Arch::aarch64},
    {"aarch64", Arch::aarch64}, {"arm", Arch::arm},
};

Result<bool> is_granted(const JsonField& field, const ProfileContext& context) {
    SR_TRY(const std::string name, field.text());
    const std::optional<unsigned> number = capability_number(name);
    if (!number)
        return refuse(EINVAL, "{} is {}, which is no capability; write for example CAP_SYS_ADMIN",
                      field.path(), field.shown());
    return (context.capabilities >> *number & 1) != 0;
}

// How many of the listed capabilities are granted.
struct GrantCount {
    std::size_t listed = 0;
    std::size_t granted = 0;
};

Result<GrantCount> count_granted(const JsonField& field, const ProfileContext& context) {
    GrantCount count;
    SR_TRY(const std::vector<JsonField> names, field.elements());
    for (const JsonField& name : names) {
        SR_TRY(const bool granted, is_granted(name, context));
        ++count.listed;
        count.granted += granted ? 1 : 0;
    }
    return count;
}

Result<bool> names_arch(const JsonField& field, Arch native) {
    SR_TRY(const std::vector<std::string> names, field.texts());
    return std::ranges::any_of(names, [&](const std::string& name) {
        const Arch* arch = find_named(kShortArches, name);
        return arch != nullptr && *arch == native;
    });
}

Result<KernelVersion> parse_kernel_version(const JsonField& field) {
    SR_TRY(const std::string text, field.text());
    KernelVersion version;
    const char* const end = text.data() + text.size();
    const auto release = std::from_chars(text.data(), end, version.release);
    if (release.ec == std::errc() && release.ptr != end && *release.ptr == '.') {
        const auto patchlevel = std::from_chars(release.ptr + 1, end, version.patchlevel);
        if (patchlevel.ec == std::errc() && patchlevel.ptr == end) return version;
    }
    return refuse(EINVAL, "{} is {}; write a kernel version such as \"4.8\"", field.path(),
                  field.shown());
}

bool gives(const JsonField& conditions, const char* key) {
    return conditions.has(key) && !conditions.at(key).is_blank();
}

}  // namespace

Result<Action> parse_action(const JsonField& field, std::uint16_t value) {
    SR_TRY(const std::string name, field.text());
    if (name == "SCMP_ACT_NOTIFY")
        return refuse(EINVAL,
                      "{} is SCMP_ACT_NOTIFY, which needs a listening process that shards do not "
                      "have; use SCMP_ACT_ERRNO or SCMP_ACT_LOG",
                      field.path());
    const std::uint32_t* word = find_named(kActions, name);
    if (word == nullptr)
        return refuse(EINVAL, "{} is {}; known actions: {}", field.path(), field.shown(),
                      names_in(kActions));
    return Action(*word == kErrno || *word == kTrace ? *word | value : *word);
}

Result<ArgCheck> parse_arg_check(const JsonField& field) {
    constexpr std::uint64_t kIndexMax = 5;
    SR_DO(field.expect_keys({"index", "value", "valueTwo", "op"}));
    for (const char* key : {"index", "value", "op"})
        if (!field.has(key))
            return refuse(EINVAL, "{} has no \"{}\"; a condition needs index, value and op",
                          field.path(), key);
    ArgCheck check;
    SR_TRY(const std::uint64_t index, field.at("index").number(kIndexMax));
    check.index = static_cast<unsigned>(index);
    SR_TRY(check.value, field.at("value").number(~std::uint64_t{0}));
    SR_TRY(const std::string name, field.at("op").text());
    const CompareOp* op = find_named(kOperators, name);
    if (op == nullptr)
        return refuse(EINVAL, "{}.op is {}; known operators: {}", field.path(),
                      field.at("op").shown(), names_in(kOperators));
    check.op = *op;
    if (check.op != CompareOp::masked_eq) return check;
    // Here the format's "value" is the mask and "valueTwo" what the masked argument equals.
    check.mask = check.value;
    check.value = 0;
    if (field.has("valueTwo")) {
        SR_TRY(check.value, field.at("valueTwo").number(~std::uint64_t{0}));
    }
    return check;
}

Result<std::optional<Arch>> parse_arch(const JsonField& field, Arch native) {
    SR_TRY(const std::string name, field.text());
    const std::uint32_t* token = find_named(kArches, name);
    if (token == nullptr)
        return refuse(EINVAL, "{} is {}; known architectures: {}", field.path(), field.shown(),
                      names_in(kArches));
    const bool runs_x86 = native == Arch::x86_64;
    const Arch arch{*token};
    const bool is_x86 = arch == Arch::x86_64 || arch == Arch::x86 || arch == Arch::x32;
    const bool is_arm = arch == Arch::aarch64 || arch == Arch::arm;
    if (runs_x86 ? is_x86 : is_arm) return std::optional(arch);
    return std::optional<Arch>();
}

Result<std::uint16_t> parse_errno(const JsonField& field) {
    constexpr std::uint64_t kErrnoMax = 4095;  // The kernel's MAX_ERRNO: more is cut down to it.
    Result<std::string> name = field.text();
    if (!name) {
        SR_TRY(const std::uint64_t code, field.number(kErrnoMax));
        return static_cast<std::uint16_t>(code);
    }
    for (int code = 1; code <= EHWPOISON; ++code) {
        const char* known = strerrorname_np(code);
        if (known != nullptr && *name == known) return static_cast<std::uint16_t>(code);
    }
    return refuse(EINVAL, "{} is {}, which is no errno; write for example \"EPERM\" or 1",
                  field.path(), field.shown());
}

Result<std::uint32_t> parse_flags(const JsonField& field) {
    std::uint32_t flags = 0;
    SR_TRY(const std::vector<JsonField> elements, field.elements());
    for (const JsonField& element : elements) {
        SR_TRY(const std::string name, element.text());
        const std::uint32_t* flag = find_named(kFlags, name);
        if (flag == nullptr)
            return refuse(EINVAL, "{} is {}; known flags: {}", element.path(), element.shown(),
                          names_in(kFlags));
        flags |= *flag;
    }
    return flags;
}

Result<bool> is_included(const JsonField& includes, const ProfileContext& context) {
    if (includes.is_blank()) return true;
    SR_DO(includes.expect_keys({"arches", "caps", "minKernel"}));
    bool included = true;
    if (gives(includes, "arches")) {
        SR_TRY(const bool named, names_arch(includes.at("arches"), context.arch));
        included = included && named;
    }
    if (gives(includes, "caps")) {
        SR_TRY(const GrantCount count, count_granted(includes.at("caps"), context));
        included = included && count.granted == count.listed;
    }
    if (gives(includes, "minKernel")) {
        SR_TRY(const KernelVersion version, parse_kernel_version(includes.at("minKernel")));
        included = included && context.kernel >= version;
    }
    return included;
}

Result<bool> is_excluded(const JsonField& excludes, const ProfileContext& context) {
    if (excludes.is_blank()) return false;
    SR_DO(excludes.expect_keys({"arches", "caps", "minKernel"}));
    bool excluded = false;
    if (gives(excludes, "arches")) {
        SR_TRY(const bool named, names_arch(excludes.at("arches"), context.arch));
        excluded = excluded || named;
    }
    if (gives(excludes, "caps")) {
        SR_TRY(const GrantCount count, count_granted(excludes.at("caps"), context));
        excluded = excluded || count.granted > 0;
    }
    if (gives(excludes, "minKernel")) {
        SR_TRY(const KernelVersion version, parse_kernel_version(excludes.at("minKernel")));
        excluded = excluded || context.kernel >= version;
    }
    return excluded;
}

}  // namespace shardrun::seccomp
