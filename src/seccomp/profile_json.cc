#include <algorithm>
#include <cctype>
#include <set>

#include "base/fail.h"
#include "seccomp/json_text.h"
#include "seccomp/profile.h"
#include "seccomp/profile_fields.h"
#include "seccomp/syscall_names.h"

namespace shardrun::seccomp {
namespace {

constexpr std::uint16_t kDefaultErrno = EPERM;
constexpr std::size_t kArgsMax = 32;      // Conditions in one rule; a call has six arguments.
constexpr std::size_t kWarningsMax = 20;  // More would bury the log.

bool looks_like_a_name(const std::string& name) {
    return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
        return c == '_' || (c < 0x80 && std::isalnum(c) != 0);
    });
}

/// One document on its way to a Profile.
class ProfileReader {
 public:
    ProfileReader(const nlohmann::json& document, const ProfileContext& context)
        : root_(document, ""), context_(context) {}

    Result<Profile> read();

 private:
    Result<void> read_defaults();
    Result<void> read_arches();
    Result<void> read_arch_list(const JsonField& list);
    Result<void> read_arch_map(const JsonField& list);
    Result<void> read_rules();
    Result<void> read_rule(const JsonField& field);
    Result<bool> applies(const JsonField& field);
    Result<std::vector<std::string>> read_names(const JsonField& field);
    Result<std::uint16_t> read_errno(const JsonField& field, const char* number_key,
                                     const char* name_key) const;
    Result<std::vector<ArgCheck>> read_args(const JsonField& field);
    void add_arch(std::optional<Arch> arch);
    void check_names(const std::vector<std::string>& names, const std::string& path);
    void warn(std::string sentence);

    JsonField root_;
    const ProfileContext& context_;
    Profile profile_;
    std::set<std::string> unknown_names_;
    std::size_t names_count_ = 0;
};

void ProfileReader::warn(std::string sentence) {
    if (profile_.warnings.size() < kWarningsMax) profile_.warnings.push_back(std::move(sentence));
}

Result<std::uint16_t> ProfileReader::read_errno(const JsonField& field, const char* number_key,
                                                const char* name_key) const {
    // Podman writes the name as well; the number, which every runtime reads, decides.
    for (const char* key : {number_key, name_key})
        if (field.has(key) && !field.at(key).is_blank()) return parse_errno(field.at(key));
    return kDefaultErrno;
}

Result<void> ProfileReader::read_defaults() {
    if (!root_.has("defaultAction"))
        return refuse(EINVAL,
                      "the profile has no \"defaultAction\"; write \"SCMP_ACT_ERRNO\" to refuse "
                      "every call that no rule allows");
    SR_TRY(const std::uint16_t code, read_errno(root_, "defaultErrnoRet", "defaultErrno"));
    SR_TRY(profile_.default_action, parse_action(root_.at("defaultAction"), code));
    // As runc does: what is newer than a profile that refuses by default gets ENOSYS, and programs
    // fall back. A tracer decides for itself.
    const bool traces = strictness_rank(profile_.default_action) == SECCOMP_RET_TRACE;
    if (!performs_call(profile_.default_action) && !traces)
        profile_.newer_call_action = errno_action(ENOSYS);
    if (root_.has("flags")) {
        SR_TRY(profile_.load_flags, parse_flags(root_.at("flags")));
    }
    for (const char* key : {"listenerPath", "listenerMetadata"})
        if (root_.has(key) && !root_.at(key).is_blank())
            return refuse(
                EINVAL, "\"{}\" is for SCMP_ACT_NOTIFY, which shards do not have; remove it", key);
    return {};
}

void ProfileReader::add_arch(std::optional<Arch> arch) {
    if (arch && std::ranges::find(profile_.arches, *arch) == profile_.arches.end())
        profile_.arches.push_back(*arch);
}

Result<void> ProfileReader::read_arch_list(const JsonField& list) {
    SR_TRY(const std::vector<JsonField> elements, list.elements());
    for (const JsonField& element : elements) {
        SR_TRY(const std::optional<Arch> arch, parse_arch(element, context_.arch));
        add_arch(arch);
    }
    return {};
}

// Docker's format: for each machine the arches that it may run besides its own.
Result<void> ProfileReader::read_arch_map(const JsonField& list) {
    SR_TRY(const std::vector<JsonField> elements, list.elements());
    for (const JsonField& element : elements) {
        SR_DO(element.expect_keys({"architecture", "subArchitectures"}));
        if (!element.has("architecture"))
            return refuse(EINVAL, "{} has no \"architecture\"; add one or remove the entry",
                          element.path());
        SR_TRY(const std::optional<Arch> arch,
               parse_arch(element.at("architecture"), context_.arch));
        if (arch == context_.arch && element.has("subArchitectures"))
            SR_DO(read_arch_list(element.at("subArchitectures")));
    }
    return {};
}

Result<void> ProfileReader::read_arches() {
    profile_.arches = {context_.arch};
    const bool has_list = root_.has("architectures") && !root_.at("architectures").is_blank();
    const bool has_map = root_.has("archMap") && !root_.at("archMap").is_blank();
    if (has_list && has_map)
        return refuse(EINVAL,
                      "the profile has both \"architectures\" and \"archMap\"; remove one of them");
    if (has_list) return read_arch_list(root_.at("architectures"));
    if (has_map) return read_arch_map(root_.at("archMap"));
    return {};
}

