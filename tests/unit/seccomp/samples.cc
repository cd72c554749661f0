#include "samples.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <set>

#include "seccomp/syscall_names.h"

namespace shardrun::seccomp::test {
namespace {

constexpr std::uint32_t kX32Bit = 0x40000000;
constexpr std::uint32_t kOddNumbers[] = {601,        0xfffe,     0xffff,     0x3fffffff,
                                         0x40000000, 0x4fffffff, 0x7fffffff, 0x80000000,
                                         0xbfffffff, 0xfffffffe, 0xffffffff};
constexpr Arch kAllArches[] = {Arch::x86_64, Arch::x86, Arch::aarch64, Arch::arm};
constexpr int kTriesWithConditions = 60;

/// Values that the conditions on one call compare each argument with.
using Interesting = std::array<std::set<std::uint64_t>, 6>;

void add_values(Interesting& values, const ArgCheck& check) {
    std::set<std::uint64_t>& of = values[check.index];
    for (const std::uint64_t base : {check.value, check.mask, check.value | ~check.mask}) {
        for (const std::uint64_t near : {base - 1, base, base + 1})
            for (const std::uint64_t high :
                 {std::uint64_t{0}, std::uint64_t{1} << 32, std::uint64_t{0xffffffff} << 32})
                of.insert(near ^ high);
        for (int bit = 0; bit < 64; ++bit) of.insert(base ^ (std::uint64_t{1} << bit));
    }
    of.insert({0, 1, ~std::uint64_t{0}, 0xffffffff, 0x80000000, std::uint64_t{1} << 63});
}

std::map<std::uint32_t, Interesting> conditions_by_number(const Profile& profile, Arch arch) {
    std::map<std::uint32_t, Interesting> found;
    for (const Rule& rule : profile.rules)
        for (const std::string& name : rule.names)
            for (const CallBinding& binding : bindings_of(name, arch)) {
                for (const ArgCheck& check : rule.args) add_values(found[binding.number], check);
                if (binding.subcall)
                    add_values(found[binding.number], {0, CompareOp::eq, *binding.subcall});
            }
    return found;
}

class Sampler {
 public:
    Sampler(const Profile& profile, Width width, std::mt19937_64& random)
        : profile_(profile), width_(width), random_(random) {}

    std::vector<seccomp_data> sample() {
        for (const Arch arch : kAllArches) {
            conditions_ = conditions_by_number(profile_, arch);
            for (std::uint32_t number = 0; number <= 600; ++number) add_call(arch, number);
            for (const std::uint32_t number : kOddNumbers) add_call(arch, number);
        }
        conditions_ = conditions_by_number(profile_, Arch::x32);
        for (std::uint32_t number = 0; number <= 600; ++number)
            add_call(Arch::x86_64, number | kX32Bit);
        return std::move(calls_);
    }

 private:
    void add_call(Arch arch, std::uint32_t number) {
        const auto found = conditions_.find(number);
        if (found == conditions_.end()) {
            add(arch, number, {});
            return add(arch, number, random_args());
        }
        // Each value of each argument once, the other arguments at random among theirs.
        for (std::size_t i = 0; i < 6; ++i)
            for (const std::uint64_t value : found->second[i]) {
                auto args = chosen_args(found->second);
                args[i] = value;
                add(arch, number, args);
            }
        for (int i = 0; i < kTriesWithConditions; ++i)
            add(arch, number, chosen_args(found->second));
    }

    std::array<std::uint64_t, 6> random_args() {
        std::array<std::uint64_t, 6> args{};
        for (std::uint64_t& arg : args) arg = random_() >> random_() % 64;
        return args;
    }

    std::array<std::uint64_t, 6> chosen_args(const Interesting& values) {
        std::array<std::uint64_t, 6> args = random_args();
        for (std::size_t i = 0; i < 6; ++i) {
            if (values[i].empty() || random_() % 8 == 0) continue;
            auto at = values[i].begin();
            std::advance(at, random_() % values[i].size());
            args[i] = *at;
        }
        return args;
    }

    void add(Arch arch, std::uint32_t number, std::array<std::uint64_t, 6> args) {
        seccomp_data call{};
        call.nr = static_cast<int>(number);
        call.arch = static_cast<std::uint32_t>(arch);
        call.instruction_pointer = random_();
        for (std::size_t i = 0; i < 6; ++i)
            call.args[i] = width_ == Width::low_32_bits ? args[i] & 0xffffffff : args[i];
        calls_.push_back(call);
    }

    const Profile& profile_;
    Width width_;
    std::mt19937_64& random_;
    std::map<std::uint32_t, Interesting> conditions_;
    std::vector<seccomp_data> calls_;
};

}  // namespace

std::vector<seccomp_data> sample_calls(const Profile& profile, Width width,
                                       std::mt19937_64& random) {
    return Sampler(profile, width, random).sample();
}

std::string describe(const seccomp_data& call) {
    const auto number = static_cast<std::uint32_t>(call.nr);
    return fmt::format("arch {:x} call {:#x} ({}) args {:x} {:x} {:x} {:x} {:x} {:x}", call.arch,
                       number, name_of(number, Arch{call.arch}).value_or("?"), call.args[0],
                       call.args[1], call.args[2], call.args[3], call.args[4], call.args[5]);
}

}  // namespace shardrun::seccomp::test
