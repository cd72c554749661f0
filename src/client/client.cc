#include "shardrun/client.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <iterator>
#include <utility>

#include "base/fail.h"
#include "client/client_state.h"
#include "proto/limits.h"
#include "sys/unix_socket.h"

namespace shardrun {
namespace {

static_assert(std::variant_size_v<Message> == 7, "MessageType follows the order of Message");

Result<std::vector<UniqueFd>> duplicate(std::span<const int> fds) {
    std::vector<UniqueFd> copies;
    for (const int fd : fds) {
        copies.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
        if (!copies.back()) return fail_errno("duplicate descriptor {}", fd);
    }
    return copies;
}

Result<void> make_non_blocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return fail_errno("make socket {} non-blocking", fd);
    return {};
}

}  // namespace

bool ReceivedFrame::has(FrameFlag flag) const {
    return (frame.flags & std::to_underlying(flag)) != 0;
}

const ShardAssignment* ReceivedFrame::assignment() const {
    return std::get_if<ShardAssignment>(&frame.message);
}

std::optional<Error> ReceivedFrame::error() const {
    const auto* reply = std::get_if<ErrorReply>(&frame.message);
    if (reply == nullptr) return std::nullopt;
    return Error{static_cast<int>(reply->code), reply->sentence};
}

UniqueFd ReceivedFrame::take_fd(FdRole role) {
    const ShardAssignment* body = assignment();
    for (std::size_t i = 0; body != nullptr && i < body->fds.size() && i < fds.size(); ++i)
        if (body->fds[i] == role && fds[i]) return std::move(fds[i]);
    return UniqueFd();
}

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<Client> Client::connect(const std::string& path) {
    SR_TRY(UniqueFd socket, sys::connect_unix(path));
    return Client(std::make_unique<State>(std::move(socket)));
}

Result<Client> Client::adopt(UniqueFd socket) {
    SR_DO(make_non_blocking(socket.get()));
    return Client(std::make_unique<State>(std::move(socket)));
}

int Client::fd() const {
    return state_->channel.fd();
}

bool Client::is_open() const {
    return state_->is_open;
}

bool Client::wants_write() const {
    return state_->is_open && !state_->channel.queue().is_empty();
}

Result<std::uint64_t> Client::send(const Message& message, std::span<const int> fds) {
    if (!state_->is_open) return fail(EPIPE, "the supervisor closed the connection");
    if (std::holds_alternative<ErrorReply>(message))
        return refuse(EINVAL, "a client sends no error frames");
    if (fds.size() > proto::kFdCountMax)
        return refuse(E2BIG, "{} descriptors do not fit into one frame, at most {} do", fds.size(),
                      unsigned{proto::kFdCountMax});
    SR_TRY(std::vector<UniqueFd> copies, duplicate(fds));
    const Frame frame{static_cast<MessageType>(message.index() + 1), 0, ++state_->last_correlation,
                      static_cast<std::uint8_t>(fds.size()), message};
    SR_DO(state_->channel.push(frame, std::move(copies)));
    SR_DO(state_->flush());
    return frame.correlation;
}

Result<void> Client::flush() {
    return state_->flush();
}

Result<std::optional<ReceivedFrame>> Client::try_receive() {
    if (state_->set_aside.empty()) return state_->read_frame();
    ReceivedFrame received = std::move(state_->set_aside.front());
    state_->set_aside.pop_front();
    return std::optional(std::move(received));
}

}  // namespace shardrun