// What nobody knows is skipped, as other runtimes do: profiles list calls of other kernels. But a
// misspelt name would refuse, or let through, without a word.
void ProfileReader::check_names(const std::vector<std::string>& names, const std::string& path) {
    for (const std::string& name : names) {
        if (is_known_syscall(name) || !unknown_names_.insert(name).second) continue;
        const auto meant = closest_syscall_name(name);
        const std::string hint = meant ? fmt::format("; did you mean '{}'?", *meant) : "";
        warn(fmt::format("{}: no system call is called '{:.40}', skipped{}", path, name, hint));
    }
}

Result<std::vector<std::string>> ProfileReader::read_names(const JsonField& field) {
    const bool has_name = field.has("name") && !field.at("name").is_blank();
    const bool has_names = field.has("names") && !field.at("names").is_blank();
    if (has_name == has_names)
        return refuse(EINVAL, "{} needs either \"names\" (a list) or \"name\"", field.path());
    std::vector<JsonField> fields;
    if (has_name) {
        fields.push_back(field.at("name"));
    } else {
        SR_TRY(fields, field.at("names").elements());
    }
    std::vector<std::string> names;
    for (const JsonField& one : fields) {
        SR_TRY(std::string name, one.text());
        if (!looks_like_a_name(name))
            return refuse(EINVAL, "{} is {}; a call's name has letters, digits and '_' only",
                          one.path(), one.shown());
        names.push_back(std::move(name));
    }
    names_count_ += names.size();
    if (names_count_ > kProfileNamesMax)
        return refuse(E2BIG, "{}: the profile names more than {} calls; merge its rules",
                      field.path(), kProfileNamesMax);
    check_names(names, field.path());
    std::erase_if(names, [](const std::string& name) { return !is_known_syscall(name); });
    return names;
}

Result<std::vector<ArgCheck>> ProfileReader::read_args(const JsonField& field) {
    std::vector<ArgCheck> args;
    SR_TRY(const std::vector<JsonField> elements, field.elements());
    if (elements.size() > kArgsMax)
        return refuse(E2BIG, "{} has {} conditions; at most {} are read", field.path(),
                      elements.size(), kArgsMax);
    for (const JsonField& element : elements) {
        SR_TRY(const ArgCheck check, parse_arg_check(element));
        const bool twice = std::ranges::find(args, check.index, &ArgCheck::index) != args.end();
        if (twice)
            warn(
                fmt::format("{}: two conditions on argument {} in one rule; both must hold here, "
                            "while runc takes either",
                            element.path(), check.index));
        args.push_back(check);
    }
    return args;
}

Result<bool> ProfileReader::applies(const JsonField& field) {
    // Both are read even when one decides: a mistake in a profile shows on every machine.
    bool included = true;
    bool excluded = false;
    if (field.has("includes")) {
        SR_TRY(included, is_included(field.at("includes"), context_));
    }
    if (field.has("excludes")) {
        SR_TRY(excluded, is_excluded(field.at("excludes"), context_));
    }
    return included && !excluded;
}

Result<void> ProfileReader::read_rule(const JsonField& field) {
    SR_DO(field.expect_keys({"names", "name", "action", "errnoRet", "errno", "args", "comment",
                             "includes", "excludes"}));
    if (!field.has("action"))
        return refuse(EINVAL, "{} has no \"action\"; write for example \"SCMP_ACT_ALLOW\"",
                      field.path());
    Rule rule;
    SR_TRY(rule.names, read_names(field));
    SR_TRY(const std::uint16_t code, read_errno(field, "errnoRet", "errno"));
    SR_TRY(rule.action, parse_action(field.at("action"), code));
    if (field.has("args")) {
        SR_TRY(rule.args, read_args(field.at("args")));
    }
    SR_TRY(const bool applied, applies(field));
    if (applied)
        profile_.rules.push_back(std::move(rule));
    else
        std::ranges::move(rule.names, std::back_inserter(profile_.other_known_names));
    return {};
}

Result<void> ProfileReader::read_rules() {
    if (!root_.has("syscalls")) return {};
    SR_TRY(const std::vector<JsonField> elements, root_.at("syscalls").elements());
    if (elements.size() > kProfileRulesMax)
        return refuse(E2BIG, "the profile has {} rules; at most {} are read", elements.size(),
                      kProfileRulesMax);
    for (const JsonField& element : elements) SR_DO(read_rule(element));
    return {};
}

Result<Profile> ProfileReader::read() {
    SR_DO(root_.expect_keys({"defaultAction", "defaultErrnoRet", "defaultErrno", "architectures",
                             "archMap", "flags", "syscalls", "listenerPath", "listenerMetadata"}));
    SR_DO(read_defaults());
    SR_DO(read_arches());
    SR_DO(read_rules());
    return std::move(profile_);
}

}  // namespace

Result<Profile> parse_profile_json(std::string_view text, const ProfileContext& context) {
    SR_TRY(const nlohmann::json document, read_json(text));
    return ProfileReader(document, context).read();
}

}  // namespace shardrun::seccomp
