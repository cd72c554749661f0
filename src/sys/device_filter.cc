#include "sys/device_filter.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/fail.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {
namespace {

/// The registers of the program.
enum Register : std::uint8_t { kResult = 0, kContext = 1, kAccess = 2, kMajor = 3, kMinor = 4 };

constexpr std::uint32_t kMemoryMajor = 1;
constexpr std::uint32_t kTtyMajor = 5;
constexpr std::uint32_t kPtsMajor = 136;

bpf_insn make(std::uint8_t code, std::uint8_t to, std::uint8_t from, std::int16_t offset,
              std::int32_t value) {
    bpf_insn instruction{};
    instruction.code = code;
    instruction.dst_reg = to & 0xfU;
    instruction.src_reg = from & 0xfU;
    instruction.off = offset;
    instruction.imm = value;
    return instruction;
}

bpf_insn load_field(std::uint8_t to, std::size_t offset) {
    return make(BPF_LDX | BPF_MEM | BPF_W, to, kContext, static_cast<std::int16_t>(offset), 0);
}

/// "If the register is not `value`, skip `count` instructions."
bpf_insn skip_unless(std::uint8_t of, std::uint32_t value, std::int16_t count) {
    return make(BPF_JMP | BPF_JNE | BPF_K, of, 0, count, static_cast<std::int32_t>(value));
}

void add_return(std::vector<bpf_insn>& program, int verdict) {
    program.push_back(make(BPF_ALU64 | BPF_MOV | BPF_K, kResult, 0, 0, verdict));
    program.push_back(make(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

void allow(std::vector<bpf_insn>& program, std::uint32_t major,
           std::initializer_list<std::uint32_t> minors) {
    for (const std::uint32_t minor : minors) {
        program.push_back(skip_unless(kMajor, major, 3));
        program.push_back(skip_unless(kMinor, minor, 2));
        add_return(program, 1);
    }
}

std::vector<bpf_insn> device_program() {
    std::vector<bpf_insn> program{
        load_field(kAccess, offsetof(bpf_cgroup_dev_ctx, access_type)),
        load_field(kMajor, offsetof(bpf_cgroup_dev_ctx, major)),
        load_field(kMinor, offsetof(bpf_cgroup_dev_ctx, minor)),
    };
    // Nobody makes nodes, and nobody opens block devices.
    program.push_back(make(BPF_JMP | BPF_JSET | BPF_K, kAccess, 0, 2, BPF_DEVCG_ACC_MKNOD << 16));
    program.push_back(make(BPF_ALU64 | BPF_AND | BPF_K, kAccess, 0, 0, 0xffff));
    program.push_back(make(BPF_JMP | BPF_JEQ | BPF_K, kAccess, 0, 2, BPF_DEVCG_DEV_CHAR));
    add_return(program, 0);
    allow(program, kMemoryMajor, {3, 5, 7, 8, 9});
    allow(program, kTtyMajor, {0, 2});
    program.push_back(skip_unless(kMajor, kPtsMajor, 2));
    add_return(program, 1);
    add_return(program, 0);
    return program;
}

template <class T>
std::uint64_t address_of(const T* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

Result<UniqueFd> load(const std::vector<bpf_insn>& program) {
    static constexpr std::array<char, 11> kLicense{"Apache-2.0"};
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.insn_cnt = static_cast<std::uint32_t>(program.size());
    attributes.insns = address_of(program.data());
    attributes.license = address_of(kLicense.data());
    UniqueFd fd(
        static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes))));
    if (!fd) return fail_errno("load the device filter");
    return fd;
}

}  // namespace

Result<void> restrict_devices(const CgroupDir& cgroup) {
    SR_TRY(const UniqueFd program, load(device_program()));
    bpf_attr attributes{};
    attributes.target_fd = static_cast<std::uint32_t>(cgroup.fd());
    attributes.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    if (::syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof(attributes)) != 0)
        return fail_errno("attach the device filter to cgroup '{}'", cgroup.path());
    return {};
}

}  // namespace shardrun::sys
