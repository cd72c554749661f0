#include "shard/runner_link.h"

#include <array>
#include <cstring>

#include "base/fail.h"
#include "shard/failure_text.h"
#include "shard/zygote/protocol.h"
#include "sys/sealed_memfd.h"
#include "sys/seqpacket.h"

namespace shardrun::shard {
namespace {

constexpr std::size_t kStringsSizeMax =
    2UL * 1024 * 1024;  ///< beyond it execve refuses in any case

std::string join_strings(const ProgramSpec& program) {
    std::string strings;
    for (const std::string& argument : program.argv) strings.append(argument).push_back('\0');
    for (const std::string& variable : program.env) strings.append(variable).push_back('\0');
    return strings.append(program.cwd) + '\0';
}

zygote::RunOrder order_for(const ProgramSpec& program, std::size_t strings_size) {
    zygote::RunOrder order;
    order.argc = static_cast<std::uint32_t>(program.argv.size());
    order.envc = static_cast<std::uint32_t>(program.env.size());
    order.strings_size = static_cast<std::uint32_t>(strings_size);
    order.files_max = program.files_max;
    if (program.terminal) {
        order.flags |= zygote::kRunTerminal;
        order.rows = program.terminal->rows;
        order.columns = program.terminal->columns;
    }
    return order;
}

}  // namespace

Result<void> send_program(int launch_socket, const ProgramSpec& program,
                          const std::vector<int>& stdio) {
    const std::string strings = join_strings(program);
    if (strings.size() > kStringsSizeMax)
        return fail(E2BIG, "execute '{}' with {} bytes of arguments and environment, {} at most",
                    program.argv[0], strings.size(), kStringsSizeMax);
    zygote::RunOrder order = order_for(program, strings.size());
    std::vector<int> fds = stdio;
    if (!stdio.empty()) order.flags |= zygote::kRunStdio;
    std::span<const std::byte> inlined = std::as_bytes(std::span(strings));
    sys::UniqueFd memfd;
    if (strings.size() > zygote::kInlineArgumentsMax) {
        SR_TRY(memfd, sys::make_sealed_memfd("shardrun-arguments", inlined, sys::MemfdUse::data));
        fds.push_back(memfd.get());
        order.flags |= zygote::kRunArgumentsInMemfd;
        inlined = {};
    }
    const std::array<std::span<const std::byte>, 2> parts{sys::bytes_of(order), inlined};
    return while_doing(sys::send_packet(launch_socket, parts, fds), "hand over program '{}'",
                       program.argv[0]);
}

RunnerNews read_runner_news(int launch_socket) {
    Result<sys::Packet> packet = sys::receive_packet(launch_socket, sizeof(zygote::RunnerMessage));
    if (!packet) return {RunnerNews::Kind::failed, {}, packet.error()};
    if (packet->is_empty) return {};
    const auto* message = sys::as_value<zygote::RunnerMessage>(*packet);
    if (packet->is_end || message == nullptr) return {RunnerNews::Kind::executed, {}, {}};
    if (message->report == zygote::RunnerReport::failed)
        return {RunnerNews::Kind::failed, {}, describe_failure(message->failure)};
    RunnerNews news{RunnerNews::Kind::terminal, {}, {}};
    if (!packet->fds.empty()) news.terminal = std::move(packet->fds.front());
    return news;
}

}  // namespace shardrun::shard
