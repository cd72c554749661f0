#include "sys/helper_link.h"

#include <array>
#include <cerrno>

namespace shardrun::sys {

Result<void> HelperLink::send(std::vector<std::byte> order, std::vector<UniqueFd> fds) {
    unsent_.push_back({std::move(order), std::move(fds), 0});
    return flush();
}

Result<void> HelperLink::send_job(JobKind kind, std::vector<std::byte> order,
                                  std::vector<UniqueFd> fds) {
    const std::size_t bound = kind == JobKind::urgent ? jobs_max_ : jobs_max_ - jobs_max_ / 4;
    if (jobs_under_way_ >= bound)
        return refuse(EAGAIN, "{} has {} jobs under way already", name_, jobs_under_way_);
    ++jobs_under_way_;
    if (kind == JobKind::urgent || orders_per_packet_max_ == 1)
        return send(std::move(order), std::move(fds));
    if (!join_last(order, fds))
        unsent_.push_back({std::move(order), std::move(fds), orders_per_packet_max_ - 1});
    return unsent_.back().orders_left > 0 ? Result<void>() : flush();
}

/// Into the packet that waits last, if it has room.
bool HelperLink::join_last(std::span<const std::byte> order, std::vector<UniqueFd>& fds) {
    if (unsent_.empty() || unsent_.back().orders_left == 0) return false;
    Unsent& last = unsent_.back();
    last.bytes.insert(last.bytes.end(), order.begin(), order.end());
    std::ranges::move(fds, std::back_inserter(last.fds));
    --last.orders_left;
    return true;
}

Result<void> HelperLink::flush() {
    while (!unsent_.empty()) {
        SR_TRY(const bool is_sent, try_send(unsent_.front()));
        if (!is_sent) return {};
        unsent_.pop_front();
    }
    return {};
}

Result<bool> HelperLink::try_send(const Unsent& order) const {
    const std::array<std::span<const std::byte>, 1> parts{order.bytes};
    std::vector<int> numbers;
    numbers.reserve(order.fds.size());
    for (const UniqueFd& fd : order.fds) numbers.push_back(fd.get());
    const auto done = send_packet(fd(), parts, numbers);
    if (done) return true;
    if (done.error().code == EAGAIN || done.error().code == EINTR) return false;
    return refuse(EPIPE, "{} is gone", name_);
}

}  // namespace shardrun::sys
