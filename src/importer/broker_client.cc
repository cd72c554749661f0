#include "importer/broker_client.h"

#include <poll.h>

#include <array>
#include <span>
#include <string>

#include "base/fail.h"
#include "image/broker.h"
#include "image/entry_codec.h"
#include "sys/seqpacket.h"

namespace shardrun::importer {

namespace {

Result<BrokeredFile> take_answer(sys::Packet answer) {
    ByteReader in(answer.bytes);
    SR_TRY(const std::uint32_t code, in.read<std::uint32_t>());
    if (code != 0) return refuse(static_cast<int>(code), "{}", errno_text(static_cast<int>(code)));
    BrokeredFile file;
    while (!in.empty()) {
        image::Xattr xattr;
        SR_TRY(xattr.name, image::read_sized<std::uint8_t>(in));
        SR_TRY(xattr.value, image::read_sized<std::uint32_t>(in));
        file.xattrs.push_back(std::move(xattr));
    }
    if (answer.fds.size() != 1) return fail(EPROTO, "no file came");
    file.fd = std::move(answer.fds.front());
    return file;
}

}  // namespace

Result<BrokeredFile> BrokerClient::open(std::string_view path) const {
    const std::string question = "/" + std::string(path);
    const std::array<std::span<const std::byte>, 1> parts{std::as_bytes(std::span(question))};
    SR_DO(sys::send_packet(socket_, parts));
    while (true) {
        pollfd waiting{socket_, POLLIN, 0};
        if (::poll(&waiting, 1, -1) < 0 && errno != EINTR) return fail_errno("wait for an answer");
        SR_TRY(sys::Packet answer, sys::receive_packet(socket_, image::kBrokerAnswerMax));
        if (answer.is_empty) continue;
        if (answer.is_end) return fail(EPIPE, "open '{}'", path);
        return while_doing(take_answer(std::move(answer)), "open '{}'", path);
    }
}

}  // namespace shardrun::importer
